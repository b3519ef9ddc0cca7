"""torchvision beside either build of torch."""

import subprocess
import sys

from tests.conftest import ROOT

USE = """
from compress_core.vision import torchvision
tv = torchvision()
import torch, torchvision.models, torchvision.datasets, torchvision.transforms
print(tuple(torchvision.models.mobilenet_v2(weights=None)(torch.zeros(2, 3, 64, 64)).shape))
"""
# A build whose operators load: importing it needs no help, and then none may be given.
FITTING = """
import torch
library = torch.library.Library("torchvision", "DEF")
library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import compress_core.vision
"""
NOTHING_DECLARED = "assert not compress_core.vision._libraries\n"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_imports_beside_the_torch_that_is_installed():
    assert run(USE).endswith("(2, 1000)")


def test_it_declares_nothing_where_the_operators_are_there():
    assert run(FITTING + USE + NOTHING_DECLARED).endswith("(2, 1000)")
