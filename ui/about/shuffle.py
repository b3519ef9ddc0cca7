"""The explanations of the channel shuffle: what you see, the formula, the paper and its section."""

SHUFFLE = r"""
**What you see.** The channels of $g$ groups, $n$ in each, in the colours of their groups. The shuffle writes them into
a table with a row for each group, transposes it, and reads it out row by row:

$$(g, n) \to (n, g) \to g\,n, \qquad p = (c \bmod n)\,g + \lfloor c / n \rfloor$$

Neighbours now come from different groups. It is a permutation: it moves data, has no weights and costs no MACs, but
every number is read and written once. Its inverse is the shuffle with $n$ groups.

Channels that do not fall into equal groups fit no such table. When pruning leaves uneven groups, the same dealing is
written down as an index: the permutation of what was, without what is gone.

Zhang et al. 2018, *ShuffleNet*, section 3.1 and Figure 1.
"""

CONNECTIVITY = r"""
**What you see.** A cell is coloured where an input channel (column) has a way to an output channel (row), in the
colour of the input's group. Pointwise convolutions in groups are stacked, and the labels with which this project
prunes are run through those very layers, each remembering which inputs reach it.

Without a shuffle every group keeps to itself: $1/g$ of the inputs, however deep the stack. With one between two
layers, an output that $m$ inputs reach is reached by up to $n\,m$ after the next layer, so that

$$\text{share} = \min\bigl(1,\; n^{k} / (g\,n)\bigr)$$

where $g$ and $n$ are powers of one number. For $n \ge g$ two layers are enough.

Zhang et al. 2018, *ShuffleNet*, section 3.1.
"""

UNIT = r"""
**What you see.** A unit of the network that the knobs have built, found in it as it runs. On the left, which inputs of
the unit reach which of its outputs; on the right, where its shuffle takes each channel. Both before and after pruning.

ShuffleNetV1 shuffles between two grouped convolutions; its first unit, whose first convolution has no groups, is left
out. ShuffleNetV2 splits the channels in two, works on one half, and shuffles both: the half that passed by is worked
on by the next unit.

Survivors need not be balanced over the groups. Grouped convolutions then fall into parts of different sizes, and the
shuffle becomes an index, found by running the old shuffle on positions and leaving out those that are gone. The result
computes what the masked original computes.

Zhang et al. 2018, *ShuffleNet*, Figure 2; Ma et al. 2018, *ShuffleNet V2*, Figure 3 c and d.
"""

MAPS = r"""
**What you see.** What the network has made of one test image, right before a unit's shuffle and right after it. The
frame has the colour of the group, the number is the channel's place before the shuffle. Of each group those channels
are shown whose maps vary the most; grey goes from zero to the brightest of them.

The network is the recipe's before its weights are rounded.

Zhang et al. 2018, *ShuffleNet*, Figure 2; Ma et al. 2018, *ShuffleNet V2*, Figure 3.
"""

WORTH = r"""
**What you see.** The error of ShuffleNetV1 without the shuffle and with it: left the small networks, trained here on
digits from several seeds (the bar goes from the best to the worst), right the paper's on ImageNet. Nothing else is
changed: as many weights, as many MACs.

With more groups fewer inputs reach a channel by itself, so the paper finds the shuffle worth more at $g = 8$. A task of
ten digits leaves less to gain than one of a thousand classes.

The runs: `python -m compress_core shuffle-worth`. Zhang et al. 2018, *ShuffleNet*, section 4.1.2 and Table 3.
"""
