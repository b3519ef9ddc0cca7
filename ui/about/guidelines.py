"""The explanations of the guidelines: what you see, the formula, the paper and its section."""

_HOW = r"""
**How it is timed.** One image, one thread, eager PyTorch, no BatchNorm, memory in torch's own order. The forms take
turns, forwards and backwards, so that a drift of the machine favours none; medians and quartiles over the rounds.
The paper's GPU is a GeForce GTX 1080 Ti with batches of 8, its ARM a Snapdragon 810; the widths here are those of its
ARM column, made equal in MACs where they are not.
"""

G1 = (
    r"""
**What you see.** A 1×1 convolution from $c_1$ to $c_2$ channels on a map of $h \times w$ does $B = hwc_1c_2$ MACs. It
reads and writes

$$hw(c_1 + c_2) + c_1c_2 \;\ge\; 2\sqrt{hwB} + \dfrac{B}{hw}$$

elements, by the inequality of means, and least when $c_1 = c_2$. The dotted line is that bound.
"""
    + _HOW
    + "\nMa et al. 2018, *ShuffleNet V2*, section 2, G1 and Table 1.\n"
)

G2 = (
    r"""
**What you see.** With $g$ groups a 1×1 convolution does $B = hwc_1c_2/g$ MACs and reads and writes

$$hw(c_1 + c_2) + \dfrac{c_1c_2}{g} = hwc_1 + \dfrac{Bg}{c_1} + \dfrac{B}{hw}$$

elements: for a given input and given MACs it grows with $g$. Equal MACs need $c\sqrt g$ channels, to whole groups. For
$g = 8$ the paper prints 180 (ARM), which eight groups do not divide; one of its authors corrected it to 184. That is
3 % too much, so two of the maps between have 176 here.
"""
    + _HOW
    + "\nMa et al. 2018, *ShuffleNet V2*, section 2, G2 and Table 2; megvii-model/ShuffleNet-Series, issue 35.\n"
)

G3 = (
    r"""
**What you see.** The same MACs cut into $n$ convolutions of $c/\sqrt n$ channels. The paper gives no formula: small
operations have to be started one by one and keep few units busy. They also touch more memory: $\sqrt n$ times as much,
and where they stand side by side, their sums besides, $3hwc$ for each addition (the paper does not say how it joins
them). One thread runs what stands side by side one after another.
"""
    + _HOW
    + "\nMa et al. 2018, *ShuffleNet V2*, section 2, G3 and Table 3.\n"
)

G4 = (
    r"""
**What you see.** ResNet's bottleneck: 1×1 to $m = c/4$ channels, 3×3, 1×1 back to $c$ (the paper does not print $m$).
A ReLU reads and writes its map, $2hwc$ elements; the shortcut's addition reads two and writes one, $3hwc$. Neither does
a MAC. The paper counts depthwise convolutions among them too: many elements, few MACs.
"""
    + _HOW
    + "\nMa et al. 2018, *ShuffleNet V2*, section 2, G4 and Table 4; He et al. 2016, *ResNet*, Figure 5.\n"
)

LENS = r"""
**What you see.** The network as the app runs it (BatchNorm folded), each operation with its share of MACs and of the
time. The operations are timed where they stand, one pass after another. Marked are those that break a guideline:

- **G1** a 1×1 convolution whose sides differ by more than 1 : 2. At 1 : 2 its maps are 6 % above the least, at 1 : 6
  they are 43 %: $(1 + r) / (2\sqrt r)$.
- **G2** a grouped convolution that is not a depthwise one.
- **G3** a convolution with another on a parallel branch, or in groups: so many pieces.
- **G4** an addition; a depthwise convolution or an activation on a map thicker than both ends of its unit.

The thresholds are ours. With them the lens says of the networks what the paper says: ShuffleNetV1 breaks G1 to G4,
MobileNetV2 G1 and G4, MobileNetV1 keeps most.

Ma et al. 2018, *ShuffleNet V2*, sections 2 and 3.
"""

SPEED = r"""
**What you see.** Every network of the zoo, untrained, timed in turn with all others: MACs against time, both on
logarithmic axes. On a line rising with slope 1 FLOPs would be speed. Filled are those that are held against each other:
at equal MACs (nearest width within 20 %), or the fastest trained width of each architecture that is at least so
accurate on the test images of the dataset chosen (one training each, so about ±1 point).

For ImageNet's images ours are not trained. Beside them stand the speeds of the paper's Table 8 at the same complexity,
each against the ShuffleNetV2 of its own machine. BatchNorm is folded, one thread, eager PyTorch: with few MACs the
time is mostly that of starting operations, and depth costs more than width.

Ma et al. 2018, *ShuffleNet V2*, Figure 1 and Table 8.
"""
