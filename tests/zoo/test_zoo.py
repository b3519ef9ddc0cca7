"""The contract of every architecture, and StudentNet against homework 7."""

import importlib
import io
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import compress_core as cc
from compress_core.layers.vision import torchvision
from compress_core.zoo import architecture, blocks
from compress_core.zoo.registry import register
from compress_core.zoo.studentnet import studentnet_channels
from tests.conftest import with_random_norms
from tests.helpers.marks import sampled

ALL = [*cc.architectures(), "resnet18"]
CASES = [(arch, preset) for arch in ALL for preset in ("imagenet", "small")]
WIDTHS = [round(0.05 * step, 2) for step in range(2, 41)]
SIZES = {"imagenet": (3, 224, 224), "small": (1, 32, 32)}


@pytest.mark.parametrize(("arch", "preset"), sampled(CASES, lambda case: case[1] == "small"))
def test_every_width_builds_and_runs_without_an_empty_layer(arch, preset):
    """On torch's meta device, which computes shapes only."""
    params = []
    for width in WIDTHS[:10] + WIDTHS[10::7]:
        with torch.device("meta"):
            model = cc.build(arch, width, preset, num_classes=7).eval()
            assert model(torch.empty(2, *SIZES[preset])).shape == (2, 7)
        assert all(p.numel() > 0 for p in model.parameters())
        params.append(sum(p.numel() for p in model.parameters()))
    assert params == sorted(params)


@pytest.mark.parametrize(("arch", "preset"), CASES)
@pytest.mark.parametrize("width", sampled([0.1, 0.35, 1.0], lambda width: width == 0.35))
def test_every_preset_is_traced_as_it_computes(arch, preset, width):
    torch.manual_seed(0)
    model = cc.build(arch, width, preset, num_classes=7).eval()
    traced = torch.fx.symbolic_trace(model)
    channels, *_ = SIZES[preset]
    images = torch.randn(2, channels, 64, 64) if preset == "imagenet" else torch.randn(2, channels, 32, 32)
    with torch.no_grad():
        assert torch.equal(model(images), traced(images))


