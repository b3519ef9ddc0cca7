"""A person's own images as a dataset: kept, split, found again, and measured on like any other."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import compress_core as cc
from compress_core.__main__ import main
from compress_core.data.images import LabelledImages
from compress_core.data.own import FEWEST, keep_own, own_folder, register_own
from compress_core.errors import DataError
from compress_core.registry import DATASETS
from tests.data.test_images import encoded, picture, zipped

pytestmark = pytest.mark.usefixtures("own_cache")


def made_up(each: int = 20, parts: tuple[str, ...] = ("",), classes: tuple[str, ...] = ("rose", "tulip")):
    """`each` images of each class and part, all of them different."""
    rows = [(part, label) for part in parts for label in range(len(classes)) for _ in range(each)]
    pixels = np.random.default_rng(0).integers(0, 256, (len(rows), 32, 32, 3), dtype=np.uint8)
    names = tuple(f"{classes[label]}/{number}" for number, (_, label) in enumerate(rows))
    labels = np.array([label for _, label in rows])
    return LabelledImages(pixels, labels, names, tuple(part for part, _ in rows), classes, ())


def test_each_class_is_split_and_no_image_is_in_two_parts():
    name = keep_own(made_up(), "Garden flowers!")
    data = cc.dataset(name)
    assert name == "own-garden-flowers" and data.title == "Garden flowers! (own images)" and data.own
    assert data.counts() == {"training": [14, 14], "validation": [2, 2], "test": [4, 4]}
    seen = [{image.tobytes() for image in data.parts[part].pixels} for part in ("training", "validation", "test")]
    assert len(set.union(*seen)) == 40 == sum(map(len, seen))
    assert {image.tobytes() for image in data.parts["calibration"].pixels} <= seen[0]
    images = data.normalise(data.parts["training"].pixels)
    assert images.mean((0, 2, 3)).abs().max() < 0.01 and (images.std((0, 2, 3)) - 1).abs().max() < 0.01


def test_parts_that_come_with_the_images_stay():
    data = cc.dataset(keep_own(made_up(12, ("training", "test")), "flowers"))
    assert data.counts() == {"training": [11, 11], "validation": [1, 1], "test": [12, 12]}


def test_images_for_calibration_are_trained_on():
    data = cc.dataset(keep_own(made_up(12, ("training", "calibration", "test", "validation")), "flowers"))
    assert data.counts() == {"training": [24, 24], "validation": [12, 12], "test": [12, 12]}


def test_too_few_images_are_a_sentence():
    with pytest.raises(DataError, match=f"The class 'rose' has 9 images to train on; at least {FEWEST} a class"):
        keep_own(made_up(9), "few")
    assert not own_folder().exists()


def test_it_is_found_again_and_a_damaged_one_is_left_out(caplog):
    first, second = keep_own(made_up(), "a"), keep_own(made_up(), "a")
    assert (first, second) == ("own-a", "own-a-2")
    before = cc.dataset(first).test()[0]
    for name in (first, second):
        del DATASETS[name]
    (own_folder() / f"{second}.safetensors").write_bytes(b"rubbish")
    register_own()
    assert first in cc.datasets() and second not in cc.datasets() and "own-a-2" in caplog.text
    assert torch.equal(cc.dataset(first).test()[0], before)


def test_a_network_is_trained_on_it_compressed_and_measured(tmp_path, capsys):
    """By the two commands, from a zip with a file that is no image."""
    files = {f"{name}/{i}.png": encoded(picture(40, 36)) for name in ("ant", "bee") for i in range(12)}
    path = zipped(tmp_path / "set.zip", files | {"ant/notes.png": b"no image"})
    assert main(["data", "insects", "--from", str(path)]) == 0
    said = capsys.readouterr().out
    assert "24 images of 2 classes were read" in said and "ant/notes.png: it is no image" in said
    assert "train --arch studentnet --dataset own-insects" in said
    command = ["train", "--arch", "studentnet", "--dataset", "own-insects", "--epochs", "1", "--runs"]
    assert main([*command, str(tmp_path / "runs")]) == 0
    recipe = cc.Recipe(dataset="own-insects", prune=0.3, bits=4)
    measured = cc.measure(cc.compress(recipe), timed=False)
    assert measured.samples == 4 and recipe.to_query().startswith("dataset=own-insects")
    restored = cc.load_file(save(recipe, tmp_path))
    assert restored(torch.zeros(2, 3, 32, 32)).shape == (2, 2)


def save(recipe: cc.Recipe, folder: Path) -> Path:
    cc.save(cc.compress(recipe), folder / "small.safetensors")
    return folder / "small.safetensors"


def test_only_cifar10_comes_over_the_network(capsys):
    assert main(["data", "flowers"]) == 1
    assert "Only cifar10 can be fetched" in capsys.readouterr().err


def test_a_zip_that_is_none_is_a_sentence(tmp_path, capsys):
    path = tmp_path / "set.zip"
    path.write_bytes(b"PK")
    assert main(["data", "flowers", "--from", str(path)]) == 1
    assert "cannot be read as a zip" in capsys.readouterr().err
    assert not zipfile.is_zipfile(path)
