"""The networks that the guidelines are measured on (Ma et al. 2018, section 2, Tables 1 to 4), at equal MACs.

Ten equal blocks on a map of h×w. The widths start from the paper's ARM column; those that keep the
multiply–accumulates equal are computed here, since some of the printed ones do not. Neither BatchNorm nor biases, and
activations only in G4: the paper's text names convolutions alone.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

BLOCKS = 10
SCALES = (1, 2, 4)
"""The paper's ×1, ×2, ×4: how many times as many channels."""
SIDES = (14, 28, 56)
TOLERANCE = 0.02
"""How far apart multiply–accumulates that count as equal may be."""
RATIOS = (1, 2, 6, 12)
GROUPS = (1, 2, 4, 8)
FRAGMENTS = ((1, "series"), (2, "series"), (4, "series"), (2, "parallel"), (4, "parallel"))
ELEMENTWISE = ((True, True), (True, False), (False, True), (False, False))
"""With ReLU, with shortcut: in the order of the paper's Table 4."""
NARROWING = 4
"""How many times narrower ResNet's bottleneck is at its waist (He et al. 2016, Figure 5)."""
_BASE = {"g1": 32, "g2": 64, "g3": 64, "g4": 32}


@dataclass(frozen=True)
class Form:
    """One of the networks that a guideline holds against each other."""

    name: str
    widths: str
    channels: int
    """Of the map that it reads."""
    macs: int
    """For one image."""
    memory_access: int
    """Elements read and written for one image: maps in, maps out, weights."""
    least: int
    """What the inequality of means lets no form of so many multiply–accumulates fall below; 0 where it says nothing."""
    build: Callable[[], nn.Module]


def forms(guideline: str, scale: int, side: int) -> list[Form]:
    """The forms of `g1` … `g4` in the order of the paper's table; all others are held against the first.

    Args:
        scale: 1, 2 or 4 times the channels.
        side: h = w of the map.
    """
    base = _BASE[guideline] * scale
    match guideline:
        case "g1":
            return [_unequal(base, ratio, side) for ratio in RATIOS]
        case "g2":
            return [_grouped(base, groups, side) for groups in GROUPS]
        case "g3":
            return [_fragmented(base, pieces, where, side) for pieces, where in FRAGMENTS]
    return [_elementwise(base, relu, shortcut, side) for relu, shortcut in ELEMENTWISE]


def images(form: Form, side: int) -> Tensor:
    """What it reads: (1, C, side, side), the same numbers every time, in torch's own order of memory.

    With the channels last odd widths alone cost a third of the speed on our machine, which is not what is asked.
    """
    return torch.randn(1, form.channels, side, side, generator=torch.Generator().manual_seed(0))


def memory_access(c_in: int, c_out: int, side: int, kernel: int = 1, groups: int = 1) -> int:
    """hw(c₁ + c₂) + k²c₁c₂/g: elements that a convolution reads and writes, whose weights fit the cache (section 2)."""
    return side**2 * (c_in + c_out) + kernel**2 * c_in * c_out // groups


def least_memory_access(macs: float, side: int) -> float:
    """2√(hwB) + B/(hw): what a pointwise convolution of B MACs needs at least, reached at equal widths (G1)."""
    return 2 * math.sqrt(side**2 * macs) + macs / side**2


def equal_macs_pair(base: int, ratio: float) -> tuple[int, int]:
    """(c₁, c₂) as near to 1 : `ratio` as whole channels allow whose product is `base`², within `TOLERANCE`."""
    found = []
    for first in range(1, base + 1):
        lowest, highest = ((1 + sign * TOLERANCE) * base**2 / first for sign in (-1, 1))
        for second in range(math.ceil(lowest), math.floor(highest) + 1):
            away = abs(math.log(second / first / ratio)), abs(first * second - base**2)
            found.append((away, (first, second)))
    return min(found)[1]


def equal_macs_width(base: int, groups: int) -> int:
    """c√g, to whole groups: as many channels, in and out, as cost about what `base` cost ungrouped (G2)."""
    return round(base * math.sqrt(groups) / groups) * groups


