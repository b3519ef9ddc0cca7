"""The ideas behind compact architectures: what a figure shows for the chosen values, in a sentence and a formula."""

import math
from collections.abc import Mapping

import pandas as pd

from compress_core.analysis.latency import Timings
from compress_core.studies.ideas import fire, grouped, manifold, separable
from compress_core.studies.ideas.cost import Cost
from compress_core.studies.ideas.residual import Residual
from compress_core.studies.ideas.timing import CALM
from compress_core.text.numbers import count, size, times, timing, whole_percent

_BARS = ["quantity", "form", "value", "text", "highlighted", "low", "high"]
_MACS, _PARAMS, _TIME = "MACs per image (M)", "parameters (k)", "time of one image (ms)"


def macs_bars(costs: Mapping[str, Cost], highlighted: str) -> pd.DataFrame:
    """MACs of the forms for `plots.form_bars`, each against the first."""
    first = next(iter(costs.values())).macs
    rows = []
    for form, cost in costs.items():
        text = count(cost.macs) if cost.macs == first else f"{count(cost.macs)}\n{_fewer(first / cost.macs)}"
        rows.append((_MACS, form, cost.macs / 1e6, text, form == highlighted, math.nan, math.nan))
    return pd.DataFrame(rows, columns=_BARS)


def time_bars(measured: Timings, highlighted: str) -> pd.DataFrame:
    """Medians and quartiles of the times for `plots.form_bars`, each against the first."""
    rows = []
    for i, row in enumerate(measured.table.itertuples()):
        text = _ms(row.ms) if i == 0 else f"{_ms(row.ms)}\n{timing(1 / row.relative)}"
        rows.append((_TIME, row.Index, row.ms, text, row.Index == highlighted, row.low, row.high))
    return pd.DataFrame(rows, columns=_BARS)


def residual_bars(usual: Residual, inverted: Residual) -> pd.DataFrame:
    """Parameters, MACs and the shortcut's memory of both blocks for `plots.form_bars`."""
    rows = []
    for quantity, unit, words, value in (
        (_PARAMS, 1e3, count, lambda block: block.cost.params),
        (_MACS, 1e6, count, lambda block: block.cost.macs),
        ("kept for the shortcut (KB)", 1e3, size, lambda block: block.shortcut_bytes),
    ):
        against = value(usual) / value(inverted)
        for block in (usual, inverted):
            text = words(value(block)) + (f", {times(against, 'less', 'more')}" if block is inverted else "")
            rows.append((quantity, block.name, value(block) / unit, text, block is inverted, math.nan, math.nan))
    return pd.DataFrame(rows, columns=_BARS)


def pooling_bars(costs: Mapping[str, Cost]) -> pd.DataFrame:
    """MACs of the poolings of `fire.POOLINGS` for `plots.form_bars`, each against the paper's."""
    paper = costs[fire.PAPER].macs
    rows = []
    for name, cost in costs.items():
        form = f"{name}:\nfires {', '.join(map(str, fire.POOLINGS[name]))}"
        text = count(cost.macs) + ("" if name == fire.PAPER else f"\n{_fewer(paper / cost.macs)}")
        rows.append((_MACS, form, cost.macs / 1e6, text, name == fire.PAPER, math.nan, math.nan))
    return pd.DataFrame(rows, columns=_BARS)


def width_bars(table: pd.DataFrame, chosen: int) -> pd.DataFrame:
    """Widths of equal cost by group count, of `grouped.group_counts`, for `plots.form_bars`."""
    quantity = "channels for the cost of g = 1 (count)"
    rows = [
        (quantity, grouped.form(g), width, f"{width:,}", g == chosen, math.nan, math.nan)
        for g, width in zip(table["groups"], table["width"], strict=True)
    ]
    return pd.DataFrame(rows, columns=_BARS)


def describe_separable(kernel: int, c_in: int, c_out: int, costs: Mapping[str, Cost], measured: Timings) -> str:
    """MACs promised and time measured, and why the two differ."""
    full, parts = costs[separable.FULL], costs[separable.SEPARABLE]
    row = measured.table.loc[separable.SEPARABLE]
    rates = [costs[form].macs / (measured.table.loc[form, "ms"] / 1000) for form in (separable.FULL, row.name)]
    promised = _fewer(full.macs / parts.macs)
    return _in_words(
        f"{kernel}×{kernel}, {c_in} → {c_out} channels: {promised} MACs and parameters, and {_speed(row)} "
        f"here. The full form does {count(rates[0])} MACs a second on this machine, the separable {count(rates[1])}."
    )


def formula_separable(kernel: int, c_out: int) -> str:
    """The cost ratio with these values in it, for KaTeX."""
    ratio = separable.cost_ratio(kernel, c_out)
    return rf"$\dfrac1N+\dfrac1{{k^2}}=\dfrac1{{{c_out}}}+\dfrac1{{{kernel**2}}}={ratio:.3f}$"


def describe_manifold(points: pd.DataFrame, dims: int) -> str:
    """What was missed, and what no read-out could find."""
    missed, lost = manifold.error(points), manifold.lost_share(points)
    text = f"In {dims} dimensions the read-out is left with a squared error of {rough_percent(missed)}."
    if lost:
        return f"{text} {rough_percent(lost)} of the points lose a coordinate, which nothing can bring back."
    return f"{text} Every point keeps both coordinates: at least two units stay active for each."


