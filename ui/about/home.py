"""The explanations of the home page."""

from compress_core.registry import CRITERIA
from ui.about.tables import registry_table

GAMMA = r"""
**What you see.** BatchNorm ends by multiplying each channel by its own scaling factor γ. Where |γ| is small the
channel hardly speaks, so *Network Slimming* cuts the channels below a threshold on |γ|. *Second order* asks instead
what is lost once the other channels have made up for a channel that goes: a large γ may go, a small one may stay. Blue
channels stay, grey ones are cut out of the network: their rows and columns are gone, not zeroed.

$$y_c = \gamma_c \, \frac{x_c - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}} + \beta_c$$

Where several BatchNorms scale the same channel, as along a shortcut, their mean |γ| counts. Channels that none scales
are never cut. Training with an L1 penalty on γ (*Finer choices*) pulls many of them to zero, so that they can go
without being missed.

Liu et al. 2017, *Learning Efficient Convolutional Networks through Network Slimming*, section 3.
"""


def scores() -> str:
    """The scores of every criterion."""
    return (
        r"""
**What else may decide** (*Finer choices*). A channel $c$ has a filter $w_c$ that makes it, activations $a_c$, and
weights $v_c$ that read it; those with the lowest score are cut.

"""
        + registry_table("ranked by", "score of a channel", CRITERIA)
        + """
Where layers share a channel, their scores become one, by their mean, their sum or their maximum.
"""
    )


HEALING = r"""
**What you see.** The accuracy after each step; the tick in each bar is what guessing finds. Right after a cut the
network reads its inputs with the mean μ and variance σ² of a network that is no longer there, and misses what the cut
channels said. So each layer is solved again, one after another, on 256 training images: no labels, no gradients, some
tenths of a second. $X$ is what the layer reads now, $Y$ what it put out before the cut. *Finer choices* has other
means, from BatchNorm alone to training it on.

$$\min_W \lVert Y - X_{\text{kept}} W \rVert^2$$

A knob is answered from the first test images. The others follow in pieces while you look, and every number here
sharpens with them; so do the times, which are taken when nobody else computes.
"""

TRADEOFF = r"""
**What you see.** File size is the length of the file that the download button gives you. The faint points are
recipes measured beforehand: widths × pruning ratios × bit widths, all else as the app begins with; rings are what you
tried. A click takes a recipe. *Close up* leaves out what lies far below, *0 – 100 %* shows it all. The bars are 95 %
intervals. On digits they know that the warped views of one digit are not independent: Wilson's interval with the
effective sample size n / deff, where deff compares the variance between digits with that of independent images.

Up and to the left is better.
"""

SIZES = r"""
**As saved** is the file's real length: the packed weights, their scales, what stays in 16 bits (biases, BatchNorm),
and a header. **Gzipped** is that file after gzip. **Parameters × bits / 8** is what papers
report and nobody can download.
"""

STRIP = r"""
**What you see.** Test images, disagreements first, the surest first. Under each: what it is, the original's
answer in grey and the compressed network's in blue, with ✓ where right and ✗ where wrong.
"""