def grouped_widths(base: int, groups: int) -> list[int]:
    """The channels of the maps before, between and after ten grouped layers whose MACs together are those of `base`.

    `equal_macs_width` everywhere; where whole groups cannot come within `TOLERANCE`, some maps between lack a group,
    or have one more.
    """
    width = equal_macs_width(base, groups)
    widths, wanted = [width] * (BLOCKS + 1), BLOCKS * base**2
    other = width - groups if width**2 > groups * base**2 else width + groups

    def macs() -> float:
        return sum(widths[i] * widths[i + 1] / groups for i in range(BLOCKS))

    for between in range(1, BLOCKS, 2):
        if abs(macs() / wanted - 1) <= TOLERANCE:
            break
        widths[between] = other
    return widths


class Summed(nn.Module):
    """Branches that read the same map, and the sum of what they give."""

    def __init__(self, *branches: nn.Module):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = [branch(x) for branch in self.branches]
        for other in others:
            first = first + other
        return first


def _conv(c_in: int, c_out: int, kernel: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, groups=groups, bias=False)


def _stack(block: Callable[[], nn.Module]) -> nn.Sequential:
    return nn.Sequential(*(block() for _ in range(BLOCKS)))


def _unequal(base: int, ratio: int, side: int) -> Form:
    """G1: two pointwise convolutions a block, c₁ → c₂ → c₁."""
    thin, wide = equal_macs_pair(base, ratio)
    layers, macs = 2 * BLOCKS, side**2 * thin * wide
    return Form(
        f"1 : {ratio}",
        f"{thin} : {wide}",
        thin,
        layers * macs,
        layers * memory_access(thin, wide, side),
        math.floor(layers * least_memory_access(macs, side)),
        partial(_stack, lambda: nn.Sequential(_conv(thin, wide), _conv(wide, thin))),
    )


def _grouped(base: int, groups: int, side: int) -> Form:
    """G2: a pointwise convolution of g groups a block."""
    widths = grouped_widths(base, groups)
    layers = list(itertools.pairwise(widths))
    others = [width for width in widths if width != widths[0]]
    return Form(
        f"g = {groups}",
        f"{widths[0]}" + (f" ({len(others)} maps {others[0]})" if others else ""),
        widths[0],
        sum(side**2 * c_in * c_out // groups for c_in, c_out in layers),
        sum(memory_access(c_in, c_out, side, groups=groups) for c_in, c_out in layers),
        0,
        lambda: nn.Sequential(*(_conv(c_in, c_out, groups=groups) for c_in, c_out in layers)),
    )


def _fragmented(base: int, pieces: int, where: str, side: int) -> Form:
    """G3: one to four pointwise convolutions a block, one after another, or side by side and added."""
    width = round(base / math.sqrt(pieces))
    parallel = where == "parallel"
    access = pieces * memory_access(width, width, side)
    if parallel:
        access += (pieces - 1) * 3 * side**2 * width  # an addition reads two maps and writes one

    def block() -> nn.Module:
        return (Summed if parallel else nn.Sequential)(*(_conv(width, width) for _ in range(pieces)))

    return Form(
        "1 alone" if pieces == 1 else f"{pieces} in {where}",
        f"{width}",
        width,
        BLOCKS * pieces * side**2 * width**2,
        BLOCKS * access,
        0,
        partial(_stack, block),
    )


def _elementwise(base: int, relu: bool, shortcut: bool, side: int) -> Form:
    """G4: ResNet's bottleneck, 1×1, 3×3, 1×1, with and without what costs no MACs."""
    waist = base // NARROWING
    macs = side**2 * (2 * base * waist + 9 * waist**2)
    access = (
        2 * memory_access(base, waist, side)
        + memory_access(waist, waist, side, 3)
        + relu * 2 * side**2 * (2 * waist + base)
        + shortcut * 3 * side**2 * base
    )

    def block() -> nn.Module:
        activation = nn.ReLU if relu else nn.Identity
        body = nn.Sequential(_conv(base, waist), activation(), _conv(waist, waist, 3), activation(), _conv(waist, base))
        return nn.Sequential(Summed(body, nn.Identity()) if shortcut else body, activation())

    names = {
        (True, True): "ReLU, shortcut",
        (True, False): "ReLU",
        (False, True): "shortcut",
        (False, False): "neither",
    }
    return Form(
        names[relu, shortcut], f"{base} → {waist}", base, BLOCKS * macs, BLOCKS * access, 0, partial(_stack, block)
    )
