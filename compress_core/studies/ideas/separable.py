"""A full convolution against a depthwise separable one (Howard et al. 2017, MobileNets, section 3.1)."""

from torch import nn

from compress_core.studies.ideas.cost import Cost, conv_cost
from compress_core.zoo.blocks import ConvBNAct

FULL, SEPARABLE = "full", "separable"


def costs(kernel: int, c_in: int, c_out: int, side: int) -> dict[str, Cost]:
    """k²·M·N·F² multiply–accumulates for the full form, k²·M·F² + M·N·F² for the separable one.

    With kernel k, `c_in` M, `c_out` N and a map of `side` F.
    """
    depthwise = conv_cost(c_in, c_in, kernel, side, groups=c_in)
    pointwise = conv_cost(c_in, c_out, 1, side)
    return {FULL: conv_cost(c_in, c_out, kernel, side), SEPARABLE: depthwise + pointwise}


def cost_ratio(kernel: int, c_out: int) -> float:
    """1/N + 1/k²: the separable form's MACs, and its parameters, as a part of the full one's."""
    return 1 / c_out + 1 / kernel**2


def modules(kernel: int, c_in: int, c_out: int) -> dict[str, nn.Module]:
    """Both forms, with BatchNorm and ReLU behind each convolution."""
    depthwise = ConvBNAct(c_in, c_in, kernel, groups=c_in)
    return {FULL: ConvBNAct(c_in, c_out, kernel), SEPARABLE: nn.Sequential(depthwise, ConvBNAct(c_in, c_out))}