def formula_manifold(points: pd.DataFrame, readout: str) -> str:
    """The error with its value, for KaTeX."""
    inverse = "T^{+}" if readout == manifold.PINV else "R"
    value = rough_percent(manifold.error(points)).replace("%", r"\%").replace(" ", r"\,")
    return rf"$\lVert X-{inverse}\,\mathrm{{ReLU}}(TX)\rVert^2\,/\,\lVert X\rVert^2={value}$"


def describe_residual(usual: Residual, inverted: Residual) -> str:
    """What turning the block inside out saves."""
    params = times(usual.cost.params / inverted.cost.params, "fewer", "more")
    kept = usual.shortcut_bytes // inverted.shortcut_bytes
    return _in_words(
        f"Same two widths, turned inside out: {params} parameters, and the shortcut keeps {kept}× less in memory: "
        f"{size(inverted.shortcut_bytes)} instead of {size(usual.shortcut_bytes)} for a "
        f"{inverted.side}×{inverted.side} map."
    )


def formula_residual(usual: Residual, inverted: Residual) -> str:
    """Both blocks' weights with these values, for KaTeX."""
    return (
        rf"$\underbrace{{2tC^2+9\,tC}}_{{\text{{inverted: }}{_tex(inverted.cost.params)}}}\quad"
        rf"\underbrace{{2tC^2+9\,C^2}}_{{\text{{bottleneck: }}{_tex(usual.cost.params)}}}$"
    )


def describe_fire(squeeze_ratio: float, share: float, costs: Mapping[str, Cost]) -> str:
    """The size of the network, and what its late downsampling costs."""
    own, early = costs[fire.PAPER], costs["at once"]
    return _in_words(
        f"SR {squeeze_ratio:g} with {whole_percent(share)} of 3×3 filters: {count(own.params)} parameters and "
        f"{count(own.macs)} MACs. Halving the maps at once would need {_fewer(own.macs / early.macs)} MACs, with the "
        "same parameters."
    )


def formula_fire(squeeze_ratio: float, share: float) -> str:
    """The first fire's weights with these values, for KaTeX."""
    squeeze, expand1, expand3 = fire.fires(squeeze_ratio, share)[0]
    weights = squeeze * (fire.STEM + expand1 + 9 * expand3)
    return rf"$s\,(c+e_1+9\,e_3)={squeeze}\,({fire.STEM}+{expand1}+9\cdot{expand3})={_tex(weights)}$"


def describe_grouped(groups: int, table: pd.DataFrame, measured: Timings) -> str:
    """What so many groups save on paper and on this machine, and what could be bought with it."""
    row = table.set_index("groups").loc[groups]
    channels = int(table["width"].iloc[0])
    if groups == 1:
        return (
            f"One group: every one of {channels} channels reads all {channels}. {count(row['params'])} parameters, "
            f"{count(row['macs'])} MACs."
        )
    speed = _speed(measured.table.loc[grouped.form(groups)])
    return _in_words(
        f"{groups} groups: {groups} times fewer MACs and parameters, and {speed} on this machine. For the cost of one "
        f"group the layer could have {row['width']:,.0f} channels instead of {channels}."
    )


def formula_grouped(groups: int, channels: int, side: int, table: pd.DataFrame) -> str:
    """The layer's MACs with these values, for KaTeX."""
    macs = int(table.set_index("groups").loc[groups, "macs"])
    return rf"$\dfrac{{c^2}}{{g}}\,F^2=\dfrac{{{channels}^2}}{{{groups}}}\cdot{side}^2={_tex(macs)}$"


def measured_how(measured: Timings) -> str:
    """How the times came about."""
    threads = f"{measured.threads} thread{'s' if measured.threads > 1 else ''}"
    return f"Medians and quartiles of {measured.rounds} runs in turn, one image, {threads}."


def rough_percent(share: float) -> str:
    """A share with two digits, and a floor: 0.2457 → '25 %', 0.0042 → '0.42 %', 1e-9 → 'less than 0.01 %'."""
    if 0 < share < 1e-4:
        return "less than 0.01 %"
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:,.0f} %"


def _fewer(ratio: float) -> str:
    return times(ratio, "fewer", "more")


def _speed(row: pd.Series) -> str:
    """How much faster than the first form; with the quartiles where a busy machine has spread them."""
    text = timing(1 / row["relative"])
    if row["relative_high"] / row["relative_low"] <= CALM:
        return text
    return f"{text} (quartiles {1 / row['relative_high']:.2g} to {1 / row['relative_low']:.2g})"


def _ms(value: float) -> str:
    """A measured time with two digits: 0.298 → '0.30 ms', 0.0841 → '0.084 ms', 21.5 → '22 ms'."""
    return f"{value:#.2g} ms".replace(". ", " ") if value < 9.95 else f"{value:,.0f} ms"


def _in_words(text: str) -> str:
    return text.replace("× ", " times ")


def _tex(number: int) -> str:
    return f"{number:,}".replace(",", "{,}")
