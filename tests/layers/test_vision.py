"""torchvision beside either build of torch."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

USE = """
from compress_core.layers.vision import torchvision
tv = torchvision()
import torch, torchvision.models, torchvision.datasets, torchvision.transforms
print(tuple(torchvision.models.mobilenet_v2(weights=None)(torch.zeros(2, 3, 64, 64)).shape))
"""
# Stands for a build whose operators load, where the installed one's do not.
FITTING = """
import torch
library = torch.library.Library("torchvision", "DEF")
library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""
NOTHING_DECLARED = "import compress_core.layers.vision; assert not compress_core.layers.vision._libraries\n"


def run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.slow
def test_it_imports_beside_the_torch_that_is_installed():
    done = run(USE)
    assert done.stdout.strip().endswith("(2, 1000)"), done.stderr


@pytest.mark.slow
def test_it_declares_nothing_where_the_operators_are_there():
    fits = run("import torchvision").returncode == 0
    done = run(("" if fits else FITTING) + USE + NOTHING_DECLARED)
    assert done.returncode == 0 and done.stdout.strip().endswith("(2, 1000)"), done.stderr
