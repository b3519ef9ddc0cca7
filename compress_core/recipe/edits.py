"""Changes by hand, as text short enough for an address.

`3k17c4.5k2` says: of group 3 keep 17 and cut 4, of group 5 keep 2. Groups are counted in the order of a network's
coupling, `prunable_layers`.
"""

import re

MAX_LENGTH = 2000
"""Characters; what an address carries anywhere."""
_GROUP = re.compile(r"([0-9]{1,4})((?:[kc][0-9]{1,6})+)")
_CHANNEL = re.compile(r"([kc])(\d+)")

Edits = dict[int, dict[int, bool]]
"""For each group, by its number, whether a channel stays."""


def parse(text: str) -> Edits:
    """What a text says.

    Raises:
        ValueError: it is not of this form, or too long.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"Changes by hand take at most {MAX_LENGTH:,} characters; these are {len(text):,}.")
    edits: Edits = {}
    for part in text.split(".") if text else []:
        match = _GROUP.fullmatch(part)
        if not match:
            raise ValueError("Changes by hand look like 3k17c4.5k2: of group 3 keep 17 and cut 4, of group 5 keep 2.")
        edits.setdefault(int(match[1]), {}).update(
            {int(channel): sign == "k" for sign, channel in _CHANNEL.findall(match[2])}
        )
    return edits


def write(edits: Edits) -> str:
    """The canonical text of changes: groups and channels in rising order."""
    parts = []
    for group, own in sorted(edits.items()):
        if own:
            parts.append(
                str(group) + "".join(f"{'k' if keep else 'c'}{channel}" for channel, keep in sorted(own.items()))
            )
    return ".".join(parts)


def with_edit(text: str, group: int, channel: int, keep: bool | None) -> str:
    """The text with one channel kept, cut, or (None) no longer changed by hand."""
    edits = parse(text)
    own = edits.setdefault(group, {})
    own.pop(channel, None)
    if keep is not None:
        own[channel] = keep
    return write(edits)
