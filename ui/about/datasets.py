"""The explanations behind a click on the page 'Datasets'."""

PARTS = r"""
**What you see.** How many images of each class there are, and what for. *Training* images are all that weights,
criteria, healings and roundings ever read. *Validation* images are held out of every training, for whatever chooses:
the best epoch, a bit width within a budget, a search. *Test* images are read only for what is reported; a knob on
the first page waits for 1,000 of them, the other pages for 2,000, and the first page's numbers sharpen on all that are
at hand.
"""

OWN = r"""
**What it takes.** A zip with one folder of images a class, two classes or more, ten images or more in each. Folders
`train`, `val` and `test` above them are kept as they are; otherwise a fifth of each class is kept for the test and a
tenth for validation. Images become 32×32 pixels, from their middle square. Files that are no images are named and left
out. What you bring stays in this machine's cache, and everybody who uses this server can choose it. A folder that is
already on this machine comes by `python -m compress_core data NAME --from FOLDER`.
"""
