"""A recipe on paper: one HTML page that needs nothing else, with its numbers, figures, machine and versions."""

import importlib.metadata
from collections.abc import Sequence
from datetime import date
from html import escape

import pandas as pd
import plotly.graph_objects as go

from compress_core import plots, studies, text
from compress_core.analysis.machine import machine_name
from compress_core.cache import StageCache
from compress_core.data import dataset
from compress_core.plots.tokens import COMPRESSED_TEXT, ORIGINAL_TEXT
from compress_core.recipe import Recipe
from compress_core.version import VERSION

PACKAGES = ("torch", "plotly", "numpy", "pandas")
_STYLE = f"""
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #17202e; }}
h1 {{ font-size: 1.5rem; line-height: 1.3; }} h2 {{ font-size: 1.1rem; margin: 2rem 0 .3rem; }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #dce2ea; font-weight: 400; }}
thead th {{ font-weight: 600; }} .own {{ color: {COMPRESSED_TEXT["light"]}; font-weight: 600; }}
.original {{ color: {ORIGINAL_TEXT["light"]}; }} figure {{ margin: 0; break-inside: avoid; }}
figcaption, .small {{ font-size: .9rem; color: #445; }} code {{ overflow-wrap: anywhere; }}
@media print {{ body {{ margin: 0; max-width: none; font-size: 12px; }} .modebar {{ display: none; }} }}
"""


def report(recipe: Recipe, cache: StageCache | None = None) -> str:
    """The report of a recipe, as HTML: what was built and measured, with intervals, and how to make it again.

    Raises:
        CheckpointError: the weights that it needs are missing or damaged.
    """
    cache = StageCache() if cache is None else cache
    recipe = recipe.canonical()
    comparison = studies.home.study_comparison(recipe, cache)
    latency = studies.home.study_latency(recipe, cache)
    summary, classes = text.home.summary(comparison, latency), dataset(recipe.dataset).classes
    cards = [
        (label, was.removeprefix("original "), value, note)
        for label, value, was, note, _ in text.home.cards(comparison, latency)
    ]
    steps = text.home.steps_table(comparison)
    done = steps[steps["done"]]
    rows = [(row.step, row.detail, text.numbers.percent(row.accuracy)) for row in done.itertuples()]
    parts = [
        f"<h1>{escape(summary)}</h1>",
        _table(("", "original", "this recipe", ""), cards, ("", "original", "own", "")),
        "<h2>Step by step</h2>",
        _table(("step", "", "accuracy"), rows),
        f'<p class="small">{escape(text.home.describe_steps(comparison))}</p>',
        *_figures(recipe, cache, comparison, classes),
        "<h2>How to make it again</h2>",
        f"<p>The recipe: <code>{escape(recipe.to_query() or '(all defaults)')}</code></p>",
        f'<pre>python -m compress_core report --recipe "{escape(recipe.to_query())}" -o report.html</pre>',
        f'<p class="small">{escape(_circumstances(recipe))}</p>',
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(text.names.network_name(recipe))}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    )


def _figures(
    recipe: Recipe, cache: StageCache, comparison: studies.home.Comparison, classes: Sequence[str]
) -> list[str]:
    scores = studies.pruning.study_scaling_factors(recipe, cache)
    own = text.pruning.of_layer(scores, None)
    ends = studies.pruning.score_range(scores.channels["score"])
    by_class = studies.compare.by_class(comparison)
    both = [studies.compare.confusion(comparison.images, name, len(classes)) for name in ("original", "compressed")]
    grid = studies.tradeoff.load_grid(recipe.arch, recipe.dataset)
    named = pd.DataFrame([text.home.named(one) for one in grid["recipe"]], columns=["name", "query"])
    none = pd.DataFrame(columns=["file_bytes", "accuracy", "name", "query"])
    points, chance = text.home.tradeoff_points(comparison), dataset(recipe.dataset).chance
    tradeoff = plots.tradeoff.accuracy_against_size(points, pd.concat([grid, named], axis=1), none, recipe.arch, chance)
    drawn = [
        (
            "Channels by the scaling factor γ",
            plots.pruning.score_histogram(own.channels, text.pruning.one_threshold(own), ends),
            text.pruning.describe_scaling_factors(scores, None, recipe.criterion),
        ),
        ("Accuracy against file size", tradeoff, text.home.describe_tradeoff(comparison, grid)),
        (
            "Class by class",
            plots.compare.accuracy_by_class(by_class, classes),
            text.compare.describe_by_class(by_class, classes),
        ),
        (
            "What is taken for what (%)",
            plots.compare.confusions(*both, classes),
            text.compare.describe_confusion(*both, classes),
        ),
    ]
    return [_figure(*one, first=place == 0) for place, one in enumerate(drawn)]


def _figure(title: str, drawn: go.Figure, said: str, first: bool) -> str:
    """A figure with its reading; plotly itself is in the page once."""
    drawn.update_layout(template="plotly_white")
    html = drawn.to_html(full_html=False, include_plotlyjs=first, config={"displaylogo": False, "responsive": True})
    name = escape(f"{title}. {said}")
    drawn = f'<figure role="img" aria-label="{name}">{html}<figcaption>{escape(said)}</figcaption></figure>'
    return f"<h2>{escape(title)}</h2>{drawn}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], kinds: Sequence[str] = ()) -> str:
    kinds = kinds or ("",) * len(head)
    cells = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join(
        "<tr>"
        + "".join(f'<td class="{kind}">{escape(cell)}</td>' for kind, cell in zip(kinds, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"


def _circumstances(recipe: Recipe) -> str:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return (
        f"Measured on {date.today().isoformat()}: {machine_name()}; compress_core {VERSION}, {versions}. "
        f"{dataset(recipe.dataset).title}. Intervals are 95 %; the change of accuracy is paired over the same images; "
        "times are medians of runs in turn with the original's."
    )
