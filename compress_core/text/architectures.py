"""What the page 'Architectures' shows, said in one plain sentence each."""

import pandas as pd

from compress_core.analysis.diagram import Diagram
from compress_core.text.numbers import count, factor
from compress_core.zoo import architecture

COST_WORDS = {"params": "parameters", "macs": "MACs"}


def describe_block(diagram: Diagram) -> str:
    """What the block does to its channels."""
    boxes, arrows = diagram.boxes, diagram.arrows
    ends = boxes[boxes["kind"] == "end"]["detail"]
    channels = [int(text.split()[0]) for text in ends]
    widest = int(arrows["channels"].max())
    layers = boxes[~boxes["kind"].isin(["end", "join", "shuffle", "pooling"])]
    text = f"{channels[0]} channels come in, {channels[-1]} go out"
    if widest > max(channels):
        text += f", and at most {widest} flow in between"
    convolutions = f"{len(layers)} convolution{'s' if len(layers) > 1 else ''}"
    return f"{text}, through {convolutions}."


def describe_kinds(layers: pd.DataFrame) -> str:
    """Which kind of layer holds most parameters, and which does most work; of each network in `layers`."""
    sentences = []
    for network, own in layers.groupby("network", sort=False):
        shares = own.groupby("kind")[["params", "macs"]].sum()
        shares = 100 * shares / shares.sum()
        params, macs = shares["params"].idxmax(), shares["macs"].idxmax()
        text = f"{network}: {_plural(params)} hold {shares.loc[params, 'params']:.0f} % of the parameters"
        again = "" if macs == params else f"{_plural(macs)} "
        sentences.append(f"{text}, {again}do {shares.loc[macs, 'macs']:.0f} % of the MACs.".replace(", do", " and do"))
    return " ".join(sentences)


def describe_layers(layers: pd.DataFrame, cost: str) -> str:
    """How unevenly the cost is spread over the layers."""
    costs = layers.loc[layers[cost] > 0, cost].sort_values(ascending=False)
    half = int((costs.cumsum() < costs.sum() / 2).sum()) + 1
    which = "layer has" if half == 1 else f"{half} layers have"
    return f"Of {len(costs)} layers with {COST_WORDS[cost]}, the largest {which} half of them."


def describe_widths(costs: pd.DataFrame, width: float, cost: str) -> str:
    """What the chosen width costs against width 1, beside α²."""
    sentences = []
    for arch, own in costs.groupby("arch", sort=False):
        by_width = own.set_index("width")[cost]
        part = "" if width == 1 else f", {by_width[width] / by_width[1.0]:.2f} of width 1"
        sentences.append(
            f"{architecture(arch).title} at α = {width:g}: {count(by_width[width])} {COST_WORDS[cost]}{part}"
        )
    squared = f" (α² = {width**2:.2f})" if width != 1 else ""
    return "; ".join(sentences) + squared + "."


def describe_budget(rows: pd.DataFrame, cost: str, budget: float) -> str:
    """What the same budget buys of the other cost."""
    other = "macs" if cost == "params" else "params"
    if len(rows) < 2:
        return f"Only {len(rows)} of the architectures is ever this small."
    low, high = rows.loc[rows[other].idxmin()], rows.loc[rows[other].idxmax()]
    return (
        f"With {count(budget)} {COST_WORDS[cost]} at most, {architecture(low['arch']).title} needs fewest "
        f"{COST_WORDS[other]} ({count(low[other])}), {architecture(high['arch']).title} most ({count(high[other])}): "
        f"{factor(high[other] / low[other])} times as many."
    )


def best_trained_table(best: pd.DataFrame) -> pd.DataFrame:
    """The best trained networks within a budget, of `best_trained`, as a table for people."""
    return pd.DataFrame(
        {
            "Network": best["arch"].map(lambda name: architecture(name).title) + " " + best["width"].map("{:g}".format),
            f"Accuracy (%), n = {best['samples'].max():,}": (100 * best["accuracy"]).map("{:.1f}".format),
            "Parameters": best["params"].map(count),
            "MACs": best["macs"].map(count),
        }
    )


def describe_best(best: pd.DataFrame) -> str:
    """Which network is the most accurate within a budget; `best` is sorted, the accuracy in its second column."""
    name, accuracy = best.iloc[0, 0], best.iloc[0, 1]
    if len(best) == 1:
        return f"Only {name} keeps to it: {accuracy} %."
    return f"{name} is the most accurate of {len(best)}: {accuracy} %, the last of them {best.iloc[-1, 1]} %."


def _plural(kind: str) -> str:
    return {"linear": "the linear layer", "batchnorm": "BatchNorms"}.get(kind, f"{kind} convolutions").replace(
        "the linear layer", "linear layers"
    )
