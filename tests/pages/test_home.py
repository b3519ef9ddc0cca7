"""The home page: every knob, every kind of bad address, damaged files."""

import re
from itertools import pairwise

import pytest
from streamlit.testing.v1 import AppTest

import compress_core as cc
from compress_core.studies.home import study_comparison
from compress_core.text import numbers
from compress_core.zoo import architecture
from tests.helpers.pages import SMALL, address, charts, fine, go_to, html, knob, open_page, said, warnings, widget
from ui.engine import engine

DEFAULT = {"Architecture": "studentnet", "Width multiplier": 1.0, "Pruning ratio": 0.0, "Bit width": 32}


def knobs(app: AppTest) -> dict[str, object]:
    return {label: knob(app, label).value for label in DEFAULT}


def cards(app: AppTest) -> dict[str, list[str]]:
    """What each card says under its label: the value, the original's, the change."""
    found = re.findall(r'<div class="cc-card[^"]*">(.*?)</div></div>', html(app))
    texts = [[text for text in re.sub(r"<[^>]+>", "|", card).split("|") if text] for card in found]
    return {label.partition(",")[0]: values for label, *values in texts}


def test_it_opens_with_a_trained_network():
    app = fine(open_page())
    assert knobs(app) == DEFAULT and len(charts(app)) == 2
    assert "as trained" in said(app) and "of 180 test images right" in said(app) and "Turn a knob" in said(app)
    assert address(app) == {}  # an address is written when a knob is turned


@pytest.mark.parametrize("arch", cc.architectures())
def test_it_opens_for_every_architecture(arch):
    app = fine(open_page(arch=arch, **SMALL))
    assert f"{architecture(arch).title} at width 0.25, " in said(app) and "4-bit weights: " in said(app)
    assert len(charts(app)) == 2 and len(cards(app)) == 6


def test_knobs_write_the_address_and_change_the_sentence_and_back_undoes_them():
    app, visited, expected = open_page(arch="studentnet", width="0.25"), [], DEFAULT | {"Width multiplier": 0.25}
    visited.append((address(app), expected, said(app)))
    for label, name, value, sentence in (
        ("Pruning ratio", "prune", 0.4, "StudentNet at width 0.25, 39.9 % of its channels cut: "),
        ("Bit width", "bits", 4, "StudentNet at width 0.25, 39.9 % of its channels cut, 4-bit weights: "),
        ("Width multiplier", "width", 0.5, "StudentNet at width 0.5, 40 % of its channels cut, 4-bit weights: "),
    ):
        knob(fine(app), label).set_value(value).run()
        expected = expected | {label: value}
        assert sentence in said(app) and knobs(app) == expected
        assert address(app) == visited[-1][0] | {name: str(value)}
        visited.append((address(app), expected, said(app)))
    assert all(before[2] != after[2] for before, after in pairwise(visited))
    for before in (*visited[::-1], visited[-1]):  # three steps back, and forward again at once
        go_to(fine(app), **before[0])
        assert (address(app), knobs(app), said(app)) == before
    assert knobs(go_to(app)) == DEFAULT  # a plain address is the default recipe


def test_the_numbers_on_the_cards_are_those_of_the_finer_choices_too():
    app = open_page(arch="studentnet", width="0.25", prune="0.3", bits="3")
    chosen = {"scope": "layer", "heal": "none", "scheme": "per_tensor"}
    for label, value in zip(
        ("Channels compete in", "After the cut, heal", "Levels of the weights"), chosen.values(), strict=True
    ):
        knob(app, label).set_value(value).run()
    assert address(fine(app)) == {"arch": "studentnet", "width": "0.25", "prune": "0.3", "bits": "3"} | chosen
    recipe = cc.Recipe(width=0.25, prune=0.3, bits=3, **chosen)
    after, before = (cc.measure(cc.compress(one, engine().networks), timed=False) for one in (recipe, cc.Recipe()))
    found, smaller = cards(app), lambda old, new: f"{numbers.factor(old / new)}× smaller"
    assert found["Accuracy"][:2] == [numbers.percent(after.accuracy), f"original {numbers.percent(before.accuracy)}"]
    for label, words, name in (
        ("File", numbers.size, "file_bytes"),
        ("Parameters", numbers.count, "params"),
        ("MACs an image", numbers.count, "macs"),
    ):
        old, new = getattr(before, name), getattr(after, name)
        assert found[label] == [words(new), f"original {words(old)}", smaller(old, new)]
    (download,) = app.get("download_button")
    assert download.proto.label == f"Download this network ({numbers.size(after.file_bytes)})"


def test_groups_can_be_kept_alike_where_there_are_any():
    app = open_page(arch="shufflenet_v1", **SMALL)
    knob(app, "Each group keeps as many channels").set_value(True).run()
    recipe = cc.Recipe(arch="shufflenet_v1", width=0.25, prune=0.3, bits=4, balance=True)
    params = cc.measure(cc.compress(recipe, engine().networks), timed=False).params
    assert address(fine(app))["balance"] == "on" and cards(app)["Parameters"][0] == numbers.count(params)
    knob(app, "Architecture").set_value("studentnet").run()
    assert "Each group keeps as many channels" not in {box.label for box in fine(app).sidebar.selectbox}


