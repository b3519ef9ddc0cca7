"""The explanations of talk mode and its stories."""

TALK = """
**Talk mode** shows a page without its sidebar, large enough for the last row; *F* begins it on any page, *Escape*
leaves it. A story is a row of such pages, each with one sentence and one figure: *Next*, PageDown, the right arrow,
Enter or the space bar go on; PageUp and the left arrow go back. While a step is shown, the networks of the next two are
built. The address is the story and the step: it opens the same on any machine. Tell it once before the talk, on the
machine of the talk: what has been measured stands at once.
"""

OWN = """
A story is a TOML file with a `title`, an `about`, and `[[steps]]`. Each step has a `link`, copied from the address bar
of what it should show, a sentence to `say`, and, where one figure should fill the screen, its key as `focus`:

```toml
title = "Two bits"
about = "What rounding does."

[[steps]]
link = "/?arch=studentnet&dataset=cifar10&bits=2"
focus = "steps"
say = "Two bits a weight."
```

Keys on *Compress*: `cards`, `steps`, `channels`, `tradeoff`, `images`; on *Compare*: `answers`, `numbers`, `tiles`,
`classes`, `confusions`, `maps`, `filters`, `looks`, `ladder`. The file stays here; its link holds all of it.
"""
