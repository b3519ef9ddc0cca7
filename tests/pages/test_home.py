"""The home page: every knob, every number, every kind of bad address."""

import re
from itertools import pairwise
from urllib.parse import urlencode

import pytest

import compress_core as cc
from compress_core.studies.home import study_comparison
from compress_core.studies.tradeoff import load_grid
from compress_core.text import numbers
from compress_core.zoo import architecture
from tests.helpers.pages import SMALL, Page, open_page, texts
from ui import widgets
from ui.address import short_form, to_params
from ui.engine import engine

DEFAULT = {"Architecture": "studentnet", "Width multiplier": 1.0, "Pruning ratio": 0.0, "Bit width": 32}


def knobs(app: Page) -> dict[str, object]:
    return {label: app.knob(label).value for label in DEFAULT}


def cards(app: Page) -> dict[str, list[str]]:
    """What each card says under its label: the value, the original's, the change."""
    found = re.findall(r'<div class="cc-card[^"]*">(.*?)</div></div>', app.html)
    return {label.partition(", n")[0]: values for label, *values in map(texts, found)}


def test_it_opens_with_a_trained_network():
    app = open_page().fine()
    assert knobs(app) == DEFAULT and len(app.charts) == 2
    assert "as trained" in app.said and "of 40 test images right" in app.said and "Turn a knob" in app.said
    assert app.address == {}  # an address is written when a knob is turned


@pytest.mark.parametrize("arch", cc.architectures())
def test_it_opens_for_every_architecture(arch):
    app = open_page(arch=arch, **SMALL).fine()
    assert f"{architecture(arch).title} at width 0.25, " in app.said and "4-bit weights: " in app.said
    assert len(app.charts) == 2 and len(cards(app)) == 6


def test_knobs_write_the_address_and_change_the_sentence_and_back_undoes_them():
    app, expected = open_page(arch="studentnet", width="0.25"), DEFAULT | {"Width multiplier": 0.25}
    visited = [(app.address, expected, app.said)]
    for label, name, value, sentence in (
        ("Pruning ratio", "prune", 0.4, "StudentNet at width 0.25, 40 % of its channels cut: "),
        ("Bit width", "bits", 4, "StudentNet at width 0.25, 40 % of its channels cut, 4-bit weights: "),
        ("Width multiplier", "width", 0.5, "StudentNet at width 0.5, 40 % of its channels cut, 4-bit weights: "),
    ):
        app.fine().knob(label).set_value(value).run()
        expected = expected | {label: value}
        assert sentence in app.said and knobs(app) == expected
        assert app.address == visited[-1][0] | {name: str(value)}
        visited.append((app.address, expected, app.said))
    assert all(before[2] != after[2] for before, after in pairwise(visited))
    for before in (*visited[::-1], visited[-1]):  # three steps back, and forward again at once
        app.fine().go_to(**before[0])
        assert (app.address, knobs(app), app.said) == before
    assert knobs(app.go_to()) == DEFAULT  # a plain address is the first screen


def test_network_slimming_is_one_click_away_and_its_factors_stay_in_sight():
    app = open_page(arch="studentnet", width="0.25", prune="0.5")
    criterion = app.widget("Importance criterion")
    assert criterion.value == "obs" and "with the smallest |γ| do." in app.html
    criterion.set_value("bn_scale").run()
    assert app.fine().address["criterion"] == "bn_scale" and "with the smallest |γ| do." not in app.html
    app.knob("Importance criterion").set_value("l1").run()
    assert app.widget("Importance criterion").value == "l1" and "by l1 norm" in app.fine().html


