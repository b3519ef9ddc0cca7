"""CIFAR-10: a part that travels with the library, and the whole once it has been fetched."""

import hashlib
import io
import logging
import urllib.request
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from compress_core.data.folder import user_folder
from compress_core.data.images import LabelledImages, read_images
from compress_core.data.photographs import Part, Photographs
from compress_core.errors import DataError
from compress_core.layers.vision import torchvision

EMBEDDED = {"test": 200, "validation": 200, "calibration": 100}
"""Images a class of the part that travels with the library."""
ARCHIVE_BYTES = 170_498_071
"""Of the download."""
_CHUNK_BYTES = 2**18
SIDE = 32
COUNTS = {"training": {5000}, "test": {1000}}
"""Images a class of the whole."""


class Cifar10(Photographs):
    """32×32 colour photographs of ten classes.

    A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images* (2009). 2,000 test images, 2,000 training
    images held out of every training for validation, and 1,000 others for calibration travel with the library. Once
    the whole is there (`python -m compress_core data cifar10`), the test has all 10,000, those 2,000 first, and
    training 48,000.
    """

    name = "cifar10"
    title = "Photographs (CIFAR-10)"
    noun = "photographs"
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    input_shape = (3, SIDE, SIDE)
    mean = (0.4914, 0.4822, 0.4465)
    std = (0.2470, 0.2435, 0.2616)
    teacher = "airbench"
    source = (
        "A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images* (2009). Its author states no licence"
    )

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        return _Parts()

    @property
    def is_whole(self) -> bool:
        """Whether all of it is at hand, to train on and to test with."""
        return len(self.parts["test"]) > len(self.classes) * EMBEDDED["test"]


class _Parts(Mapping[str, Part]):
    """The parts, each read when it is first asked for."""

    def __init__(self):
        self._read: dict[str, Part] = {}

    def __getitem__(self, name: str) -> Part:
        if name not in self._read:
            self._read[name] = self._find(name)
        return self._read[name]

    def _find(self, name: str) -> Part:
        try:
            whole = load_whole(name) if name in COUNTS else None
        except DataError as error:  # what travels along is there all the same
            logging.getLogger(__name__).warning(str(error))
            whole = None
        return whole or (self["calibration"] if name == "training" else _embedded(name))

    def __iter__(self) -> Iterator[str]:
        return iter(("training", *EMBEDDED))

    def __len__(self) -> int:
        return 1 + len(EMBEDDED)


def _archive() -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO((files("compress_core.data") / "cifar10.zip").read_bytes()))


def _embedded(part: str) -> Part:
    """The images of a part, of each class those of one column, dealt out class by class in turn."""
    with _archive() as archive:
        columns = [np.asarray(Image.open(io.BytesIO(archive.read(f"{part}/{name}.webp")))) for name in Cifar10.classes]
    pixels = np.stack([column.reshape(-1, SIDE, SIDE, 3) for column in columns], axis=1)
    labels = np.tile(np.arange(len(columns)), len(pixels))
    return Part(pixels.reshape(-1, SIDE, SIDE, 3), labels)


def embedded_names(part: str) -> list[str]:
    """`class/name` of the images of a part that travels along, in their order."""
    with _archive() as archive:
        names = archive.read(f"{part}/names.txt").decode().splitlines()
    return names


def write_embedded(images: LabelledImages, path: Path, seed: int = 0) -> None:
    """Choose the part that travels with the library and write it, lossless: a column of images a class."""
    generator = np.random.default_rng(seed)
    parts = np.array(images.parts)
    with zipfile.ZipFile(path, "w") as archive:
        chosen: dict[str, list[np.ndarray]] = {part: [] for part in EMBEDDED}
        for label in range(len(images.classes)):
            test = generator.permutation(np.flatnonzero((images.labels == label) & (parts == "test")))
            training = generator.permutation(np.flatnonzero((images.labels == label) & (parts == "training")))
            of_validation, of_calibration = EMBEDDED["validation"], EMBEDDED["calibration"]
            chosen["test"].append(test[: EMBEDDED["test"]])
            chosen["validation"].append(training[:of_validation])
            chosen["calibration"].append(training[of_validation : of_validation + of_calibration])
        for part, by_class in chosen.items():
            for name, index in zip(images.classes, by_class, strict=True):
                column, content = Image.fromarray(np.concatenate(images.pixels[index])), io.BytesIO()
                column.save(content, "WEBP", lossless=True, quality=100, method=6, exact=True)
                archive.writestr(f"{part}/{name}.webp", content.getvalue())
            in_turn = np.stack(by_class, axis=1).flatten()
            archive.writestr(f"{part}/names.txt", "\n".join(images.names[i] for i in in_turn))


def whole_path() -> Path:
    """Where the whole is kept."""
    return user_folder() / "cifar10.safetensors"


