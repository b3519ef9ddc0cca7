"""The guidelines: what a figure shows for the chosen values, in a sentence and a formula."""

import math

import pandas as pd

from compress_core.analysis.latency import Timings
from compress_core.studies.guidelines.forms import GROUPS, TOLERANCE, forms
from compress_core.studies.guidelines.lens import GUIDELINES
from compress_core.studies.guidelines.reported import PLATFORMS, speeds
from compress_core.text.names import layer_title
from compress_core.text.numbers import count, factor, listed, ms, percent, signed, speed_words, times
from compress_core.zoo import architecture, architectures

TITLES = {
    "g1": "G1: equal widths minimize memory access",
    "g2": "G2: too many groups raise memory access",
    "g3": "G3: fragments cost parallelism",
    "g4": "G4: element-wise operations are not free",
}
LEADS = {
    "g1": "Ten blocks of two 1×1 convolutions, c₁ → c₂ → c₁, all of the same MACs.",
    "g2": "Ten grouped 1×1 convolutions; with the groups the channels grow, so that the MACs stay.",
    "g3": "Ten blocks of one, two or four 1×1 convolutions, in series or side by side, all of the same MACs.",
    "g4": "Ten of ResNet's bottlenecks; ReLU and shortcut cost no MACs at all.",
}
SURE = 0.03
"""Speeds that differ by less than this part are called the same, however narrow their quartiles."""
SOURCES = {True: "example", False: "here"}
"""What figures call the times of a stored run, and of one taken where the page runs."""
_PAPERS = {"arm": "the paper's ARM", "gpu": "its GPU"}


def names(guideline: str) -> list[str]:
    """What its forms are called."""
    return [form.name for form in forms(guideline, 1, 14)]


def form_rows(table: pd.DataFrame, chosen: str) -> pd.DataFrame:
    """The rows of `plots.form_rows`."""
    first = table.iloc[0]
    access = table["memory_access"]
    return table.assign(
        chosen=table["form"] == chosen,
        form=[f"{row.form}\n{row.widths}{' channels' if row.widths.isdigit() else ''}" for row in table.itertuples()],
        counted=access / 1e6,
        counted_text=[_against(f"{count(one)}", one / first["memory_access"], "less", "more") for one in access],
        least=table["least"] / 1e6,
        ms_text=[
            ms(row.ms) if row.Index == 0 else f"{ms(row.ms)}\n{speed_words(row.here)}" for row in table.itertuples()
        ],
        **{f"{name}_text": table[name].map("{:g}".format) + f" {unit}" for name, unit in PLATFORMS.items()},
    )


def _against(text: str, ratio: float, less: str, more: str) -> str:
    return text if ratio == 1 else f"{text}\n{times(1 / ratio, less, more)}"


def shown_table(guideline: str, table: pd.DataFrame) -> pd.DataFrame:
    """Every number of the figure, and the equal MACs, for reading."""
    columns = {
        "Form": table["form"],
        "Channels": table["widths"],
        "MACs (M)": (table["macs"] / 1e6).map("{:.2f}".format),
        "against the first": table["away"].map(signed),
        "Memory access (M)": (table["memory_access"] / 1e6).map("{:.2f}".format),
    }
    if guideline == "g1":
        columns["at least (M)"] = (table["least"] / 1e6).map("{:.2f}".format)
    columns |= {
        "Time (ms)": table["ms"].map("{:.3g}".format),
        "quartiles (ms)": table["low"].map("{:.3g}".format) + " – " + table["high"].map("{:.3g}".format),
    }
    for name, unit in PLATFORMS.items():
        columns[f"Paper's {name.upper()}"] = table[name].map("{:g}".format) + f" {unit}, c = " + table[f"{name}_widths"]
    return pd.DataFrame(columns)


def place(run: Timings) -> str:
    """Where its times were taken, for a sentence: a stored run is not of the machine that the page runs on."""
    return "in the example run" if run.example else "here"


