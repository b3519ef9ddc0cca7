"""Adding is one function and one line: what is registered here appears everywhere, runs on every page, and leaves.

Nothing but the entry is given: no colour, no words beyond its title.
"""

import contextlib
import shutil
from collections.abc import Iterator

import pytest
import streamlit as st
import torch
from torch import nn

import compress_core as cc
from compress_core.data.digits import Digits
from compress_core.pruning.criteria import Criterion
from compress_core.pruning.healing import Healing
from compress_core.quantization.grids import Codebook
from compress_core.quantization.schemes import Scheme
from compress_core.registry import ARCHITECTURES, CRITERIA, DATASETS, HEALINGS, SCHEMES, Registry
from compress_core.studies.tradeoff import load_grid
from compress_core.training import checkpoints
from compress_core.training.checkpoints import build_for, save_checkpoint
from compress_core.zoo import Architecture
from compress_core.zoo.blocks import Classifier, ConvBNAct, DepthwiseSeparable, Fire, make_divisible
from tests.helpers.marks import sampled
from tests.helpers.pages import open_page
from ui.menu import PAGES

TITLE = "The newcomer"
SMALL = {"width": "0.25", "prune": "0.3", "bits": "4"}


def architecture() -> Architecture:
    class Network(nn.Module):
        def __init__(self, width, num_classes, in_channels):
            super().__init__()
            channels = make_divisible(16 * width, 4)
            self.stem = ConvBNAct(in_channels, channels, 3, 2)
            self.blocks = nn.Sequential(DepthwiseSeparable(channels, 2 * channels), Fire(2 * channels, 8, 16, 16, True))
            self.classifier = Classifier(32, num_classes)

        def forward(self, images):
            return self.classifier(self.blocks(self.stem(images)))

    def small(width, num_classes, in_channels, stem_stride=2):
        return Network(width, num_classes, in_channels)

    return Architecture(name="newcomer", title=TITLE, presets={"imagenet": Network, "small": small})


def dataset() -> type[Digits]:
    class UpsideDown(Digits):
        name, title = "newcomer", TITLE

        def test(self, whole=False):
            images, labels = super().test(whole)
            return images.flip(2), labels

    return UpsideDown


def criterion() -> Criterion:
    def last_first(stats, group):
        return -torch.arange(group.size).float()

    return Criterion(title=TITLE, score=last_first)


def healing() -> Healing:
    def recalibrate_on_few(pruned, original, images, data):
        return cc.recalibrate(pruned.model, images[:16])

    return Healing(title=TITLE, heal=recalibrate_on_few)


def scheme() -> Scheme:
    def quantiles(weight, bits, clipping, importance):
        return Codebook(bits, weight.flatten().quantile(torch.linspace(0, 1, 2**bits)))

    return Scheme(title=TITLE, fit=quantiles, clips=False)


@contextlib.contextmanager
def registered(registry: Registry, entry: object) -> Iterator[None]:
    registry.register(newcomer=entry)
    try:
        yield
    finally:
        del registry["newcomer"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The shipped checkpoints, in a folder where a newcomer's may stand beside them."""
    folder = tmp_path / "checkpoints"
    shutil.copytree(checkpoints.FOLDER, folder)
    monkeypatch.setattr(checkpoints, "FOLDER", folder)
    st.cache_resource.clear()
    st.cache_data.clear()
    yield folder
    st.cache_resource.clear()
    st.cache_data.clear()


FIELDS = {
    "arch": ("Architecture", ARCHITECTURES, architecture, {}),
    "dataset": ("Dataset", DATASETS, dataset, {}),
    "criterion": ("Importance criterion", CRITERIA, criterion, {"view": "criteria"}),
    "heal": ("Recovery after pruning", HEALINGS, healing, {"view": "healing"}),
    "scheme": ("Quantization scheme", SCHEMES, scheme, {}),
}


@pytest.mark.parametrize("field", sampled(FIELDS, lambda field: field not in ("heal", "scheme")))
def test_a_newcomer_is_one_function_and_one_line_on_every_page(field, folder):
    label, registry, make, views = FIELDS[field]
    entry, before = make(), _options(label)
    with registered(registry, entry):
        if field == "arch":
            model = build_for("newcomer", 1.0, cc.dataset("digits"))
            save_checkpoint(model, folder / "newcomer-1.00-digits-plain.safetensors", {"command": "none"})
        if field == "dataset":
            shutil.copy(
                folder / "studentnet-1.00-digits-plain.safetensors",
                folder / "studentnet-1.00-newcomer-plain.safetensors",
            )
        for page in PAGES:
            own = views if page.path == "pages/Pruning.py" else {}
            app = open_page(page.path, **{**SMALL, "arch": "studentnet", field: "newcomer", **own}).fine()
            assert app.knob(label).value == "newcomer" and TITLE in app.knob(label).options, page.path
            if own:
                assert TITLE in app.html
        recipe = cc.Recipe(**{field: "newcomer"}, prune=0.3, bits=4)
        assert cc.Recipe.from_query(recipe.to_query()) == recipe
        assert cc.measure(cc.compress(recipe), timed=False).samples == 2160
    assert _options(label) == before
    with pytest.raises(cc.RecipeError, match="cannot be 'newcomer'"):
        cc.Recipe(**{field: "newcomer"})
    assert load_grid("newcomer", "digits").empty


def _options(label: str) -> list[str] | None:
    """What a selector of the sidebar offers; None where there is none."""
    app = open_page("pages/Ideas.py")
    return next((box.options for box in app.sidebar.selectbox if box.label == label), None)
