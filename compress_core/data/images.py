"""Labelled images from a folder or a zip, one folder a class: read, checked, and made one size."""

import io
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from compress_core.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""Nothing else is opened: some readers run programs (PostScript's)."""
PARTS = {
    "train": "training", "training": "training", "val": "validation", "valid": "validation",
    "validation": "validation", "calibration": "calibration", "test": "test",
}  # fmt: skip
"""What folders above those of the classes may be called, and what is in them."""
MOST_IMAGES = 200_000
MOST_BYTES = 64 * 2**20
"""Of one image's file."""
MOST_PIXELS = 50_000_000
"""Of one image: a camera's, not a bomb's."""
SHOWN_SIDE = 512
"""Pixels of the longer side of a single picture that is kept."""


@dataclass(frozen=True)
class LabelledImages:
    """Images of one size, with their classes, and what was left out."""

    pixels: np.ndarray
    """(N, H, W, 3) uint8."""
    labels: np.ndarray
    """(N,) int64, the place of each image's class among `classes`."""
    names: tuple[str, ...]
    """`class/file`, without the file's ending."""
    parts: tuple[str, ...]
    """`training`, `validation`, `calibration` or `test`; empty where no folder says."""
    classes: tuple[str, ...]
    """In alphabetical order."""
    left_out: tuple[str, ...]
    """A sentence for each file that is no image one can read."""

    def balance(self) -> Counter[str]:
        """How many images each class has."""
        return Counter(self.classes[label] for label in self.labels)


def read_images(
    path: Path, size: int = 32, progress: Callable[[int, int], None] = lambda done, total: None
) -> LabelledImages:
    """Read `class/image` or `part/class/image` from a folder or a zip; nothing is unpacked to the disk.

    An image of another size is cropped to its middle square and resized.

    Args:
        size: of an image's sides, in pixels.
        progress: called now and then with the number of files read, and of all.

    Raises:
        DataError: nothing is there, it is no folder or zip, it holds no images, or all of them are of one class.
    """
    if not path.exists():
        raise DataError(f"There is nothing at {path}. Give a folder or a zip with one folder of images a class.")
    if path.is_dir():
        return _collect(_folder(path), size, progress, path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            return _collect(_zip(archive), size, progress, path.name)
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise DataError(f"{path.name} cannot be read as a zip ({error}). Give a folder or a zip of images.") from error


Entry = tuple[PurePosixPath, Callable[[], bytes]]


def _folder(root: Path) -> list[Entry]:
    """Its files; links to folders are not followed, so that a loop of them ends."""
    found = []
    for folder, _, files in os.walk(root):
        for file in files:
            full = Path(folder, file)
            found.append(
                (PurePosixPath(full.relative_to(root).as_posix()), lambda full=full: _bounded(full.open("rb")))
            )
    return found


def _zip(archive: zipfile.ZipFile) -> list[Entry]:
    """Its files; a name that climbs out is only a name here, and its last folders are its class and part."""
    return [
        (PurePosixPath(info.filename.replace("\\", "/")), lambda info=info: _bounded(archive.open(info)))
        for info in archive.infolist()
        if not info.is_dir()
    ]


def _bounded(stream: io.BufferedIOBase) -> bytes:
    """What a file holds, as far as an image's may go: what a zip says of its size need not be true."""
    with stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES // 2**20} MB")
    return content


def _collect(entries: list[Entry], size: int, progress: Callable[[int, int], None], source: str) -> LabelledImages:
    images = sorted((e for e in entries if _is_image(e[0])), key=lambda e: e[0])
    if len(images) > MOST_IMAGES:
        raise DataError(
            f"{source} holds {len(images):,} images; at most {MOST_IMAGES:,} are read. Give a part of them."
        )
    pixels, classes, names, parts, left_out = [], [], [], [], []
    for number, (path, read) in enumerate(images, start=1):
        where = _place(path)
        try:
            if where is None:
                raise ValueError("it stands in no class's folder")
            pixels.append(_pixels(read(), size))
        except (ValueError, OSError, RuntimeError, zipfile.BadZipFile, Image.DecompressionBombError) as error:
            left_out.append(f"{path}: {_why(error)}.")
            continue
        parts.append(where[0])
        classes.append(where[1])
        names.append(f"{where[1]}/{path.stem}")
        if number % 500 == 0 or number == len(images):
            progress(number, len(images))
    known = tuple(sorted(set(classes)))
    if len(known) < 2:
        found = f"only the class '{known[0]}'" if known else f"no images ({', '.join(ENDINGS[:4])} …)"
        raise DataError(f"{source} holds {found}. One folder of images a class is needed, of two classes or more.")
    place = {name: label for label, name in enumerate(known)}
    labels = np.array([place[name] for name in classes], dtype=np.int64)
    return LabelledImages(np.stack(pixels), labels, tuple(names), tuple(parts), known, tuple(left_out))


def _is_image(path: PurePosixPath) -> bool:
    return path.suffix.lower() in ENDINGS and not any(
        part.startswith((".", "__")) and part != ".." for part in path.parts
    )


def _place(path: PurePosixPath) -> tuple[str, str] | None:
    """The part and the class that its folders say; None where it has no folder."""
    folders = [part for part in path.parts[:-1] if part not in ("/", "..")]
    if not folders:
        return None
    above = folders[-2].lower() if len(folders) > 1 else ""
    return PARTS.get(above, ""), folders[-1]


def read_picture(content: bytes) -> np.ndarray:
    """Read one image file as (H, W, 3) uint8, turned as its camera says; of a large one as much as a page can show.

    Raises:
        DataError: it is empty, no image, or too large to be unpacked.
    """
    try:
        if len(content) > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES // 2**20} MB")
        picture = _open(content)
    except (ValueError, OSError, RuntimeError, SyntaxError, Image.DecompressionBombError) as error:
        kinds = ", ".join(ending.removeprefix(".") for ending in ENDINGS[:4])
        raise DataError(f"This picture cannot be read: {_why(error)}. Give another one ({kinds} …).") from error
    picture.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(picture, dtype=np.uint8)


def middle_square(picture: np.ndarray, size: int) -> np.ndarray:
    """The middle of a picture (H, W, 3) uint8, as large as fits, as (size, size, 3) uint8."""
    return _square(Image.fromarray(picture), size)


def _pixels(content: bytes, size: int) -> np.ndarray:
    return _square(_open(content), size)


def _open(content: bytes) -> Image.Image:
    if not content:
        raise ValueError("it is empty")
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        if image.mode.startswith("I;16"):
            image = image.point(lambda value: value / 256).convert("L")
        return ImageOps.exif_transpose(image).convert("RGB")


def _square(picture: Image.Image, size: int) -> np.ndarray:
    if picture.size != (size, size):
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        picture = picture.resize((size, size), Image.Resampling.LANCZOS, (left, top, left + side, top + side))
    return np.asarray(picture, dtype=np.uint8)


def _why(error: Exception) -> str:
    match error:
        case Image.DecompressionBombError():
            return f"it has more than {MOST_PIXELS // 10**6} million pixels"
        case UnidentifiedImageError():
            return "it is no image"
    return str(error).rstrip(".")
