"""Single pictures and drawings from outside: what networks see of them, and what is refused with a sentence."""

import io
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

import compress_core as cc
from compress_core.data.drawing import SIDE, check_strokes, draw
from compress_core.data.images import SHOWN_SIDE, read_picture
from compress_core.errors import DataError
from compress_core.layers.inference import predict
from tests.conftest import ROOT
from tests.helpers.hostile import cases

CASES = cases()
BOUNDED = """
import resource, time
from compress_core.data.images import read_picture
from compress_core.errors import DataError
from tests.helpers.hostile import cases
given = cases()
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
for case in given.values():
    try:
        read_picture(case.content)
    except DataError:
        pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_picture_is_read_or_refused_with_a_sentence(name):
    content, reads = CASES[name]
    if not reads:
        with pytest.raises(DataError, match=r"^This picture cannot be read: .+\. Give another one"):
            read_picture(content)
        return
    pixels = read_picture(content)
    assert pixels.dtype == np.uint8 and pixels.shape[2] == 3 and max(pixels.shape) <= SHOWN_SIDE
    for data in (cc.dataset("digits"), cc.dataset("cifar10")):
        try:
            seen = data.see(pixels)
        except DataError as error:
            assert "no digit to be seen" in str(error) and data.name == "digits"
        else:
            assert seen.shape == (*data.input_shape[1:], data.input_shape[0]) and seen.dtype == np.uint8


def test_hostile_pictures_take_little_memory():
    """All of them in one process: a note of 80 MB may be looked at, an image of 900 million pixels may not."""
    assert len(CASES) >= 40
    run = subprocess.run([sys.executable, "-c", BOUNDED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(run.stdout) < 300  # MB


def test_a_camera_may_be_held_upright():
    assert read_picture(CASES["turned by its camera"].content).shape[:2] == (60, 40)


def test_a_photograph_is_its_middle_square():
    picture = np.random.default_rng(0).integers(0, 256, (32, 50, 3), dtype=np.uint8)
    data = cc.dataset("cifar10")
    seen = data.see(picture)
    assert np.array_equal(seen, picture[:, 9:41])
    ready = data.normalise(seen[None])[0].permute(1, 2, 0)
    by_hand = (torch.from_numpy(seen) / 255 - torch.tensor(data.mean)) / torch.tensor(data.std)
    assert torch.allclose(ready, by_hand, atol=1e-5)


def circle(x, y, width, height, start=0, end=360):
    angles = [math.radians(start + (end - start) * i / 39) for i in range(40)]
    return [(x + width * math.cos(a), y + height * math.sin(a)) for a in angles]


DIGITS = {  # as a person may write them; the writers of the training digits crossed their sevens
    0: [circle(0.5, 0.5, 0.2, 0.3)],
    1: [[(0.5, 0.2), (0.5, 0.8)]],
    2: [[*circle(0.5, 0.35, 0.17, 0.15, -170, 30), (0.35, 0.8), (0.7, 0.8)]],
    3: [[*circle(0.5, 0.35, 0.15, 0.15, -140, 90), *circle(0.5, 0.66, 0.17, 0.17, -90, 140)]],
    4: [[(0.4, 0.2), (0.3, 0.55), (0.7, 0.55)], [(0.6, 0.3), (0.58, 0.85)]],
    5: [[(0.68, 0.2), (0.4, 0.2), (0.37, 0.45), *circle(0.5, 0.6, 0.17, 0.18, -120, 150)]],
    6: [[(0.6, 0.2), (0.42, 0.4), (0.36, 0.6), *circle(0.5, 0.65, 0.15, 0.15, 180, 540)]],
    7: [[(0.3, 0.2), (0.7, 0.2), (0.45, 0.8)], [(0.4, 0.5), (0.7, 0.5)]],
    8: [circle(0.5, 0.33, 0.14, 0.14), circle(0.5, 0.65, 0.17, 0.18)],
    9: [[*circle(0.5, 0.35, 0.15, 0.15), (0.65, 0.35), (0.6, 0.8)]],
}


def read(data, picture: np.ndarray, network) -> int:
    return int(predict(network, data.normalise(data.see(picture)[None])).argmax())


@pytest.mark.parametrize("arch", cc.architectures())
def test_drawn_digits_are_read(arch):
    data, network = cc.dataset("digits"), cc.load(arch)
    assert {digit: read(data, draw(strokes), network) for digit, strokes in DIGITS.items()} == {d: d for d in DIGITS}


def test_drawn_digits_have_as_much_ink_as_the_training_digits():
    data = cc.dataset("digits")
    drawn = np.mean([data.see(draw(strokes)).mean() for digit, strokes in DIGITS.items() if digit != 1]) / 255
    trained = data.calibration(1000).mul(data.std[0]).add(data.mean[0]).mean().item()
    assert trained - 0.12 < drawn < trained + 0.02  # half of the training's noise only brightens what is black


@given(some.floats(0.1, 1), some.floats(-0.3, 0.3), some.floats(-0.3, 0.3))
def test_how_large_and_where_one_draws_does_not_matter(scale, right, down):
    stroke = [[(0.5 + right + scale * (x - 0.5), 0.5 + down + scale * (y - 0.5)) for x, y in s] for s in DIGITS[4]]
    difference = np.abs(draw(stroke).astype(int) - draw(DIGITS[4])).mean()
    assert difference < 8  # of 255: lines end on whole pixels


def test_ink_may_be_black_or_white_and_anywhere_on_the_paper():
    data, drawn = cc.dataset("digits"), draw(DIGITS[3])
    wide = np.full((SIDE, 3 * SIDE, 3), 255, np.uint8)
    wide[:, SIDE : 2 * SIDE] = drawn
    grey = (drawn * 0.4 + 90).astype(np.uint8)
    for other in (
        255 - drawn,
        wide,
        grey,
        np.array(Image.fromarray(drawn).resize((700, 700), Image.Resampling.BILINEAR)),
    ):
        difference = np.abs(data.see(other).astype(int) - data.see(drawn)).mean()
        assert difference < 6
    with pytest.raises(DataError, match="no digit to be seen"):
        data.see(np.full((50, 50, 3), 128, np.uint8))


def test_a_dot_is_drawn_and_nothing_is_not():
    assert (draw([[(0.2, 0.9)]]) == 0).any()
    with pytest.raises(DataError, match="Nothing is drawn yet"):
        draw([])


@pytest.mark.parametrize(
    "strokes",
    [
        None,
        7,
        "ab",
        [[1, 2]],
        [[(0.1, "x")]],
        [[(0.1, 0.2, 0.3)]],
        [[(float("nan"), 0)]],
        [[(1e9, 0)]],
        [[(0, 0)] * 30_000],
    ],
)
def test_strokes_from_outside_are_checked(strokes):
    with pytest.raises(DataError, match="Draw it anew"):
        check_strokes(strokes)


def test_strokes_without_a_point_are_left_out():
    assert check_strokes([[], [[0.1, 0.2]], []]) == (((0.1, 0.2),),)


def test_a_photograph_of_ten_megapixels_is_kept_small():
    content = io.BytesIO()
    Image.new("RGB", (4000, 3000), "teal").save(content, "JPEG")
    assert read_picture(content.getvalue()).shape == (384, 512, 3)