def describe_form(table: pd.DataFrame, chosen: str, where: str) -> str:
    """The chosen form against the first: memory access, the time, and what the paper measured; `where` as `place`."""
    row, first = table.set_index("form").loc[chosen], table.iloc[0]
    if chosen == first["form"]:
        row = table.iloc[1:].set_index("form")["here"]
        worst = row.idxmin() if (row < 1).any() else row.idxmax()
        return f"{_name(chosen)} is the yardstick. Furthest from it {where} is {worst}: {_apart(table, worst, where)}"
    return f"{_name(chosen)}: {_apart(table, chosen, where)}"


def _apart(table: pd.DataFrame, form: str, where: str) -> str:
    row, first = table.set_index("form").loc[form], table.iloc[0]
    access = times(first["memory_access"] / row["memory_access"], "less", "more")
    paper = " and ".join(f"{speed_words(row[f'on_{name}'])} on {whose}" for name, whose in _PAPERS.items())
    text = f"{access} memory access for the same MACs; {speed_words(row['here'])} {where}, {paper}."
    return text.replace("× ", " times ")


def _name(form: str) -> str:
    """At the beginning of a sentence."""
    if form == "1 alone":
        return "One convolution"
    return form if "=" in form else f"{form[0].upper()}{form[1:]}"


def verdict(table: pd.DataFrame, where: str) -> str:
    """Whether this machine agrees with the paper, form by form: with its ARM, whose widths these are."""
    kinds: dict[str, list[str]] = {"agree": [], "same": [], "alone": [], "against": []}
    for row in table.iloc[1:].itertuples():
        if abs(row.here - 1) < SURE or row.here_low <= 1 <= row.here_high:
            kind = "same"
        elif abs(row.on_arm - 1) < 0.005:
            kind = "alone"
        else:
            kind = "agree" if (row.here > 1) == (row.on_arm > 1) else "against"
        kinds[kind].append(row.form)
    word = "faster" if (table["on_arm"].iloc[1:] > 1).all() else "slower"
    first = table["form"].iloc[0] if table["form"].iloc[0] != "1 alone" else "one convolution"
    parts = [
        f"{_all(kinds['agree'], table)} {_be(kinds['agree'])} {word}, as in the paper" if kinds["agree"] else "",
        f"{listed(kinds['same'])} cannot be told from {first}" if kinds["same"] else "",
        f"{listed(kinds['alone'])} {_be(kinds['alone'])} {word}, on the paper's ARM not" if kinds["alone"] else "",
        f"{listed(kinds['against'])} contradict{'s' if len(kinds['against']) == 1 else ''} the paper"
        if kinds["against"]
        else "",
    ]
    return f"{where[0].upper()}{where[1:]} {'; '.join(part for part in parts if part)}."


def _be(words: list[str]) -> str:
    return "is" if len(words) == 1 else "are"


def _all(forms_: list[str], table: pd.DataFrame) -> str:
    return f"all {len(forms_)} others" if len(forms_) == len(table) - 1 else listed(forms_)


def describe_equal(guideline: str, scale: int, table: pd.DataFrame) -> str:
    """How equal the MACs are, and where the paper's printed widths miss it."""
    macs, away = table["macs"].iloc[0], table["away"].abs().max()
    text = f"MACs: {count(macs)} per image, " + (
        "the same in all." if away == 0 else f"equal within {max(100 * away, 0.1):.1f} %."
    )
    missed = printed(guideline)
    wrong = missed[(missed["away"].abs() > TOLERANCE) | ~missed["whole"]]
    if scale != 1 or wrong.empty:
        return text
    notes = [
        f"{row.widths} at {row.form}, which {GROUPS[-1]} groups do not divide"
        if not row.whole
        else f"{row.widths} ({signed(row.away)})"
        for row in wrong.itertuples()
    ]
    return f"{text} The paper's ARM column prints {listed(notes)}; the widths here are computed."


