"""The explanations of the ideas: what you see, the formula, the paper and its section."""

SEPARABLE = r"""
**What you see.** A full convolution filters and mixes channels in one step. The separable form filters each of the
$M$ input channels by itself (depthwise, $k \times k$) and then mixes them into $N$ (pointwise, 1×1). On a map of
$F \times F$:

$$\dfrac{k^2\,M\,F^2 + M\,N\,F^2}{k^2\,M\,N\,F^2} = \dfrac1N + \dfrac1{k^2}$$

The time is another matter. A depthwise layer does few MACs on each number that it fetches, and two layers are two
calls. At $k = 1$ there is nothing to separate. Both forms are timed in turn, with BatchNorm folded; whiskers are
quartiles.

Howard et al. 2017, *MobileNets*, section 3.1.
"""

MANIFOLD = r"""
**What you see.** A flat spiral $X$ is carried into $n$ dimensions by a random matrix $T$, goes through ReLU, and is
read back linearly. In few dimensions ReLU folds it onto rays; in many it survives. So a ReLU belongs where channels
are many, and a thin layer should end without one: the linear bottleneck.

$$\dfrac{\lVert X - R\,\mathrm{ReLU}(TX)\rVert^2}{\lVert X \rVert^2}$$

The **best linear read-out** $R$ minimizes this error: what a following 1×1 convolution could do at best. The
**pseudo-inverse** $T^{+}$ undoes $T$ alone; ReLU halves what passes, so it stays near a quarter however large $n$ is,
although nothing is lost any more.

A point that fewer than two units pass on has **lost a coordinate**: other points of the plane give the same numbers.
Each unit is active with probability ½, so this happens to $(n+1)/2^n$ of the points on average.

Sandler et al. 2018, *MobileNetV2*, section 3.2, Figure 1 and appendix A.
"""

RESIDUAL = r"""
**What you see.** Each upright is a map, as high as it has channels; each stretch between is a convolution. ResNet's
block is wide at its ends and thin in the middle; MobileNetV2's is the other way round, and can afford it because
its 3×3 convolution filters by depth. With $C$ thin channels and expansion $t$, the weights are

$$\underbrace{C\,tC + 9\,tC + tC\,C}_{\text{inverted}} \qquad \underbrace{tC\,C + 9\,C^2 + C\,tC}_{\text{bottleneck}}$$

so the inverted one is the smaller one as soon as $C > t$. The shortcut joins the ends. What it carries must be kept
until the block is done, and it is all that one block hands to the next: here in 32 bits.

Sandler et al. 2018, *MobileNetV2*, section 3.3 and 5.1; He et al. 2016, *Deep Residual Learning*, Figure 5.
"""

FIRE = r"""
**What you see.** A fire squeezes $c$ channels to $s$ by 1×1, then expands them by $e_1$ filters of 1×1 and $e_3$ of
3×3. SR sets $s = \mathrm{SR}\,(e_1 + e_3)$, and $\mathrm{pct}_{3\times3}$ the part $e_3 / (e_1 + e_3)$. Weights of
a fire:

$$s\,(c + e_1 + 9\,e_3)$$

Counted is the whole SqueezeNet 1.0 on 224×224 pixels, biases included. On the right the same network halves its maps
elsewhere: no parameter changes, but each convolution before a pooling works on four times as many places. The
paper pools late because large maps help accuracy.

Iandola et al. 2016, *SqueezeNet*, section 3.1 (strategy 3), Table 1, and section 5 (SR and $\mathrm{pct}_{3\times3}$).
"""

GROUPED = r"""
**What you see.** In a grouped 1×1 convolution each output reads only the $c/g$ channels of its own group. With $c$
channels in and out on a map of $F \times F$:

$$\text{MACs} = \dfrac{c^2}{g}\,F^2, \qquad \text{equal cost at width } c\,\sqrt{g}$$

ShuffleNet spends the saving on width: its stage 2 has 144, 200, 240, 272 and 384 channels for $g$ = 1, 2, 3, 4 and 8.
What groups cannot save is the reading and writing of the maps, so time falls more slowly than MACs. Groups do not
talk to each other either, which is what the channel shuffle is for.

Zhang et al. 2018, *ShuffleNet*, sections 3.1 and 3.2, Table 1; Ma et al. 2018, *ShuffleNet V2*, guideline G2.
"""