def test_the_numbers_on_the_cards_are_those_of_the_finer_choices_too(begin_work):
    app = open_page(arch="studentnet", width="0.25", prune="0.3", bits="3")
    chosen = {"scope": "layer", "heal": "none", "scheme": "per_tensor"}
    labels = "Scope", "Recovery after pruning", "Quantization scheme"
    for label, value in zip(labels, chosen.values(), strict=True):
        app.knob(label).set_value(value).run()
    assert app.fine().address == {"arch": "studentnet", "width": "0.25", "prune": "0.3", "bits": "3"} | chosen
    recipe = cc.Recipe(width=0.25, prune=0.3, bits=3, **chosen)
    after, before = (cc.measure(cc.compress(one, engine().networks), timed=False) for one in (recipe, cc.Recipe()))
    begin_work()
    found = cards(app.come_back_until(lambda page: f"on {after.samples} digits" in page.said))
    assert found["Accuracy"][:2] == [numbers.percent(after.accuracy), f"original {numbers.percent(before.accuracy)}"]
    names = {"File": "file_bytes", "Parameters": "params", "MACs per image": "macs"}
    for label, name in names.items():
        old, new = getattr(before, name), getattr(after, name)
        words = numbers.size if label == "File" else numbers.count
        assert found[label] == [words(new), f"original {words(old)}", f"{numbers.factor(old / new)}× smaller"]
    (download,) = app.get("download_button")
    assert download.proto.label == f"Download this network ({numbers.size(after.file_bytes)})"


def test_groups_can_be_kept_alike_where_there_are_any():
    app = open_page(arch="shufflenet_v1", **SMALL)
    app.knob("Equal channels per group").set_value(True).run()
    recipe = cc.Recipe(arch="shufflenet_v1", width=0.25, prune=0.3, bits=4, balance=True)
    params = cc.measure(cc.compress(recipe, engine().networks), timed=False).params
    assert app.fine().address["balance"] == "on" and cards(app)["Parameters"][0] == numbers.count(params)
    app.knob("Architecture").set_value("studentnet").run()
    assert "Equal channels per group" not in {box.label for box in app.fine().sidebar.selectbox}


def test_a_link_opens_the_page_it_was_copied_from():
    app = open_page(arch="studentnet", width="0.2", prune="0.42", bits="4", scheme="per_tensor", layer="cnn.3.3").fine()
    assert list(knobs(app).values()) == ["studentnet", 0.2, pytest.approx(0.42), 4]  # between the stops of its slider
    assert app.knob("Quantization scheme").value == "per_tensor" and app.widget("Layer shown").value == "cnn.3.3"
    assert "cut from 0.25" in app.sidebar.caption[0].value and "41.9 % of its channels cut" in app.said


def test_the_layer_shown_stays_in_the_address():
    app = open_page(arch="studentnet", width="0.25")
    app.widget("Layer shown").set_value("cnn.5.3").run()
    assert app.address == {"arch": "studentnet", "width": "0.25", "layer": "cnn.5.3"}
    app.knob("Bit width").set_value(8).run()
    assert app.address == {"arch": "studentnet", "width": "0.25", "bits": "8", "layer": "cnn.5.3"}
    app.widget("Layer shown").set_value("").run()
    assert "layer" not in app.address


def test_a_bad_address_is_a_sentence_and_the_nearest_sane_recipe():
    bad = {"prune": "7", "bits": "abc", "width": "nan", "arch": "resnet", "colour": "blue", "layer": "cnn.99"}
    app = open_page(**bad, scope="layer").complains(
        "The pruning ratio cannot be 7. Allowed: 0 to 0.95. Taken instead: 0.95.",
        "The bit width cannot be 'abc'. Allowed: 1 to 16, or 32 for none. Taken instead: 32.",
        "The width multiplier cannot be 'nan'.",
        f"The architecture cannot be 'resnet'. Allowed: {', '.join(cc.architectures())}. Taken instead: studentnet.",
        "A recipe has no 'colour'",
        "The page cannot show layer 'cnn.99'. Allowed: cnn.0.0, cnn.1.3",
        "Taken instead: every layer.",
    )
    assert knobs(app) == DEFAULT | {"Pruning ratio": 0.95} and app.knob("Scope").value == "layer"
    app.knob("Bit width").set_value(8).run()  # then what was wrong is forgotten
    assert knobs(app.fine()) == DEFAULT | {"Pruning ratio": 0.95, "Bit width": 8}