@pytest.mark.parametrize(
    ("arch", "preset", "width"),
    sampled([(*case, width) for case in CASES for width in (0.25, 1.0)], lambda case: case[1:] == ("small", 0.25)),
)
@pytest.mark.filterwarnings("ignore")
def test_every_preset_leaves_as_onnx(arch, preset, width):
    """onnxruntime gives what torch gives."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    torch.manual_seed(0)
    model = cc.build(arch, width, preset, num_classes=7).eval()
    images = torch.randn(1, *SIZES[preset])
    file = io.BytesIO()
    torch.onnx.export(model, (images,), file, dynamo=False)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    with torch.no_grad():
        assert torch.allclose(torch.from_numpy(logits), model(images), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("arch", ALL)
def test_every_architecture_names_its_paper_and_its_table(arch):
    module = importlib.import_module(f"compress_core.zoo.{arch}")
    source = "homework 7" if arch == "studentnet" else "Table"
    assert re.search(r"\b20[12]\d\b", module.__doc__) and source in module.__doc__
    assert source in architecture(arch).paper
    for row in architecture(arch).reported:
        assert "Table" in row.source
        cc.build(arch, row.width, "imagenet", 10, **row.options)


@pytest.mark.parametrize("arch", cc.architectures())
def test_the_small_preset_keeps_to_its_budget(arch):
    """At most 7 M MACs and about 1 M parameters, so that a slider step can measure it on the whole test set."""
    table = cc.profile(cc.build(arch), torch.zeros(1, 1, 32, 32))
    assert table["macs"].sum() <= 7e6 and table["params"].sum() <= 1.1e6


@pytest.mark.parametrize("arch", ALL)
def test_the_stem_of_a_small_network_may_keep_the_size_of_photographs(arch):
    drawings = cc.profile(cc.build(arch, 0.25).eval(), torch.zeros(1, 1, 32, 32))
    photographs = cc.profile(cc.build(arch, 0.25, stem_stride=1).eval(), torch.zeros(1, 1, 32, 32))
    assert photographs["params"].sum() == drawings["params"].sum()
    assert 1 < photographs["macs"].sum() / drawings["macs"].sum() < 5


@pytest.mark.parametrize("arch", cc.architectures())
def test_on_photographs_a_small_network_keeps_to_its_budget_too(arch):
    table = cc.profile(cc.build(arch, in_channels=3, stem_stride=1).eval(), torch.zeros(1, 3, 32, 32))
    assert table["macs"].sum() <= 12e6


def count(arch: str, width: float = 1.0, **options: object) -> tuple[int, float]:
    """Parameters and millions of MACs at 224×224 with 1,000 classes."""
    with torch.device("meta"):
        table = cc.profile(cc.build(arch, width, "imagenet", 1000, **options).eval(), torch.empty(1, 3, 224, 224))
    return int(table["params"].sum()), table["macs"].sum() / 1e6


@pytest.mark.parametrize(
    ("arch", "width", "options", "params", "macs"),
    [
        # counted with torchvision 0.28; its 1.4 rounds the last layer otherwise than the paper does, as ours
        ("mobilenet_v2", 1.0, {}, 3_504_872, 300.8),
        ("mobilenet_v2", 0.75, {}, 2_636_424, 209.1),
        ("mobilenet_v2", 0.5, {}, 1_968_680, 97.1),
        ("mobilenet_v2", 0.35, {}, 1_677_128, 59.3),
        ("mobilenet_v2", 1.4, {}, 6_108_776, 582.2),
        ("shufflenet_v2", 0.5, {}, 1_366_792, 40.5),
        ("shufflenet_v2", 1.0, {}, 2_278_604, 144.9),
        ("shufflenet_v2", 1.5, {}, 3_503_624, 295.8),
        ("shufflenet_v2", 2.0, {}, 7_393_996, 583.3),
        ("squeezenet", 1.0, {"version": "1.0"}, 1_248_424, 818.9),
        ("squeezenet", 1.0, {"version": "1.1"}, 1_235_496, 349.2),
        ("resnet18", 1.0, {}, 11_689_512, 1814.1),
        # Howard et al. 2017; Table 6's Mult-Adds follow below
        ("mobilenet_v1", 1.0, {}, 4_231_976, 568.7),
        # the authors' ShuffleNet-Series, whose classifier has no bias: 1,000 fewer
        ("shufflenet_v1", 0.5, {}, 717_324 + 1000, 37.6),
        ("shufflenet_v1", 1.0, {}, 1_864_728 + 1000, 137.5),
        ("shufflenet_v1", 1.5, {}, 3_441_168 + 1000, 292.4),
        ("shufflenet_v1", 2.0, {}, 5_449_776 + 1000, 524.0),
    ],
)
def test_counts_equal_the_references(arch, width, options, params, macs):
    counted = count(arch, width, **options)
    assert counted[0] == params and counted[1] == pytest.approx(macs, abs=0.06)


@pytest.mark.parametrize(
    ("width", "macs", "params"), [(1.0, 569, 4.2), (0.75, 325, 2.6), (0.5, 149, 1.3), (0.25, 41, 0.5)]
)
def test_mobilenet_v1_costs_what_table_6_says(width, macs, params):
    counted = count("mobilenet_v1", width)
    assert round(counted[1]) == pytest.approx(macs, abs=1) and round(counted[0] / 1e6, 1) == params


@pytest.mark.parametrize(
    ("groups", "channels", "mflops"),
    [
        (1, (144, 288, 576), 143),
        (2, (200, 400, 800), 140),
        (3, (240, 480, 960), 137),
        (4, (272, 544, 1088), 133),
        (8, (384, 768, 1536), 137),
    ],
)
def test_shufflenet_v1_is_as_wide_as_table_1(groups, channels, mflops):
    model = cc.build("shufflenet_v1", preset="imagenet", groups=groups).eval()
    seen = []
    for stage in model.stages:
        stage.register_forward_hook(lambda _, inputs, output: seen.append(output.shape[1]))
    with torch.no_grad():
        model(torch.zeros(1, 3, 64, 64))
    assert tuple(seen) == channels
    assert count("shufflenet_v1", groups=groups)[1] == pytest.approx(mflops, rel=0.011)


TORCHVISION = [
    *((arch, width, name) for arch in ALL if (p := architecture(arch).pretrained) for width, name in p.widths.items())
]


@pytest.mark.parametrize(("arch", "width", "name"), TORCHVISION)
def test_torchvisions_weights_give_torchvisions_output(arch, width, name):
    torch.manual_seed(0)
    theirs = with_random_norms(getattr(torchvision().models, name)(weights=None))
    ours = cc.build(arch, width, "imagenet", 1000).eval()
    ours.load_state_dict(architecture(arch).pretrained.convert(theirs.state_dict()), strict=True)
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        expected = theirs(images)
        assert (ours(images) - expected).abs().max() <= 1e-5 * max(1, expected.abs().max())


def test_squeezenet_1_0_gives_torchvisions_output():
    """The pools stand elsewhere than in 1.1, the order of the fires is the same."""
    torch.manual_seed(0)
    theirs = torchvision().models.squeezenet1_0(weights=None).eval()
    ours = cc.build("squeezenet", 1.0, "imagenet", 1000, version="1.0").eval()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        assert torch.allclose(ours(images), theirs(images), atol=1e-5)


def test_squeezenets_bypasses_are_those_of_figure_2():
    def params(**options) -> int:
        return count("squeezenet", version="1.0", **options)[0]

    model = cc.build("squeezenet", preset="imagenet", version="1.0", bypass="complex")
    fires = [layer for layer in model.fires if isinstance(layer, blocks.Fire)]
    assert [isinstance(fire.bypass, nn.Identity) for fire in fires] == [False, True] * 4  # fires 2 to 9
    assert params(bypass="simple") == params(bypass="none")  # an addition has no weights
    pairs = [(96, 128), (128, 256), (256, 384), (384, 512)]
    assert params(bypass="complex") - params(bypass="none") == sum(c_in * c_out + c_out for c_in, c_out in pairs)


@given(st.integers(1, 8), st.integers(1, 8))
@settings(deadline=None)
def test_channel_shuffle_is_the_index_formula(groups, per_group):
    """Channel a·n + i goes to place i·g + a."""
    channels = torch.arange(groups * per_group).view(1, -1, 1, 1).float()
    shuffled = blocks.ChannelShuffle(groups)(channels).flatten().tolist()
    for a in range(groups):
        for i in range(per_group):
            assert shuffled[i * groups + a] == a * per_group + i


@given(st.floats(1, 4000), st.sampled_from([1, 2, 4, 8, 12, 32]))
def test_make_divisible_rounds_the_papers_way(channels, divisor):
    rounded = blocks.make_divisible(channels, divisor)
    assert rounded % divisor == 0 and rounded >= divisor and rounded >= 0.9 * channels
    assert abs(rounded - channels) <= divisor / 2 + 1e-9 or rounded == divisor or rounded - divisor < 0.9 * channels


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "resnet"}, "There is no architecture 'resnet'. Choose one of: studentnet"),
        ({"name": "studentnet", "preset": "big"}, "StudentNet has no preset 'big'"),
        ({"name": "studentnet", "width": 3.0}, "between 0.1 and 2.0; it was 3.0"),
        ({"name": "studentnet", "width": float("nan")}, "between 0.1 and 2.0; it was nan"),
        ({"name": "mobilenet_v2", "width": "wide"}, "between 0.1 and 2.0; it was wide"),
        ({"name": "shufflenet_v1", "groups": 5}, r"groups of ShuffleNetV1 cannot be 5. Allowed: 3, 1, 2, 4, 8"),
        ({"name": "shufflenet_v2", "groups": 2}, r"has no option 'groups'. It takes: stem_stride"),
        ({"name": "squeezenet", "version": 1.1}, r"version of SqueezeNet cannot be 1.1. Allowed: '1.1', '1.0'"),
        ({"name": "squeezenet", "norm": 1}, r"norm of SqueezeNet cannot be 1. Allowed: False, True"),
        ({"name": "mobilenet_v1", "preset": "imagenet", "stem_stride": 1}, "no option 'stem_stride'. It takes none"),
        ({"name": ["studentnet"]}, r"There is no architecture '\['studentnet'\]'"),
        ({"name": "studentnet", "preset": ["small"]}, "StudentNet has no preset"),
        ({"name": "studentnet", "width": True}, "between 0.1 and 2.0; it was True"),
        ({"name": "mobilenet_v1", "in_channels": True}, "number of input channels must be a whole number"),
        ({"name": "mobilenet_v1", "in_channels": 0}, "number of input channels must be a whole number, 1 or more"),
        ({"name": "mobilenet_v1", "num_classes": 2.5}, "number of classes must be a whole number.*it was 2.5"),
    ],
)
def test_what_cannot_be_built_is_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        cc.build(**arguments)


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="'studentnet' is registered already"):
        register(architecture("studentnet"))


def test_groups_that_do_not_divide_are_a_sentence():
    with pytest.raises(ValueError, match="3 groups do not divide the 10 channels of its bottleneck"):
        blocks.ShuffleUnitV1(24, 40, 1, 3)


def homework_7_studentnet() -> nn.Module:
    """Homework 7's network written out block by block from its description, as the oracle."""

    def block(c_in: int, c_out: int, pool: bool) -> nn.Sequential:
        layers = [
            nn.Conv2d(c_in, c_in, 3, 1, 1, groups=c_in),
            nn.BatchNorm2d(c_in),
            nn.ReLU6(),
            nn.Conv2d(c_in, c_out, 1),
        ]
        return nn.Sequential(*layers, *([nn.MaxPool2d(2, 2, 0)] if pool else []))

    net = nn.Module()
    net.cnn = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU6(), nn.MaxPool2d(2, 2, 0)),
        block(16, 32, True),
        block(32, 64, True),
        block(64, 128, True),
        block(128, 256, False),
        block(256, 256, False),
        block(256, 256, False),
        block(256, 256, False),
        nn.AdaptiveAvgPool2d((1, 1)),
    )
    net.fc = nn.Sequential(nn.Linear(256, 11))
    return net.eval()


def test_studentnet_has_homework_7s_parameters():
    model = cc.build("studentnet", preset="reference", num_classes=11)
    assert sum(p.numel() for p in model.parameters()) == 256_779


def test_a_homework_checkpoint_loads_and_computes_the_same():
    theirs = homework_7_studentnet()
    ours = cc.build("studentnet", preset="reference", num_classes=11).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.randn(2, 3, 256, 256)
    with torch.no_grad():
        assert torch.allclose(ours(images), theirs.fc(theirs.cnn(images).flatten(1)), atol=1e-6)


@given(st.integers(2, 40))
@settings(deadline=None)
def test_the_width_acts_on_blocks_3_to_6_and_leaves_no_layer_empty(step):
    channels = studentnet_channels(step * 0.05)
    full = [16, 32, 64, 128, 256, 256, 256, 256]
    for block, (own, whole) in enumerate(zip(channels, full, strict=True)):
        assert own == (whole * step // 20 if 3 <= block <= 6 else whole) >= 1
