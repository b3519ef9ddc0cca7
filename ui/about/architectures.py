"""The explanations behind a click on the page 'Architectures'."""

from compress_core.zoo import Architecture


def block(family: Architecture) -> str:
    """What the block of an architecture is for."""
    boxes = "The boxes are read off the network itself, at this width. Numbers are channels."
    return f"{family.block_note}\n\n{boxes}\n\n{family.paper}."


KINDS = r"""
**What you see.** Each bar is all of a network's parameters, or all of its multiply–accumulates. *Pointwise* are 1×1
convolutions; *dense* all other full ones; *grouped* those in groups; *depthwise* those with a group for each channel.

MobileNetV1's own argument: 95 % of its multiply–accumulates and 75 % of its parameters are in 1×1 convolutions, which
a processor does as one large matrix product (Howard et al. 2017, section 3.2, Table 2).

$$\text{MACs} = H_{out} \, W_{out} \cdot C_{out} \cdot \frac{C_{in}}{g} \cdot k^2$$
"""

WIDTH = r"""
**What you see.** The width multiplier α scales the channels of every layer, rounded to what the architecture's groups
and the processor like. A layer between two scaled ones costs α² of what it did; depthwise layers and layers that keep
their width fall more slowly. Howard et al. 2017, section 3.3.
"""

BUDGET = r"""
**What you see.** For each of the six the widest network, in steps of 0.05 from 0.1 to 2.0, that costs no more than the
budget: the pale bar is its part of the budget, the full bar its other cost. On the right the most accurate network
within the budget whose accuracy somebody measured: here on the dataset chosen, or the authors on ImageNet.
"""
