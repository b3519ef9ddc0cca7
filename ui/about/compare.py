"""The explanations of the page that sets networks beside each other."""

IMAGE = r"""
**What you see.** One image, read by the original, by this recipe, and by what is pinned (*Pin* in the sidebar keeps a
recipe). Every network is really run on it. A picture from elsewhere becomes what the training images were: a
photograph's middle square, at the training images' size; of a digit the ink, cut out, made one size on 32×32 black and
white cells, and counted in 8×8 (Alpaydin & Kaynak 1998, *Optical Recognition of Handwritten Digits*). Their writers
crossed their sevens: without the bar, a 7 is often taken for a 1.

Pictures and drawings stay on the machine that runs this page.
"""

NUMBERS = """
**What you see.** The accuracy on test images with its 95 % interval, on more of them while you look; the file as it
would be saved; the time for one image, and for 64.
"""

DIFFER = r"""
**What you see.** Test images to which the two networks answer differently, the surest of each class first, with how
sure each is. Below: the accuracy of each class with Wilson's 95 % interval, and how often each class (row) is taken for
which (column), in percent of that class; on the right, the difference in points: ochre where the compressed network
says it more often, purple where it says it less.
"""

INSIDE = {
    "maps": r"""
**What you see.** What a layer has made of the image, once BatchNorm and activation have been applied: a tile a channel,
brighter where it is larger, all in one scale. The channels whose maps vary most in the original are shown. A channel
that was cut is gone, with all that made it and read it.
""",
    "filters": r"""
**What you see.** The filters of a layer before and after rounding. Kernels of up to three inputs (a first layer, a
depthwise one) are tiles; others are a row each, input after input. BatchNorm is part of them, where it is folded.
""",
    "looks": r"""
**What you see.** Each of these networks ends in an average over all places of its last maps $A_k$, so that an answer's
logit is an average, too, of what each place adds:

$$y_c = b_c + \frac{1}{hw} \sum_{x, y} M_c(x, y), \qquad M_c(x, y) = \sum_k w_{ck} \, A_k(x, y)$$

The image is lit where $M_c$ of the network's own answer $c$ is large, and left dark where it is not above zero.

Zhou et al. 2016, *Learning Deep Features for Discriminative Localization*, section 2.
""",
}

LADDER = """
**What you see.** One image, read by ever smaller networks of one architecture: the original, then, each smaller than
the last by the same factor, the most accurate recipe of those measured beforehand. All are built and run here and now.
The first wrong one is framed; where nobody has said what the image shows, the first that contradicts the original.
"""

VISIT = """
**What you see.** Every recipe of this visit, on whatever page it was made, with its accuracy on the first test images
and its file. A click takes it again. *Back* and Ctrl+Z undo, *Forward* and Ctrl+Y redo, one step a change, on every
page.
"""
