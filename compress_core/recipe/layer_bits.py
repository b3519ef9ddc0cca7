"""Bit widths of single layers, as text short enough for an address.

`3b8.5b2` says: the weights of layer 3 take 8 bits, those of layer 5 take 2. Layers are counted in the order of
`quantizable_layers`; all others take the recipe's bits.
"""

import re

MAX_LENGTH = 2000
"""Characters; what an address carries anywhere."""
_LAYER = re.compile(r"([0-9]{1,4})b([0-9]{1,2})")


def parse(text: str) -> dict[int, int]:
    """For each layer, by its number, its bits.

    Raises:
        ValueError: it is not of this form, too long, or there is no such bit width.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"Bits of single layers take at most {MAX_LENGTH:,} characters; these are {len(text):,}.")
    found = {}
    for part in text.split(".") if text else []:
        match = _LAYER.fullmatch(part)
        if not match:
            raise ValueError("Bits of single layers look like 3b8.5b2: 8 bits for layer 3, 2 for layer 5.")
        layer, bits = int(match[1]), int(match[2])
        if bits not in (*range(1, 17), 32):
            raise ValueError(f"A layer's bit width is 1 to 16, or 32 for none; layer {layer} cannot have {bits}.")
        found[layer] = bits
    return found


def write(bits: dict[int, int]) -> str:
    """The canonical text: layers in rising order."""
    return ".".join(f"{layer}b{own}" for layer, own in sorted(bits.items()))


def with_bits(text: str, layer: int, bits: int | None) -> str:
    """The text with one layer's bits set, or (None) no longer set by themselves."""
    found = parse(text)
    found.pop(layer, None)
    if bits is not None:
        found[layer] = bits
    return write(found)