def test_of_what_stands_there_twice_the_first_is_taken():
    app = open_page(prune=["0.6", "0.5"], layer=["cnn.1.3", "cnn.0.0"], width="0.25").complains(
        "The pruning ratio stands in the address more than once; one is allowed. Taken instead: the first.",
        "The layer shown stands in the address more than once; one is allowed. Taken instead: the first.",
    )
    assert knobs(app) == DEFAULT | {"Pruning ratio": 0.6, "Width multiplier": 0.25}


@pytest.mark.parametrize("params", [{"arch": "a" * 10_000}, {"b" * 10_000: "1"}], ids=["value", "name"])
def test_a_long_address_is_said_in_short(params):
    assert knobs(open_page(**params).complains("(10,000 characters)")) == DEFAULT


def test_what_an_address_says_is_never_markdown():
    app = open_page(arch="[x](http://y) **b** <script>", scope="\n\n1. one\n2. two")
    text = app.warning[0].value
    assert "cannot be '[x](http://y) **b** <script>'" in app.warnings and "cannot be ' 1. one 2. two'" in app.warnings
    assert "\n" not in text.replace("\n- ", "") and not re.search(r"(?<!\\)[.<>@&*_`\[\]()]", text)


def test_the_strip_shows_what_both_networks_answer():
    app = open_page(arch="studentnet", prune="0.8")
    found = re.findall(r"<div>(\d)</div><span[^>]*>(.) (\d)</span><span[^>]*>(.) (\d)</span>", app.html)
    images = study_comparison(cc.Recipe(prune=0.8), engine().networks, cc.Recipe(), 1).images.head(18)
    assert found == [
        (str(one.label), "✗✓"[before == one.label], str(before), "✗✓"[after == one.label], str(after))
        for one in images.itertuples()
        for before, after in [(one.original, one.compressed)]
    ]
    assert any(before != after for _, _, before, _, after in found)  # disagreements first


def test_recipes_tried_in_this_visit_are_drawn():
    app = open_page(arch="studentnet", width="0.25")
    for bits in (7, 9):  # of recipes that are not measured beforehand
        assert f"width 0.25, {bits} bits" not in app.charts[1].spec
        app.knob("Bit width").set_value(bits).run()
    app.knob("Bit width").set_value(6).run()
    assert all(f"width 0.25, {bits} bits" in app.charts[1].spec for bits in (7, 9))


def test_three_sizes_wait_until_they_are_asked_for():
    app = open_page(arch="studentnet", width="0.25", bits="4")
    assert not app.dataframe
    app.session_state["sizes"] = True
    sizes, parts = (frame.value.set_index(frame.value.columns[0])["bytes"] for frame in app.run().dataframe)
    own = cc.compress(cc.Recipe(width=0.25, bits=4), engine().networks)
    measured = cc.measure(own, timed=False)
    assert parts.sum() == sizes["as saved"] == measured.file_bytes and "kept in 16 bits" in parts
    assert sizes["parameters × bits / 8"] == measured.minimum_bytes and sizes["gzipped"] == cc.gzip_bytes(own)


def test_turning_bits_runs_no_other_stage():
    app = open_page(arch="studentnet", width="0.25", prune="0.3")
    runs = engine().networks.runs
    before = {stage: runs[stage] for stage in ("load", "prune", "heal", "quantize")}
    app.knob("Bit width").set_value(6).run()
    assert {stage: runs[stage] for stage in before} == before | {"quantize": before["quantize"] + 1}


def test_the_accuracy_sharpens_on_all_test_images_at_hand(begin_work):
    """A knob waits for few of them; the others are looked at while nobody waits."""
    app = open_page(dataset="cifar10", width="0.25", prune="0.1")
    assert "on 40 photographs" in app.said and cards(app)["Accuracy"][0] in app.html
    begin_work()
    app.come_back_until(lambda page: "on 2,000 photographs" in page.said)
    recipe = cc.Recipe(dataset="cifar10", width=0.25, prune=0.1)
    measured = cc.measure(cc.compress(recipe, engine().networks), timed=False)
    assert f"{100 * measured.accuracy:.1f} %" == cards(app.fine())["Accuracy"][0]


