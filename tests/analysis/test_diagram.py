"""Diagrams of blocks against what the papers draw."""

import pytest
import torch

import compress_core as cc
from compress_core.analysis.diagram import block_diagram, block_names
from compress_core.studies.architectures import skeleton
from compress_core.zoo import architecture
from tests.helpers.marks import sampled

ALL = [*cc.architectures(), "resnet18"]
BLOCKS = {
    "studentnet": 8,
    "mobilenet_v1": 13,
    "mobilenet_v2": 17,
    "shufflenet_v1": 16,
    "shufflenet_v2": 16,
    "squeezenet": 8,
    "resnet18": 8,
}


def diagram(arch: str, number: int, width: float = 1.0):
    model, image = skeleton(arch, width, "imagenet")
    return block_diagram(model, block_names(model)[number], image)


def titles(drawn) -> list[str]:
    return drawn.boxes["title"].tolist()


@pytest.mark.parametrize("arch", ALL)
@pytest.mark.parametrize("images", sampled(["imagenet", "digits"], lambda images: images == "digits"))
def test_every_block_of_every_network_can_be_drawn(arch, images):
    model, image = skeleton(arch, 0.5, images)
    names = block_names(model)
    assert len(names) == BLOCKS[arch]
    for name in dict.fromkeys((*names[:3], *names[len(names) // 2 :: 4], names[-1])):
        drawn = block_diagram(model, name, image)
        boxes, arrows = drawn.boxes, drawn.arrows
        assert titles(drawn)[0] == "in" and titles(drawn)[-1] == "out"
        assert (boxes.loc[arrows["end"], "column"].to_numpy() > boxes.loc[arrows["start"], "column"].to_numpy()).all()
        assert not boxes.duplicated(["column", "lane"]).any()
        layers = [m for m in model.get_submodule(name).modules() if isinstance(m, torch.nn.Conv2d)]
        assert boxes["kind"].isin(["dense", "pointwise", "depthwise", "grouped"]).sum() == len(layers)


def test_mobilenet_v2s_block_is_figure_4():
    drawn = diagram("mobilenet_v2", 2)
    assert titles(drawn) == ["in", "1×1", "3×3 depthwise", "1×1", "add", "out"]
    assert drawn.boxes["detail"].tolist()[1:4] == ["24 → 144<br>BN, ReLU6", "144<br>BN, ReLU6", "144 → 24<br>BN"]
    assert drawn.arrows["channels"].tolist() == [24, 144, 144, 24, 24, 24]
    assert ((drawn.arrows["start"] == 0) & (drawn.arrows["end"] == 4)).sum() == 1  # the shortcut


def test_shufflenet_v1s_unit_is_figure_2c():
    drawn = diagram("shufflenet_v1", 4)
    assert titles(drawn)[:5] == ["in", "1×1 3 groups", "shuffle", "3×3 depthwise", "1×1 3 groups"]
    assert titles(drawn)[5:] == ["average pool 3×3", "concatenate, ReLU", "out"]
    assert drawn.boxes["detail"][6] == "480"


def test_shufflenet_v2s_unit_is_figure_3c():
    drawn = diagram("shufflenet_v2", 1)
    assert titles(drawn) == ["in", "split", "1×1", "3×3 depthwise", "1×1", "concatenate", "shuffle", "out"]
    assert drawn.arrows["channels"].tolist()[1] == 58 and (drawn.arrows["end"] == 5).sum() == 2


def test_the_fire_module_is_figure_1():
    drawn = diagram("squeezenet", 0)
    assert sorted(titles(drawn)) == ["1×1", "1×1", "3×3", "concatenate", "in", "out"]
    assert sorted(drawn.arrows["channels"]) == [16, 16, 64, 64, 64, 128]


def test_the_channels_are_those_of_this_width():
    assert diagram("mobilenet_v1", 0, width=0.5).boxes["detail"].tolist()[2] == "16 → 32<br>BN, ReLU"


def test_a_block_is_drawn_for_every_architecture_that_explains_one():
    from ui.about.architectures import block

    for arch in ALL:
        assert architecture(arch).paper in block(architecture(arch))