def printed(guideline: str) -> pd.DataFrame:
    """The MACs of the paper's printed ARM widths at ×1: `form`, `widths`, `away` from its first form's, `whole`."""
    rows, first = [], None
    for form, widths in zip(names(guideline), speeds(guideline, 1)["arm_widths"], strict=True):
        channels = [int(part) for part in widths.split(":")]
        pieces = int(form.split()[0]) if guideline == "g3" else 1
        groups = int(form.removeprefix("g = ")) if guideline == "g2" else 1
        macs = channels[0] * channels[-1] * pieces / groups
        first = first or macs
        rows.append((form, widths, macs / first - 1, channels[0] % groups == 0))
    return pd.DataFrame(rows, columns=["form", "widths", "away", "whole"])


def formula(guideline: str, table: pd.DataFrame, chosen: str, side: int) -> str:
    """The memory access of one layer of the chosen form with its values, for KaTeX."""
    place = list(table["form"]).index(chosen)
    row, hw = table.iloc[place], side**2
    widths = [int(part) for part in row["widths"].replace(":", " ").replace("→", " ").split()[:2] if part.isdigit()]
    match guideline:
        case "g1":
            thin, wide = widths
            access, least = hw * (thin + wide) + thin * wide, 2 * math.sqrt(hw * hw * thin * wide) + thin * wide
            return (
                rf"$hw(c_1+c_2)+c_1c_2={_tex(access)}\ \ge\ "
                rf"2\sqrt{{hwB}}+\tfrac{{B}}{{hw}}={_tex(least)}$"
            )
        case "g2":
            groups, c = GROUPS[place], widths[0]
            macs = hw * c * c // groups
            access = hw * c + macs * groups // c + macs // hw
            return (
                rf"$hwc_1+\tfrac{{Bg}}{{c_1}}+\tfrac{{B}}{{hw}}={_tex(hw * c)}+{_tex(macs * groups // c)}"
                rf"+{_tex(macs // hw)}={_tex(access)}$"
            )
        case "g3":
            pieces, c = int(chosen.split()[0]), widths[0]
            base = int(table["widths"].iloc[0])
            return (
                rf"$n\,c_n^2=c^2:\quad {pieces}\cdot{c}^2={_tex(pieces * c * c)}\approx{base}^2={_tex(base * base)},"
                rf"\qquad n\,(2hwc_n+c_n^2)={_tex(pieces * (2 * hw * c + c * c))}$"
            )
    c, waist = widths
    return (
        rf"$\text{{ReLU }}2hw(2m+c)={_tex(2 * hw * (2 * waist + c))},\quad\text{{shortcut }}3hwc={_tex(3 * hw * c)},"
        rf"\quad\text{{MACs }}0$"
    )


def source(run: Timings | None) -> str:
    """Where the times that are shown come from, and how they came about."""
    if run is None:
        return "No example of this width is stored."
    how = f"{run.rounds} rounds in turn, one thread"
    if run.example:
        return f"Example run on {run.machine} ({run.when}; {how})"
    return f"Measured on this machine, {run.machine} ({run.when}; {how})"


def describe_progress(share: float) -> str:
    """How far a measurement is."""
    return f"Measuring in the background, {100 * share:.0f} %" if share else "Warming up, or waiting for its turn"


# The lens


def with_shares(layers: pd.DataFrame, run: Timings | None) -> pd.DataFrame:
    """The rows of `plots.layers_under_lens`; without a run no times."""
    timed = run.table.reset_index(drop=True) if run is not None else pd.DataFrame(index=layers.index)
    timed = timed.reindex(columns=["ms", "relative", "relative_low", "relative_high"])
    return layers.assign(
        title=layers["layer"].map(layer_title),
        macs_share=100 * layers["macs"] / layers["macs"].sum(),
        ms=timed["ms"],
        time_share=100 * timed["relative"],
        low=100 * timed["relative_low"],
        high=100 * timed["relative_high"],
    )


