"""The explanations of quantization."""

from compress_core.registry import ROUNDINGS, SCHEMES
from ui.about.tables import registry_table


def _schemes() -> str:
    return registry_table("levels", "a weight becomes", SCHEMES)


def weights() -> str:
    """A layer's weights and their levels."""
    return r"""
**What you see.** Upward in grey the layer's weights before rounding, BatchNorm folded in; downward in blue the same
weights afterwards, in as much room. Dotted lines are the levels. Where each channel has levels of its own, those of one
channel are drawn; pick a channel to see it alone.

""" + _schemes()


def switches() -> str:
    """The finer choices of quantization."""
    return (
        r"""
**Rounding** chooses between the two levels around a weight:

"""
        + registry_table("rounding", "how", ROUNDINGS)
        + r"""
**Clipping** says how far a grid reaches: all the way, or less far with finer steps for the many. **Fold** makes
BatchNorm part of the convolution before it, as where networks are deployed. **Equalize** scales channels between two
layers to like ranges, $r_c^{(1)} = r_c^{(2)}$, without changing what they compute (Nagel et al. 2019, section 4.1).
**Correct biases** sets each output's mean right again (ibid., section 4.2). **Activations** rounds what each layer
reads as well, simulated (Krishnamoorthi 2018, section 2.1).
"""
    )


def curve() -> str:
    """Accuracy over bits."""
    return r"""
**What you see.** Each scheme at each bit width, everything else as in the recipe, all on the same test images. The
blue line is the scheme chosen; the diamond is the recipe, at the mean bits of its weights. Ternary and binary weights
have one place each. Lines grow while they are measured in the background.

""" + _schemes()


LAYERS = r"""
**What you see.** Above, what rounding this layer alone does to the logits $f(x)$, on images without labels:

$$\frac{\sum_x \lVert f_{\text{rounded}}(x) - f(x) \rVert^2}{\sum_x \lVert f(x) \rVert^2}$$

Below, how well its weights are kept: $\text{SQNR} = 10 \log_{10} \frac{\sum w^2}{\sum (\hat w - w)^2}$ in dB; six more
are one bit. A large error of weights may matter little, and the other way round.

Click a bar to take that layer, then give it bits of its own. *Spend* finds all layers' bits for a file of so many
bytes: from many bits down, each step where it costs the logits least for the bytes that it saves.

Dong et al. 2019, *HAWQ*, section 3, has the same aim with second derivatives; Wang et al. 2019, *HAQ*, with learning.
"""

BYTES = r"""
**What you see.** Every byte of the file that the home page lets you download. Codes lie side by side without a gap.
Scales take 2 bytes each, biases 2. Huffman coding gives frequent codes short words:

$$\text{bits per weight} \;\geq\; H = -\sum_q p_q \log_2 p_q$$

It saves where levels are used unevenly: with few clipped weights most are near zero.

Han et al. 2016, *Deep Compression*, section 4.
"""

RANGES = r"""
**What you see.** A bar for each output channel, from its smallest to its largest weight, BatchNorm folded in. Dotted
lines are the levels that one grid for the whole layer would have. A channel that fits between two of them is rounded
away. In a depthwise layer each channel has only nine weights and a γ of its own, so ranges differ most there.

Krishnamoorthi 2018, *Quantizing deep convolutional networks*, section 3.1.1; Nagel et al. 2019, *Data-Free
Quantization*, Figure 2 and section 4.1.
"""

RUNTIMES = r"""
**What you see.** The network of this recipe before its weights are rounded, run by three runtimes in turn on the same
images: the median and the middle half of all runs. The int8 one multiplies and adds 8-bit integers, weights per
channel, activations per tensor, whatever the bit width says: fewer bits make the file smaller, but no processor's
kernels here know them.

$$y = s_x s_w \sum (q_x - z_x)\, q_w$$

Jacob et al. 2018, *Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference*,
section 2.2.
"""
