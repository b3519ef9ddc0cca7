"""The only door to torchvision.

PyPI's torchvision for Linux is linked against CUDA. Beside a CPU-only torch its compiled operators do not load, and
importing it stops at 'operator torchvision::nms does not exist', because it attaches shape functions to operators that
nobody has declared. Declaring them is enough for models, datasets and transforms, which do not use them.
"""

import importlib
import sys
from functools import cache
from types import ModuleType

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries: list[torch.library.Library] = []  # a library that is collected takes its operators with it


@cache
def torchvision() -> ModuleType:
    """torchvision, imported; beside a torch that its operators fit, nothing is declared.

    Raises:
        ImportError: it is not installed.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in _SCHEMAS:
        library.define(schema)
    _libraries.append(library)
    return importlib.import_module("torchvision")