def describe_lens(title: str, found: pd.DataFrame, operations: int) -> str:
    """Which guidelines a network breaks; `found` is of `lens.count_violations`."""
    broken = found[found["operations"] > 0]
    kept = [name for name in GUIDELINES if name not in broken.index]
    if broken.empty:
        return f"{title} keeps all four guidelines in all of its {operations} operations."
    parts = [f"{name} in {int(row['operations'])}" for name, row in broken.iterrows()]
    return f"Of {operations} operations {title} breaks {listed(parts)}{f'; it keeps {listed(kept)}' if kept else ''}."


def describe_shares(shares: pd.DataFrame) -> str:
    """Where MACs predict the time worst."""
    if shares["time_share"].isna().any():
        return "The times of this width are not stored."
    away = shares["time_share"] - shares["macs_share"]
    slow, quick = shares.loc[away.idxmax()], shares.loc[away.idxmin()]
    idle = shares.loc[shares["macs"] == 0, "time_share"].sum()
    text = f"Operations without a MAC take {idle:.0f} % of the time. MACs predict worst: {_operation(slow)}"
    return f"{text}; the other way round {_operation(quick)}."


def _operation(row: pd.Series) -> str:
    kind = "" if row["kind"] in row["title"].lower() else f" ({row['kind']})"
    shares = f"{_share(row['macs_share'])} of the MACs in {_share(row['time_share'])} of the time"
    return f"{row['title']}{kind}, {shares}"


def _share(value: float) -> str:
    return f"{value:.0f} %" if value >= 9.5 else f"{value:.1f} %"


def lens_table(found: dict[str, tuple[int, pd.DataFrame]]) -> pd.DataFrame:
    """The whole zoo: for each network its operations, and how many of them break which guideline."""
    rows = []
    for title, (operations, broken) in found.items():
        cells = {
            name: f"{int(row['operations'])}" + (f" ({100 * row['macs']:.0f} % of MACs)" if row["macs"] else "")
            if row["operations"]
            else "–"
            for name, row in broken.iterrows()
        }
        rows.append({"Network": title, "Operations": operations} | cells)
    return pd.DataFrame(rows)


# MACs against time: tables of `compare`


def network_rows(chosen: pd.DataFrame, first: str) -> pd.DataFrame:
    """The rows of `plots.form_rows` for networks; speeds as parts of the network's titled `first`."""
    table = chosen.reset_index(drop=True)
    yardstick = table[table["title"] == first].iloc[0] if (table["title"] == first).any() else table.iloc[0]
    known = {"gpu", "arm"} <= set(table)
    return table.assign(
        chosen=table["title"] == yardstick["title"],
        form=[
            f"{row.title} {row.width:g}" + (f"\n{under}" if (under := _below(row, known)) else "")
            for row in table.itertuples()
        ],
        counted=table["macs"] / 1e6,
        counted_text=table["macs"].map(count),
        least=0,
        ms_text=[
            ms(row.ms) if row.title == yardstick["title"] else f"{ms(row.ms)}\n{speed_words(yardstick['ms'] / row.ms)}"
            for row in table.itertuples()
        ],
        here=yardstick["ms"] / table["ms"],
        here_low=yardstick["ms"] / table["high"],
        here_high=yardstick["ms"] / table["low"],
        **{f"on_{name}": table[name] / yardstick[name] if known else math.nan for name in PLATFORMS},
        **{
            f"{name}_text": table[name].map("{:g}".format) + f" {unit}" if known else ""
            for name, unit in PLATFORMS.items()
        },
    )


def _below(row, untrained: bool) -> str:
    """What stands below a network's name: how well it does; where none is trained, its MACs."""
    if untrained:
        return f"{count(row.macs)} MACs"
    return f"{percent(row.accuracy)} right" if row.accuracy == row.accuracy else ""