def test_a_link_opens_the_page_it_was_copied_from():
    app = fine(open_page(arch="studentnet", width="0.2", prune="0.42", bits="4", scheme="per_tensor", layer="cnn.3.3"))
    assert list(knobs(app).values()) == ["studentnet", 0.2, pytest.approx(0.42), 4]  # between the stops of its slider
    assert knob(app, "Levels of the weights").value == "per_tensor" and widget(app, "Layer shown").value == "cnn.3.3"
    assert "slimmed from 0.25" in app.sidebar.caption[0].value and "42.1 % of its channels cut" in said(app)


def test_the_layer_shown_stays_in_the_address():
    app = open_page(arch="studentnet", width="0.25")
    widget(app, "Layer shown").set_value("cnn.5.3").run()
    assert address(app) == {"arch": "studentnet", "width": "0.25", "layer": "cnn.5.3"}
    knob(app, "Bit width").set_value(8).run()
    assert address(app) == {"arch": "studentnet", "width": "0.25", "bits": "8", "layer": "cnn.5.3"}
    widget(app, "Layer shown").set_value("").run()
    assert "layer" not in address(app)


@pytest.mark.parametrize(
    ("params", "sentences", "nearest"),
    [
        (
            {"prune": "7", "bits": "abc", "width": "nan", "arch": "resnet", "colour": "blue", "layer": "cnn.99"},
            [
                "The pruning ratio cannot be 7. Allowed: 0 to 0.95. Taken instead: 0.95.",
                "The bit width cannot be 'abc'. Allowed: 1 to 16, or 32 for none. Taken instead: 32.",
                "The width multiplier cannot be 'nan'.",
                f"The architecture cannot be 'resnet'. Allowed: {', '.join(cc.architectures())}. "
                "Taken instead: studentnet.",
                "A recipe has no 'colour'",
                "The page cannot show layer 'cnn.99'. Allowed: cnn.0.0, cnn.1.3",
                "Taken instead: every layer.",
            ],
            {"Pruning ratio": 0.95},
        ),
        (
            {"prune": ["0.6", "0.5"], "layer": ["cnn.1.3", "cnn.0.0"], "bits": "4"},
            [
                "The pruning ratio stands in the address more than once; one is allowed. Taken instead: the first.",
                "The layer shown stands in the address more than once; one is allowed. Taken instead: the first.",
            ],
            {"Pruning ratio": 0.6, "Bit width": 4},
        ),
        ({"arch": "a" * 10_000, "width": "0.25"}, ["(10,000 characters)"], {"Width multiplier": 0.25}),
        ({"b" * 10_000: "1"}, ["(10,000 characters)"], {}),
    ],
)
def test_a_bad_address_is_a_sentence_and_the_nearest_sane_recipe(params, sentences, nearest):
    app = open_page(**params)
    assert not app.exception and [one for one in sentences if one not in warnings(app)] == []
    assert knobs(app) == DEFAULT | nearest
    knob(app, "Bit width").set_value(8).run()
    assert knobs(fine(app)) == DEFAULT | nearest | {"Bit width": 8}  # what was wrong is forgotten


def test_what_an_address_says_is_never_markdown():
    app = open_page(arch="[x](http://y) **b** <script>", scope="\n\n1. one\n2. two")
    text = app.warning[0].value
    assert "cannot be '[x](http://y) **b** <script>'" in warnings(app) and "cannot be ' 1. one 2. two'" in warnings(app)
    assert "\n" not in text.replace("\n- ", "") and not re.search(r"(?<!\\)[.<>@&*_`\[\]()]", text)


def test_the_strip_shows_what_both_networks_answer():
    app = open_page(arch="studentnet", prune="0.4")
    found = re.findall(r"<div>is (\d)</div><span[^>]*>(.) (\d)</span> → <span[^>]*>(.) (\d)</span>", html(app))
    images = study_comparison(cc.Recipe(prune=0.4), engine().networks, cc.Recipe()).images.head(18)
    assert found == [
        (str(one.label), "✗✓"[before == one.label], str(before), "✗✓"[after == one.label], str(after))
        for one in images.itertuples()
        for before, after in [(one.original, one.compressed)]
    ]
    assert any(before != after for _, _, before, _, after in found)  # disagreements first


def test_recipes_tried_in_this_visit_are_drawn():
    app = open_page(arch="studentnet", width="0.25")
    names = ["width 0.25, 8 bits", "width 0.25, 4 bits"]
    for bits in (8, 4, 3):
        knob(app, "Bit width").set_value(bits).run()
    assert list(app.session_state["tried"]) == ["width=0.25", *(f"width=0.25&bits={bits}" for bits in (8, 4, 3))]
    assert all(name in charts(app)[1].spec for name in names)


def test_three_sizes_wait_until_they_are_asked_for():
    app = open_page(arch="studentnet", width="0.25", bits="4")
    assert not app.dataframe
    app.session_state["sizes"] = True
    sizes, parts = (frame.value.set_index(frame.value.columns[0])["bytes"] for frame in app.run().dataframe)
    own = cc.compress(cc.Recipe(width=0.25, bits=4), engine().networks)
    measured = cc.measure(own, timed=False)
    assert parts.sum() == sizes["as saved"] == measured.file_bytes and "kept in 16 bits" in parts
    assert sizes["arithmetic minimum"] == measured.minimum_bytes and sizes["gzipped"] == cc.gzip_bytes(own)


def test_turning_bits_runs_no_other_stage():
    app = open_page(arch="studentnet", width="0.25", prune="0.3")
    runs = engine().networks.runs
    before = {stage: runs[stage] for stage in ("load", "prune", "heal", "quantize")}
    knob(app, "Bit width").set_value(6).run()
    assert {stage: runs[stage] for stage in before} == before | {"quantize": before["quantize"] + 1}
