"""CIFAR-10: the part that travels along, the whole from wherever it comes, and what a training is shown."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

import compress_core as cc
from compress_core.__main__ import main
from compress_core.data import cifar10
from compress_core.data.cifar10 import EMBEDDED, Cifar10, embedded_names
from compress_core.data.folder import user_folder
from compress_core.data.images import LabelledImages, read_images
from compress_core.data.photographs import SHIFT, Part, Photographs
from compress_core.errors import DataError

SOURCE = Path(__file__).parents[3] / "shared" / "data" / "cifar10.zip"


@pytest.fixture(autouse=True)
def an_empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPRESS_CORE_CACHE", str(tmp_path / "cache"))


def test_the_users_folder_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPRESS_CORE_CACHE", str(tmp_path / "own"))
    assert user_folder() == tmp_path / "own"
    monkeypatch.delenv("COMPRESS_CORE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert user_folder() == tmp_path / "xdg" / "compress_core"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert user_folder() == Path.home() / ".cache" / "compress_core"


def test_the_part_that_travels_is_balanced_and_apart():
    data = Cifar10()
    assert {part: len(own) for part, own in data.parts.items()} == {
        "test": 2000, "validation": 2000, "calibration": 1000, "training": 1000
    }  # fmt: skip
    for part, each in EMBEDDED.items():
        assert np.bincount(data.parts[part].labels).tolist() == [each] * 10
        names = embedded_names(part)
        assert len(set(names)) == len(names) == 10 * each
        assert [name.split("/")[0] for name in names[:20]] == [*data.classes] * 2
    images = np.concatenate([data.parts[part].pixels.reshape(-1, 3072) for part in EMBEDDED])
    assert len(np.unique(images, axis=0)) == 5000
    assert not data.is_whole and (Path(cifar10.__file__).parent / "cifar10.zip").stat().st_size < 10e6


@pytest.mark.slow
@pytest.mark.skipif(not SOURCE.exists(), reason=f"{SOURCE} is not here")
def test_it_is_the_original_pixel_for_pixel_and_the_whole_of_it_is_kept(capsys):
    original = read_images(SOURCE)
    place = {f"{part} {name}": i for i, (part, name) in enumerate(zip(original.parts, original.names, strict=True))}
    data = Cifar10()
    for part in EMBEDDED:
        of = "test" if part == "test" else "training"
        index = [place[f"{of} {name}"] for name in embedded_names(part)]
        assert np.array_equal(data.parts[part].pixels, original.pixels[index])
        assert np.array_equal(data.parts[part].labels, original.labels[index])
    assert main(["data", "cifar10", "--from", str(SOURCE)]) == 0
    assert "60,000 of 60,000 images" in capsys.readouterr().out
    whole = Cifar10()
    assert whole.is_whole and len(whole.parts["test"]) == 10_000 and len(whole.parts["training"]) == 48_000
    assert np.array_equal(whole.parts["test"].pixels[:2000], data.parts["test"].pixels)
    assert np.bincount(whole.parts["training"].labels).tolist() == [4800] * 10
    digests = {part: {image.tobytes() for image in own.pixels} for part, own in whole.parts.items()}
    assert digests["calibration"] < digests["training"]
    assert not digests["training"] & (digests["validation"] | digests["test"])


@pytest.fixture
def tiny(monkeypatch) -> LabelledImages:
    """A set of CIFAR-10's make in which the part that travels along is all there is, and some training images more."""
    data = Cifar10()
    others = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), dtype=np.uint8)
    chosen = [data.parts[part] for part in ("validation", "calibration", "test")]
    pixels = np.concatenate([others, *(part.pixels for part in chosen)])
    labels = np.concatenate([np.arange(50) % 10, *(part.labels for part in chosen)])
    parts = ("training",) * 3050 + ("test",) * 2000
    monkeypatch.setattr(cifar10, "COUNTS", {"training": {305}, "test": {200}})
    return LabelledImages(pixels, labels, tuple(map(str, range(5050))), parts, data.classes, ())


def shuffled(images: LabelledImages, seed: int) -> LabelledImages:
    order = np.random.default_rng(seed).permutation(len(images.labels))
    return LabelledImages(
        images.pixels[order],
        images.labels[order],
        images.names,
        tuple(np.array(images.parts)[order]),
        images.classes,
        (),
    )


def kept() -> dict[str, np.ndarray]:
    parts = Cifar10().parts
    return {f"{part} {what}": getattr(own, what) for part, own in parts.items() for what in ("pixels", "labels")}