def test_a_knob_a_second_tab_and_back_in_the_middle_of_sharpening_mix_no_two_recipes(begin_work):
    """Both visitors leave a recipe before its other test images were looked at, and come back to one of the two."""
    recipes = [cc.Recipe(width=0.25, prune=prune) for prune in (0.15, 0.45)]
    links = [{"arch": "studentnet", "width": "0.25", "prune": f"{recipe.prune:g}"} for recipe in recipes]
    tabs = [open_page(**link) for link in links]
    for tab, link in zip(tabs, links[::-1], strict=True):
        tab.go_to(**link)
    begin_work()
    tabs[0].go_to(**links[0])
    whole = cc.measure(cc.compress(recipes[0], engine().networks), timed=False)
    for tab in tabs:
        found = cards(tab.come_back_until(lambda page: f"on {whole.samples} digits" in page.said))
        assert found["Accuracy"][0] == numbers.percent(whole.accuracy)
        assert found["Parameters"][0] == numbers.count(whole.params)
        assert found["File"][0] == numbers.size(whole.file_bytes)


def test_what_could_be_better_from_here_is_one_click_away():
    app = open_page(arch="studentnet", width="0.25", prune="0.8", bits="8").fine()
    said = re.search(r"at best ([\d.]+ %) in ([\d.]+ KB) \((.*?)\)", app.html)
    app.widget("Take the best of them").click().run()
    assert "at best" not in app.fine().html  # none is as small and more accurate than the best
    assert app.address != {"arch": "studentnet", "width": "0.25", "prune": "0.8", "bits": "8"} and said
    grid = load_grid("studentnet", "digits")
    chosen = cc.Recipe.from_query("&".join(f"{name}={value}" for name, value in app.address.items()))
    row = grid[grid["recipe"] == chosen.canonical()].iloc[0]
    assert numbers.percent(row["accuracy"]) == said[1] and numbers.size(row["file_bytes"]) == said[2]


def test_bytes_can_be_spent_by_layer_where_bits_are_alike():
    for address, offered in (({"bits": "4"}, True), ({}, False), ({"bits": "4", "layer_bits": "3b8"}, False)):
        app = open_page(arch="studentnet", width="0.25", **address).fine()
        assert ("Spend the same bytes layer by layer" in [button.label for button in app.button]) == offered


def test_no_headline_stands_beside_a_knob_that_says_otherwise(monkeypatch):
    """While a recipe is measured, the sentence names it already."""
    app, said = open_page(arch="studentnet", width="0.25"), []
    monkeypatch.setattr(widgets, "sentence", lambda text, draw=widgets.sentence: said.append(text) or draw(text))
    app.knob("Pruning ratio").set_value(0.35).run()
    measuring, measured = said
    assert measuring == "StudentNet at width 0.25, 35 % of its channels cut: measuring …"
    assert measured in app.fine().said and measured.startswith(measuring.partition(":")[0])
    app.knob("Pruning ratio").set_value(0.0).run()
    assert said[2:] == [said[-1]]  # at hand: no word between


def test_a_short_form_of_an_address_says_the_same():
    edits = ".".join(f"{group}c{channel}" for group in range(6) for channel in range(7))
    recipe = cc.Recipe(prune=0.5, bits=4, edits=edits, layer_bits=".".join(f"{i}b{2 + i % 7}" for i in range(17)))
    long, short = to_params(recipe), short_form(to_params(recipe))
    assert len(short) < 0.8 * len(urlencode(long)) and short.startswith("r=")
    app, same = open_page(r=short.removeprefix("r=")).fine(), open_page(**long).fine()
    assert (app.said, knobs(app)) == (same.said, knobs(same))
    assert short_form({"arch": "studentnet"}) == "arch=studentnet"  # nothing is shorter


@pytest.mark.parametrize("text", ["", "x", "%%%", "A" * 5000, "é", "Xc0xCsMw"])
def test_a_short_form_that_cannot_be_read_is_a_sentence(text):
    open_page(r=text).complains("The short address", "cannot be read")
