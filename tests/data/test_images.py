"""Labelled images from folders and zips: what is read, what is left out with a sentence, and what is refused."""

import io
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compress_core.data import images
from compress_core.data.images import read_images
from compress_core.errors import DataError

RANDOM = np.random.default_rng(0)


def picture(height: int = 32, width: int = 32) -> np.ndarray:
    return RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(pixels: np.ndarray, form: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, form)
    return content.getvalue()


def folder(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


PIXELS = {f"{name}/{i}.png": picture() for name in ("cat", "truck") for i in range(3)}
FILES = {name: encoded(pixels) for name, pixels in PIXELS.items()}


@pytest.mark.parametrize("root", ["", "my photographs/", "deep/er/"])
@pytest.mark.parametrize("make", [folder, zipped])
def test_a_folder_and_a_zip_are_read_pixel_for_pixel(tmp_path, make, root):
    found = read_images(make(tmp_path / "set", {root + name: content for name, content in FILES.items()}))
    assert found.classes == ("cat", "truck") and found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.array_equal(found.pixels, np.stack(list(PIXELS.values())))
    assert found.names[4] == "truck/1" and not found.left_out and found.balance() == {"cat": 3, "truck": 3}
    assert set(found.parts) == {""}


def test_folders_above_the_classes_say_which_part_it_is(tmp_path):
    parts = {"train/": "training", "val/": "validation", "Test/": "test", "of mine/": ""}
    for above, part in parts.items():
        found = read_images(folder(tmp_path / above, {above + name: content for name, content in FILES.items()}))
        assert set(found.parts) == {part}


def test_what_is_no_image_is_named_and_left_out(tmp_path):
    bad = {
        "cat/empty.png": b"",
        "cat/text.png": b"a text",
        "cat/cut.png": FILES["cat/0.png"][:300],
        "nowhere.png": FILES["cat/0.png"],
        "cat/notes.txt": b"not even called an image",
        "__MACOSX/cat/0.png": b"Apple's",
        "cat/.hidden.png": b"",
    }
    found = read_images(folder(tmp_path, FILES | bad))
    said = sorted(found.left_out)
    assert len(found.labels) == 6 and len(said) == 4
    assert said[0].startswith("cat/cut.png: ") and said[1] == "cat/empty.png: it is empty."
    assert said[2] == "cat/text.png: it is no image." and said[3] == "nowhere.png: it stands in no class's folder."


def huge_png(side: int) -> bytes:
    """A black PNG of side × side pixels in a few hundred KB."""
    row = zlib.compress(b"\0" * (side // 8 + 1) * side, 9)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    header = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row) + chunk(b"IEND", b"")


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST_BYTES", 2**20)
    path = zipped(tmp_path / "set.zip", FILES | {"cat/20000.png": huge_png(20_000)})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("truck/bomb.png", b"\0" * 2**24)
    found = read_images(path)
    assert len(found.labels) == 6 and len(found.left_out) == 2
    assert "more than 50 million pixels" in found.left_out[0] and "larger than 1 MB" in found.left_out[1]


def test_names_that_climb_out_are_names_only(tmp_path):
    climbing = {f"../../{name}": content for name, content in FILES.items()}
    found = read_images(zipped(tmp_path / "set.zip", climbing | {"/etc/passwd.png": FILES["cat/0.png"]}))
    assert set(found.classes) == {"cat", "truck", "etc"} and len(found.labels) == 7
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set.zip"]


def test_a_loop_of_links_ends(tmp_path):
    root = folder(tmp_path / "set", FILES)
    os.symlink(root, root / "cat" / "again")
    os.symlink("itself.png", root / "cat" / "itself.png")
    found = read_images(root)
    assert len(found.labels) == 6 and len(found.left_out) == 1 and "cat/itself.png" in found.left_out[0]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "holds no images"),
        ({"cat/notes.txt": b"text"}, "holds no images"),
        ({"cat/0.png": b"text"}, "holds no images"),
        ({"cat/0.png": FILES["cat/0.png"]}, "only the class 'cat'"),
    ],
)
def test_what_is_no_dataset_is_refused(tmp_path, files, says):
    (tmp_path / "set").mkdir()
    with pytest.raises(DataError, match=says):
        read_images(folder(tmp_path / "set", files))


def test_what_is_no_folder_or_zip_is_refused(tmp_path):
    with pytest.raises(DataError, match="There is nothing at"):
        read_images(tmp_path / "missing")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(DataError, match="cannot be read as a zip"):
        read_images(tmp_path / "text.zip")


def test_too_many_images_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST_IMAGES", 5)
    with pytest.raises(DataError, match="holds 6 images; at most 5"):
        read_images(folder(tmp_path, FILES))


def test_other_shapes_and_kinds_become_squares_in_colour(tmp_path):
    wide = np.zeros((40, 120, 3), dtype=np.uint8)
    wide[:, 40:80] = (200, 100, 50)  # the middle square, which is all that stays
    grey16 = Image.fromarray(np.full((32, 32), 200 * 256, dtype=np.uint16))
    content = io.BytesIO()
    grey16.save(content, "PNG")
    turned = Image.fromarray(np.repeat(np.array([[255, 0]], dtype=np.uint8), 2, 0)).resize((32, 32), Image.NEAREST)
    rotated, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 3  # upside down
    turned.save(rotated, "PNG", exif=exif)
    files = {"a/wide.png": encoded(wide), "b/grey.png": content.getvalue(), "b/turned.png": rotated.getvalue()}
    found = read_images(folder(tmp_path, files))
    assert not found.left_out
    assert (found.pixels[0][2:-2, 2:-2] == (200, 100, 50)).all()
    assert (found.pixels[1] == 200).all()
    assert found.pixels[2][0, 0, 0] == 0 and found.pixels[2][0, -1, 0] == 255
