"""The explanations behind a click on the page 'Architectures'."""

from compress_core.zoo import Architecture

_BLOCKS = {
    "studentnet": r"""A block filters each channel by itself (3×3, depthwise) and then mixes the channels (1×1,
pointwise): together about $\frac{1}{N} + \frac{1}{9}$ of the work of a full 3×3 convolution with N outputs.""",
    "mobilenet_v1": r"""A depthwise 3×3 convolution, then a pointwise one, each with BatchNorm and ReLU. Against a full
convolution with N outputs that is $\frac{1}{N} + \frac{1}{9}$ of the work (section 3.1).""",
    "mobilenet_v2": r"""Expand the channels t times, filter them by depth, and project them back **without** an
activation: ReLU would destroy what few channels hold (section 3.2). The shortcut joins the narrow ends.""",
    "shufflenet_v1": r"""The pointwise convolutions work in g groups, which divides their cost by g. The shuffle deals
the channels out anew, so that the next groups hear all of the former ones: channel $a\,n + i \to i\,g + a$
(section 3.1).""",
    "shufflenet_v2": r"""Half of the channels pass untouched, half are worked on, and the shuffle mixes the two. No
group convolution and no addition: guidelines G2 and G4 (section 3).""",
    "squeezenet": r"""Squeeze to few channels by 1×1, then expand by 1×1 and 3×3 side by side: the expensive 3×3 filters
read few channels (section 3.2).""",
    "resnet18": r"""Two full 3×3 convolutions and a shortcut. Not compact: the yardstick.""",
}


def block(family: Architecture) -> str:
    """What the block of an architecture is for."""
    text = _BLOCKS.get(family.name, "")
    return (
        f"{text}\n\nThe boxes are read off the network itself, at this width. Numbers are channels.\n\n{family.paper}."
    )


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
within the budget whose accuracy somebody measured: here on digits, or the authors on ImageNet.
"""
