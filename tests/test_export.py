"""What is taken home: each file gives the network's own answers, run by its own snippet where nothing else is."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import compress_core as cc
from compress_core.cache import StageCache
from compress_core.errors import UnsupportedModelError
from compress_core.export import FORMATS, export, file_name, snippet, to_program
from compress_core.layers.running import run_on
from compress_core.recipe import Recipe
from compress_core.report import report
from tests.conftest import ROOT
from tests.helpers.marks import sampled

INSTALLED = (
    "compress_core",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "plotly",
    "streamlit",
    "torch",
    "torchvision",
    "ui",
)
NEEDED = {"packed": set(INSTALLED) - {"streamlit", "onnx", "onnxruntime", "ui"}, "program": {"torch", "numpy"}}
ALONE = """
import sys
for name in {hidden}:
    sys.modules[name] = None  # as if it were not installed
{code}
import numpy
numpy.save("logits.npy", numpy.asarray(logits))
"""


@pytest.fixture(scope="module")
def cache():
    return StageCache()


def run_snippet(folder: Path, recipe: Recipe, form: str, images: torch.Tensor) -> np.ndarray:
    """Run the snippet as it stands, but for its images, where only what it names is there."""
    np.save(folder / "images.npy", images.numpy())
    lines = snippet(recipe, form).splitlines()
    (given,) = (line for line in lines if line.startswith("images ="))
    load = 'images = __import__("numpy").load("images.npy")'
    mine = load if "np." in given else f"images = torch.from_numpy({load.partition('= ')[2]})"
    code = "\n".join(mine if line == given else line for line in lines)
    hidden = sorted(set(INSTALLED) - NEEDED.get(form, {"numpy", "onnxruntime"}))
    path = [str(ROOT)] if "compress_core" not in hidden else []
    environment = {"PYTHONPATH": ":".join(path), "PATH": "/usr/bin:/bin"}
    code = ALONE.format(hidden=hidden, code=code)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.load(folder / "logits.npy")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "recipe",
    sampled(
        [Recipe(arch=arch, prune=0.5, bits=4) for arch in cc.architectures()]
        + [Recipe(dataset="cifar10", arch="shufflenet_v2", prune=0.3, bits=3, activation_bits=6)],
        lambda recipe: recipe.arch not in ("studentnet", "shufflenet_v2"),
    ),
    ids=lambda recipe: recipe.to_query() if isinstance(recipe, Recipe) else None,
)
def test_each_file_is_run_by_its_snippet_and_answers_as_the_network(form, recipe, tmp_path, cache):
    built = cc.compress(recipe, cache)
    (tmp_path / file_name(recipe, form)).write_bytes(export(recipe, cache, form))
    images = cc.dataset(recipe.dataset).test()[0][:5]
    given = torch.from_numpy(run_snippet(tmp_path, recipe, form, images))
    if form == "int8":  # the network before its rounding, rounded in another way
        before = run_on(cc.compress(recipe.weights_only(), cache).model, images)
        assert (given - before).abs().mean() < 0.1 * before.abs().mean()
        return
    wanted = run_on(built.model, images)
    assert (given - wanted).abs().max() <= 1e-4 * max(1.0, float(wanted.abs().max()))


def test_a_network_that_cannot_be_followed_is_a_sentence(cache):
    built = cc.compress(Recipe(width=0.25), cache)

    class Odd(torch.nn.Module):
        def forward(self, images):
            return images if images.sum() > 0 else -images

    odd = type(built)(built.recipe, Odd(), built.state, built.report)
    with pytest.raises(UnsupportedModelError, match="does not follow this network"):
        to_program(odd)


def test_a_file_is_called_by_what_was_chosen():
    assert file_name(Recipe(), "packed") == "studentnet-original.safetensors"
    long = Recipe(prune=0.5, edits=".".join(f"{group}c1" for group in range(200)))
    others = long.with_(edits=long.edits + ".200c1")
    assert len(file_name(long, "packed")) < 130 and file_name(long, "packed") != file_name(others, "packed")
    assert file_name(Recipe(bits=4), "int8") == "studentnet-bits4.int8.onnx"


@pytest.mark.parametrize("recipe", [Recipe(width=0.25, prune=0.3, bits=4), Recipe(arch="squeezenet", width=0.25)])
def test_a_report_has_the_numbers_and_needs_nothing_else(recipe, cache):
    page, measured = report(recipe, cache), cc.measure(cc.compress(recipe, cache), timed=False)
    for says in (
        f"{100 * measured.accuracy:.1f} %",
        "n = 2,160",
        "torch 2.13",
        "What is taken for what",
        recipe.to_query(),
    ):
        assert says.replace("&", "&amp;") in page, says
    assert page.count("<figure") == 4 and 'src="http' not in page and "<link" not in page
    assert page.count("Plotly.newPlot") >= 4 and "points" in page


def test_a_report_is_made_by_the_command(tmp_path, capsys):
    from compress_core.__main__ import main

    path = tmp_path / "new" / "small.html"
    assert main(["report", "--recipe", "width=0.25&bits=4", "-o", str(path)]) == 0
    assert "4-bit weights" in path.read_text() and str(path) in capsys.readouterr().out
    assert main(["report", "--recipe", "bits=99", "-o", str(path)]) == 1
    assert "The bit width cannot be 99" in capsys.readouterr().err