def describe_networks(chosen: pd.DataFrame, held: str) -> str:
    """How far apart networks are in time that are equal in MACs, or in accuracy, which is `held`."""
    if len(chosen) < 2:
        return f"{'Only one' if len(chosen) else 'No'} architecture reaches it."
    quick, slow = chosen.loc[chosen["ms"].idxmin()], chosen.loc[chosen["ms"].idxmax()]
    apart = factor(slow["ms"] / quick["ms"])
    most, least = chosen.loc[chosen["macs"].idxmax()], chosen.loc[chosen["macs"].idxmin()]
    if held == "macs":
        within = f"{count(least['macs'])} to {count(most['macs'])} MACs"
        moral = " FLOPs are not speed." if slow["ms"] > 1.5 * quick["ms"] else ""
        return (
            f"At {within}, {_network(slow)} takes {apart} times as long as {_network(quick)}: {ms(slow['ms'])} against "
            f"{ms(quick['ms'])}.{moral}"
        )
    text = f"{_network(quick)} gets there fastest, in {ms(quick['ms'])} with {count(quick['macs'])} MACs"
    if least["title"] == quick["title"]:
        return f"{text}, and with the fewest; {_network(slow)} takes {apart} times as long."
    longer = factor(least["ms"] / quick["ms"])
    return f"{text}; {_network(least)} needs the fewest, {count(least['macs'])}, and takes {longer} times as long."


def describe_order(times_: pd.DataFrame) -> str:
    """How well MACs order the networks by time: of all pairs the part that they order rightly."""
    pairs = right = 0
    rows = times_[["macs", "ms"]].to_numpy()
    for i in range(len(rows)):
        for j in range(i):
            pairs += 1
            right += (rows[i, 0] - rows[j, 0]) * (rows[i, 1] - rows[j, 1]) > 0
    part = f"{100 * right / pairs:.0f} %"
    return f"MACs order {part} of the {pairs:,} pairs of these {len(rows)} networks rightly by speed."


def describe_left_out(chosen: pd.DataFrame, held: str) -> str:
    """Which architectures have no network that is near enough, or accurate enough; else how far apart the MACs are."""
    missing = [architecture(name).title for name in architectures() if name not in set(chosen["arch"])]
    if missing:
        if held == "macs":
            return f"No width of {listed(missing)} comes so near."
        return f"No trained width of {listed(missing)} is so accurate."
    if held == "macs":
        apart = chosen["macs"].max() / chosen["macs"].min() - 1
        return f"The most MACs are {100 * apart:.0f} % above the fewest. Whiskers: quartiles."
    return "All six are that accurate at some trained width. Whiskers: quartiles."


def describe_beside_table_8(rows: pd.DataFrame, where: str) -> str:
    """Which networks are faster than the yardstick where the paper's ARM finds them slower, or the other way round.

    Args:
        rows: of `network_rows`.
        where: as `place`.
    """
    first = rows.loc[rows["chosen"], "title"].item()
    others = rows[~rows["chosen"] & rows["on_arm"].notna() & (rows["here"].sub(1).abs() >= SURE)]
    parts = []
    for word, other, against in (
        ("faster", "slower", others[(others["here"] > 1) & (others["on_arm"] < 1)]),
        ("slower", "faster", others[(others["here"] < 1) & (others["on_arm"] > 1)]),
    ):
        names = list(against["title"])
        if names:
            parts.append(f"{listed(names)} {_be(names)} {word} than {first} {where}, {other} on the paper's ARM.")
    if parts:
        return f"Against the paper: {' '.join(parts)}"
    return f"None that the paper's ARM finds slower than {first} is faster {where}, nor the other way round."


def _network(row: pd.Series) -> str:
    return f"{row['title']} {row['width']:g}"


def _tex(number: float) -> str:
    return f"{round(number):,}".replace(",", "{,}")
