"""What is at hand of the datasets, counted again; and fetching the rest through a network that is made up."""

import io
from types import SimpleNamespace

import pytest

import compress_core as cc
from compress_core.data import cifar10
from compress_core.data.cifar10 import ARCHIVE_BYTES, Cifar10
from compress_core.data.folder import user_folder
from compress_core.errors import DataError
from compress_core.studies import datasets


@pytest.fixture(autouse=True)
def an_empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPRESS_CORE_CACHE", str(tmp_path))


@pytest.mark.parametrize("name", ["digits", "cifar10"])
def test_images_are_counted_and_shown_class_by_class(name):
    data, counts = cc.dataset(name), datasets.count_images(name)
    test = counts[counts["part"] == "test"]["images"]
    assert test.sum() == data.test_sources(whole=True).unique().numel() and test.nunique() == 1
    labels = data.test()[1]
    assert labels[datasets.examples(name)].tolist() == list(range(10))
    assert datasets.is_whole(name) == (name == "digits") and data.source


def served(content: bytes):
    """A network that gives these bytes for every address."""
    return lambda *_, **__: io.BytesIO(content)


def test_the_download_tells_how_far_it_is_and_ends_in_one_file(monkeypatch, tmp_path):
    content = bytes(range(256)) * 4096
    monkeypatch.setattr(cifar10.urllib.request, "urlopen", served(content))
    told = list(cifar10.download(tmp_path))
    assert told == sorted(told) and len(told) == 4 and told[-1] == len(content) / ARCHIVE_BYTES
    (file,) = tmp_path.iterdir()
    assert file.read_bytes() == content and file.name == "cifar-10-python.tar.gz"


def test_a_download_that_is_stopped_leaves_nothing_that_looks_whole(monkeypatch, tmp_path):
    monkeypatch.setattr(cifar10.urllib.request, "urlopen", served(bytes(2**20)))
    rounds = cifar10.download(tmp_path)
    next(rounds)
    rounds.close()
    assert [file.suffix for file in tmp_path.iterdir()] == [".unfinished"]


def test_without_a_network_it_is_a_sentence(monkeypatch):
    def nobody(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(cifar10.urllib.request, "urlopen", nobody)
    with pytest.raises(DataError, match=r"cannot be fetched \(no route to host\).*171? MB.*--from PATH|170 MB"):
        list(datasets.fetch_whole())


def test_what_was_fetched_is_kept_and_the_dataset_is_opened_anew(monkeypatch):
    """torchvision's reading of the archive is its own; here it gives what the repository's part holds."""
    before = cc.dataset("cifar10")
    monkeypatch.setattr(datasets, "download", lambda root: iter([0.5, 1.0]))
    monkeypatch.setattr(datasets, "read_torchvision", lambda root, download: SimpleNamespace(root=root))
    monkeypatch.setattr(datasets, "keep_whole", lambda images: images.root / "kept")
    rounds, told = datasets.fetch_whole(), []
    while True:
        try:
            told.append(next(rounds))
        except StopIteration as end:
            assert end.value == user_folder() / "kept"
            break
    assert told == [0.5, 1.0]
    assert cc.dataset("cifar10") is not before and isinstance(cc.dataset("cifar10"), Cifar10)