def load_whole(part: str) -> Part | None:
    """`training` or `test` of the whole; None where it has not been fetched.

    Raises:
        DataError: the file is damaged.
    """
    path = whole_path()
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as stored:
            return Part(stored.get_tensor(f"{part} pixels"), stored.get_tensor(f"{part} labels"))
    except (SafetensorError, OSError) as error:
        raise DataError(
            f"{path} is damaged ({error}). Delete it, and fetch it again: python -m compress_core data cifar10."
        ) from error


def keep_whole(images: LabelledImages) -> Path:
    """Keep CIFAR-10 in this user's cache: by what the images hold, whatever they are called and however ordered.

    Training images that equal one of the validation's or of the test's are left out.

    Raises:
        DataError: these are not CIFAR-10's images.
    """
    digests = [_digest(image) for image in images.pixels]
    parts, place = np.array(images.parts), {}
    embedded = {part: [_digest(image) for image in _embedded(part).pixels] for part in ("validation", "test")}
    tests = np.flatnonzero(parts == "test")
    by_digest = {digests[i]: i for i in tests}
    missing = [digest for digest in embedded["test"] if digest not in by_digest]
    per_class = {part: set(np.bincount(images.labels[parts == part], minlength=10)) for part in COUNTS}
    if images.classes != Cifar10.classes or missing or per_class != COUNTS:
        raise DataError(
            f"These are not CIFAR-10's images: {len(images.labels):,} of {len(images.classes)} classes, and "
            f"{len(missing):,} of the {len(embedded['test']):,} test images that travel along are not among them. "
            "It has 5,000 training and 1,000 test images of each of ten classes."
        )
    place["test"] = [by_digest[digest] for digest in embedded["test"]]
    known = set(embedded["test"])
    place["test"] += sorted((i for i in tests if digests[i] not in known), key=lambda i: digests[i])
    taken = set(embedded["validation"]) | set(by_digest)
    place["training"] = sorted(
        (i for i in np.flatnonzero(parts == "training") if digests[i] not in taken), key=lambda i: digests[i]
    )
    path = whole_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    arrays = {f"{part} pixels": np.ascontiguousarray(images.pixels[index]) for part, index in place.items()}
    save_file(arrays | {f"{part} labels": images.labels[index] for part, index in place.items()}, unfinished)
    unfinished.replace(path)
    return path


def _digest(pixels: np.ndarray) -> bytes:
    return hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()


def read_torchvision(root: Path, download: bool = False) -> LabelledImages:
    """CIFAR-10 as torchvision keeps it in a folder, fetched over the network if asked for.

    Raises:
        DataError: it is not there, is damaged, or cannot be fetched.
    """
    try:
        halves = [torchvision().datasets.CIFAR10(root, train=train, download=download) for train in (True, False)]
    except ImportError as error:
        raise DataError(f"CIFAR-10 is fetched with torchvision, which is not installed ({error}).") from error
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"CIFAR-10 cannot be fetched ({error}). It needs a network once, for {ARCHIVE_BYTES / 1e6:.0f} MB; or give "
            "it as a folder or zip of images: python -m compress_core data cifar10 --from PATH."
        ) from error
    labels = np.concatenate([half.targets for half in halves]).astype(np.int64)
    return LabelledImages(
        np.concatenate([half.data for half in halves]),
        labels,
        tuple(f"{halves[0].classes[label]}/{i}" for i, label in enumerate(labels)),
        ("training",) * len(halves[0].targets) + ("test",) * len(halves[1].targets),
        tuple(halves[0].classes),
        (),
    )


def download(root: Path) -> Generator[float, None, None]:
    """Fetch torchvision's archive into a folder, piece by piece; yields the part that is there, 0…1.

    torchvision finds it there, checks it, and unpacks it.

    Raises:
        DataError: there is no network, or it broke off.
    """
    kind = torchvision().datasets.CIFAR10
    root.mkdir(parents=True, exist_ok=True)
    path, done = root / kind.filename, 0
    unfinished = path.with_suffix(".unfinished")
    try:
        with urllib.request.urlopen(kind.url, timeout=20) as response, unfinished.open("wb") as file:
            while piece := response.read(_CHUNK_BYTES):
                file.write(piece)
                done += len(piece)
                yield min(done / ARCHIVE_BYTES, 1.0)
    except OSError as error:
        raise DataError(
            f"CIFAR-10 cannot be fetched ({error}). It needs a network once, for {ARCHIVE_BYTES / 1e6:.0f} MB; or give "
            "it as a folder or zip of images: python -m compress_core data cifar10 --from PATH."
        ) from error
    unfinished.replace(path)


def fetch(source: Path | None = None, progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Bring the whole into this user's cache, from a folder or zip of images or else over the network.

    Raises:
        DataError: as in `read_images`, `read_torchvision` and `keep_whole`.
    """
    if source is not None:
        return keep_whole(read_images(source, SIDE, progress))
    return keep_whole(read_torchvision(user_folder(), download=True))
