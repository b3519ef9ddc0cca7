"""The knobs' stops, and which of them a hand on a knob is likely to reach next."""

from compress_core.recipe import BITS, MAX_PRUNE, WIDTH_STEP, Recipe

WIDTHS = [round(WIDTH_STEP * step, 2) for step in range(2, 21)]
PRUNE_STEP = 0.05
RATIOS = [round(PRUNE_STEP * step, 2) for step in range(round(MAX_PRUNE / PRUNE_STEP) + 1)]

STOPS = {"width": WIDTHS, "prune": RATIOS, "bits": list(BITS)}


def likely_next(before: Recipe, now: Recipe) -> list[Recipe]:
    """The next stop of the knob that was just turned, in the direction of the turn, and the one behind it.

    Where none was, the first cut: what it takes to choose channels at all is then at hand.
    """
    if before == now and not now.cuts:
        return [now.with_(prune=PRUNE_STEP)]
    guesses = []
    for name, stops in STOPS.items():
        was, is_ = getattr(before, name), getattr(now, name)
        if was == is_:
            continue
        ahead = [stop for stop in stops if (stop > is_ if is_ > was else stop < is_)]
        for stop in (ahead if is_ > was else ahead[::-1])[:2]:
            guesses.append(now.with_(**{name: stop}))
    return guesses