def test_whatever_it_is_read_from_the_rows_are_the_same(tiny, tmp_path, monkeypatch):
    """From a folder's order, from another, and from torchvision's own files."""
    cifar10.keep_whole(tiny)
    first = kept()
    assert len(first["training labels"]) == 1050 and len(first["test labels"]) == 2000
    other = shuffled(tiny, 1)
    cifar10.keep_whole(other)
    assert all(np.array_equal(first[name], array) for name, array in kept().items())
    cifar10.keep_whole(torchvision_files(other, tmp_path, monkeypatch))
    assert all(np.array_equal(first[name], array) for name, array in kept().items())


def torchvision_files(images: LabelledImages, root: Path, monkeypatch) -> LabelledImages:
    """The images written as torchvision keeps CIFAR-10, and read back through it."""
    from compress_core.layers.vision import torchvision

    torchvision()
    from torchvision.datasets import CIFAR10

    folder = root / CIFAR10.base_folder
    folder.mkdir()
    (folder / CIFAR10.meta["filename"]).write_bytes(pickle.dumps({CIFAR10.meta["key"]: list(images.classes)}))
    halves = np.array(images.parts)
    for names, part in ((CIFAR10.train_list, "training"), (CIFAR10.test_list, "test")):
        for (name, _), rows in zip(names, np.array_split(np.flatnonzero(halves == part), len(names)), strict=True):
            flat = images.pixels[rows].transpose(0, 3, 1, 2).reshape(len(rows), -1)
            (folder / name).write_bytes(pickle.dumps({"data": flat, "labels": images.labels[rows].tolist()}))
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *args: True)
    return cifar10.read_torchvision(root)


def test_what_is_not_cifar10_is_refused_and_nothing_is_lost(tiny):
    cifar10.keep_whole(tiny)
    changed = tiny.pixels.copy()
    changed[-1, 0, 0, 0] ^= 1
    with pytest.raises(DataError, match="1 of the 2,000 test images"):
        cifar10.keep_whole(LabelledImages(changed, tiny.labels, tiny.names, tiny.parts, tiny.classes, ()))
    assert Cifar10().is_whole is False and len(Cifar10().parts["training"]) == 1050


def test_a_damaged_file_says_what_to_do_and_the_part_that_travels_goes_on(tiny, caplog):
    path = cifar10.keep_whole(tiny)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match=r"is damaged .* python -m compress_core data cifar10"):
        cifar10.load_whole("test")
    data = Cifar10()
    assert not data.is_whole and len(data.test(whole=True)[1]) == 2000 and "is damaged" in caplog.text


def test_without_a_network_it_says_so(monkeypatch, tmp_path):
    from compress_core.layers.vision import torchvision

    torchvision()

    def offline(*args: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", offline)
    with pytest.raises(DataError, match=r"cannot be fetched \(no route to host\).* 170 MB.*--from PATH"):
        cifar10.fetch()


def test_training_needs_the_whole(capsys):
    assert main(["train", "--arch", "studentnet", "--dataset", "cifar10"]) != 0
    assert "needs the whole of CIFAR-10" in capsys.readouterr().err


ROWS, COLUMNS = np.mgrid[0:32, 0:32]
NUMBERED = np.stack([np.stack([ROWS, COLUMNS, np.full((32, 32), n)], -1) for n in range(12)]).astype(np.uint8)


class Numbered(Photographs):
    """Images whose pixels say which they are and where each pixel stood."""

    mean, std = (0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)
    parts = {"training": Part(NUMBERED, np.arange(12) % 3)}


def test_a_training_image_is_a_shifted_window_mirrored_every_other_time():
    """By a brute-force loop over all windows of the image with mirrored edges."""
    for epoch in (4, 5):
        turned = {}
        for images, labels, index in Numbered().batches(5, seed=epoch):
            assert torch.equal(labels, index % 3)
            for image, number in zip(images.round().byte().permute(0, 2, 3, 1).numpy(), index.tolist(), strict=True):
                padded = np.pad(NUMBERED[number], ((SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)), "reflect")
                windows = [padded[i : i + 32, j : j + 32] for i in range(2 * SHIFT + 1) for j in range(2 * SHIFT + 1)]
                straight = any(np.array_equal(image, window) for window in windows)
                mirrored = any(np.array_equal(image, window[:, ::-1]) for window in windows)
                assert straight != mirrored
                turned[number] = mirrored
        if epoch == 4:
            first = turned
    assert len(turned) == 12 and all(turned[n] != first[n] for n in turned) and 0 < sum(first.values()) < 12


@pytest.mark.parametrize("name", cc.datasets())
def test_a_view_shows_the_same_images_again_in_any_order(name):
    data = cc.dataset(name)

    def by_index(seed: int, view: int) -> torch.Tensor:
        images, _, index = (torch.cat(parts) for parts in zip(*data.batches(64, seed, view), strict=True))
        return images[index.argsort()]

    assert torch.equal(by_index(1, 7), by_index(2, 7))
    assert not torch.equal(by_index(1, 7), by_index(1, 8))
