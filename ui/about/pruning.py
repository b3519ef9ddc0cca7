"""The explanations of channel pruning."""

from compress_core.registry import CRITERIA, HEALINGS
from ui.about.tables import registry_table

EXACT = r"""
**What you see.** A dropped channel is not only gone, it must be gone without a trace. So the original is run with the
weights that read the dropped channels set to zero, $f_{\text{masked}}$, and beside it the smaller network that was
really built, $f_{\text{pruned}}$, on the same four random images:

$$\max_i \left| f_{\text{masked}}(x)_i - f_{\text{pruned}}(x)_i \right|$$

Only the rounding of 32-bit numbers is left. It is measured now, on this recipe, before any healing. That the inputs
are masked and not γ matters: a channel with γ = 0 still sends its shift β on.
"""

SCORES = r"""
**What you see.** How many channels have which score. The slider moves one threshold for all layers; the pruning ratio
is the share of channels below it, so both knobs are one. Blue channels stay, grey ones are cut. *Second order* scores a
channel by what is lost, in the network's output, once the other channels have made up for it. Under γ the score is the
scaling factor of BatchNorm:

$$y_c = \gamma_c \, \frac{x_c - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}} + \beta_c$$

Where several layers put out the same channel, as along a shortcut, their mean counts. A layer that would empty keeps
its best channel.

Hassibi & Stork 1993, *Optimal Brain Surgeon*, on channels; Liu et al. 2017, *Learning Efficient Convolutional Networks
through Network Slimming*, section 3.
"""

TRAININGS = r"""
**What you see.** The same network, in its standard training, and with an L1 penalty on the scaling factors that pulls
many of them to zero before anything is cut.

$$L = \sum_{(x, y)} \ell\big(f(x), y\big) + \lambda \sum_{\gamma} |\gamma|$$

Each panel is cut at the same ratio, by |γ|. Where a gap opens between the channels near zero and the rest, the
threshold falls into it, and what is cut was hardly used. Without the penalty it goes through the middle of a hill.

Liu et al. 2017, *Network Slimming*, section 3 and Figure 4.
"""

TILES = r"""
**What you see.** A row is a layer that puts channels out, a tile one of its channels, in order. A shortcut adds two
layers' outputs, a depthwise layer passes each channel on by itself: then a channel is the same one in all of them, and
lives and dies in all at once. Point at a tile and its twins light up in every row.

⚑ marks a layer held at its floor: all of its channels were to go, and its best one stays. A ring marks a channel that
was changed by hand. Each click is measured at once, stands in the address, and Back undoes it.

The groups are found by giving every channel an integer label and running the network on the labels: an addition
merges labels, a concatenation lines them up, a shuffle deals them out.

Fang et al. 2023, *DepGraph: Towards Any Structural Pruning*, section 3, has the same aim with a graph of layers.
"""


def criteria() -> str:
    """Every criterion on the same cut."""
    return r"""
**What you see.** The same ratio cut by every criterion: the faint bar right after the cut, the full one after the
healing chosen in *Finer choices*; the line is the original. All on the same test images.

Papers often compare criteria without healing, or after long training, where most of them are alike. Here you see both
ends. ● marks the one chosen in *Finer choices*.

""" + registry_table("ranked by", "score of a channel", CRITERIA)


def healings() -> str:
    """Every healing of the same cut."""
    return """
**What you see.** The same cut, healed by each means, cheapest first, and the seconds that each took here.

""" + "".join(
        f"- **{healing.title}**: {healing.formula}{f' ({healing.paper})' if healing.paper else ''}\n"
        for name, healing in HEALINGS.items()
        if healing.heal
    )


VERSUS = r"""
**What you see.** One layer's weights, twice with as many parameters left in the whole network. Weight pruning sets the
smallest |w| to zero and keeps the shape: holes. Channel pruning takes out whole rows and columns: a smaller matrix.

A dense library multiplies by the zeros as well, so holes save no time; and most files store them too. Three sizes are
shown because people are misled by one: a file with every zero in it, the file as it is saved here, with a bit for each
place that tells whether a weight stands there, and the arithmetic minimum, 4 bytes × the weights that are not zero,
which says nothing of where they are and which nobody can download.

Han et al. 2015, *Learning both Weights and Connections*, section 3; Li et al. 2017, *Pruning Filters for Efficient
ConvNets*, section 1.
"""
