"""A person's own images: kept in this user's cache, and from then on a dataset like any other."""

import json
import logging
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from compress_core.data.folder import user_folder
from compress_core.data.images import LabelledImages
from compress_core.data.photographs import Part, Photographs
from compress_core.errors import DataError
from compress_core.registry import DATASETS

PREFIX = "own-"
"""How the names of such datasets begin."""
FEWEST = 10
"""Images a class."""
SHARES = {"test": 0.2, "validation": 0.1}
"""What is taken out of training where the images do not come with such a part."""
MOST_CALIBRATION = 1000
MOST_LOOKED_AT = 5000
"""Training images by which the channels are normalised: as floats all of a large set would not fit in memory."""


class OwnImages(Photographs):
    """Images that somebody brought; a subclass for each set."""

    own = True
    path: Path

    @cached_property
    def parts(self) -> Mapping[str, Part]:
        stored = load_file(self.path)
        names = {name.partition(" ")[0] for name in stored}
        return {name: Part(stored[f"{name} pixels"], stored[f"{name} labels"]) for name in names}


def own_folder() -> Path:
    """Where they are kept."""
    return user_folder() / "datasets"


def keep_own(images: LabelledImages, called: str, seed: int = 0) -> str:
    """Keep images as a dataset, registered from now on; returns its name.

    Parts that the images come with stay as they are; a test or a validation that they lack is drawn from the training.

    Args:
        called: by the person; it becomes a part of the name.

    Raises:
        DataError: a class has too few images.
    """
    parts = _split(images, seed)
    slug = re.sub(r"[^a-z0-9]+", "-", called.lower()).strip("-")[:30] or "images"
    name, number = PREFIX + slug, 1
    while name in DATASETS:
        number += 1
        name = f"{PREFIX}{slug}-{number}"
    pixels = images.pixels[parts["training"][:MOST_LOOKED_AT]] / 255
    about = {
        "title": f"{called.strip() or slug} (own images)",
        "classes": json.dumps(images.classes),
        "mean": json.dumps(pixels.mean((0, 1, 2)).round(4).tolist()),
        "std": json.dumps(np.maximum(pixels.std((0, 1, 2)), 0.01).round(4).tolist()),
        "size": str(images.pixels.shape[1]),
    }
    arrays = {f"{part} pixels": np.ascontiguousarray(images.pixels[index]) for part, index in parts.items()}
    arrays |= {f"{part} labels": images.labels[index] for part, index in parts.items()}
    path = own_folder() / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    save_file(arrays, unfinished, metadata=about)
    unfinished.replace(path)
    register_own()
    return name


def _split(images: LabelledImages, seed: int) -> dict[str, np.ndarray]:
    """The places of the images of each part."""
    generator, given = (
        np.random.default_rng(seed),
        np.array([part if part in SHARES else "training" for part in images.parts]),
    )
    found: dict[str, list[np.ndarray]] = {"training": [], "validation": [], "test": []}
    for label, title in enumerate(images.classes):
        own = {
            part: generator.permutation(np.flatnonzero((images.labels == label) & (given == part))) for part in found
        }
        if len(own["training"]) < FEWEST:
            raise DataError(
                f"The class '{title}' has {len(own['training'])} images to train on; at least {FEWEST} a class are "
                "needed."
            )
        for part, share in SHARES.items():
            if part not in given:
                many = max(1, round(share * len(own["training"])))
                own[part], own["training"] = np.split(own["training"], [many])
        for part, index in own.items():
            found[part].append(index)
    parts = {part: generator.permutation(np.concatenate(index)) for part, index in found.items()}
    return parts | {"calibration": parts["training"][:MOST_CALIBRATION]}


def register_own() -> None:
    """Make every dataset known that is kept in this user's cache; a damaged one is left out, and said."""
    for path in sorted(own_folder().glob(f"{PREFIX}*.safetensors")):
        if path.stem in DATASETS:
            continue
        try:
            with safe_open(path, framework="numpy") as stored:
                about = stored.metadata()
            size = int(about["size"])
            said = {
                "name": path.stem,
                "title": about["title"],
                "classes": tuple(json.loads(about["classes"])),
                "mean": tuple(json.loads(about["mean"])),
                "std": tuple(json.loads(about["std"])),
                "input_shape": (3, size, size),
                "source": "Brought by somebody here; kept in this user's cache alone.",
                "path": path,
            }
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            logging.getLogger(__name__).warning("%s is damaged (%s) and is left out. Bring it anew.", path, error)
            continue
        DATASETS.register(**{path.stem: type("OwnImages", (OwnImages,), said)})
