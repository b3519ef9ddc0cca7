"""The home page under AppTest: every knob, every kind of bad address, damaged files."""

import re
import shutil

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import compress_core as cc
from compress_core.text import numbers
from compress_core.training import checkpoints
from tests.conftest import ROOT


def open_page(**params: str | list[str]) -> AppTest:
    """The home page at an address."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


def knob(app: AppTest, label: str):
    widgets = [*app.sidebar.selectbox, *app.sidebar.slider, *app.sidebar.select_slider]
    return next(widget for widget in widgets if widget.label == label)


def html(app: AppTest) -> str:
    return " ".join(element.proto.body for element in app.get("html"))


def warnings(app: AppTest) -> str:
    """What the page says was wrong, with the escapes of markdown taken off."""
    return " ".join(warning.value for warning in app.warning).replace("\\", "")


def address(app: AppTest) -> dict[str, str]:
    """The address that the page wrote."""
    return {name: value if isinstance(value, str) else ",".join(value) for name, value in app.query_params.items()}


def shown(app: AppTest) -> dict[str, object]:
    names = ("Architecture", "Width multiplier", "Pruning ratio", "Bit width")
    return {name: knob(app, name).value for name in names}


DEFAULT = {"Architecture": "studentnet", "Width multiplier": 1.0, "Pruning ratio": 0.0, "Bit width": 32}


def test_it_opens_with_a_trained_network():
    app = open_page()
    assert not app.exception and not app.warning
    assert shown(app) == DEFAULT
    assert "as trained" in html(app) and "of 2,160 test images right" in html(app)
    assert len(app.get("plotly_chart")) == 2
    assert address(app) == {}  # an address is written when a knob is turned


@pytest.mark.parametrize(
    ("label", "value", "written", "sentence"),
    [
        ("Width multiplier", 0.6, {"width": "0.6"}, "StudentNet at width 0.6: "),
        ("Pruning ratio", 0.4, {"prune": "0.4"}, "StudentNet at full width, 40 % of its channels cut: "),
        ("Bit width", 4, {"bits": "4"}, "StudentNet at full width, 4-bit weights: "),
    ],
)
def test_a_knob_writes_the_address_and_changes_the_sentence(label, value, written, sentence):
    app = open_page()
    knob(app, label).set_value(value).run()
    assert not app.exception
    assert address(app) == {"arch": "studentnet"} | written
    assert sentence in html(app)
    assert shown(app) == DEFAULT | {label: value}


@pytest.mark.parametrize(
    ("label", "value", "written"),
    [
        ("Channels compete in", "layer", {"scope": "layer"}),
        ("After the cut, heal", "none", {"heal": "none"}),
        ("Levels of the weights", "per_tensor", {"scheme": "per_tensor"}),
    ],
)
def test_finer_choices_are_in_the_address_too(label, value, written):
    app = open_page(arch="studentnet", prune="0.3", bits="3")
    before = html(app)
    knob(app, label).set_value(value).run()
    assert not app.exception and html(app) != before
    assert address(app) == {"arch": "studentnet", "prune": "0.3", "bits": "3"} | written


def test_groups_can_be_kept_alike_where_there_are_any():
    app = open_page(arch="shufflenet_v1", prune="0.3")
    before = html(app)
    knob(app, "Each group keeps as many channels").set_value("on").run()
    assert not app.exception and html(app) != before and address(app)["balance"] == "on"
    knob(app, "Architecture").set_value("mobilenet_v2").run()
    assert not app.exception
    assert "Each group keeps as many channels" not in {box.label for box in app.sidebar.selectbox}


def test_a_link_opens_the_page_it_was_copied_from():
    app = open_page(arch="studentnet", width="0.6", prune="0.4", bits="4", scheme="per_tensor", layer="cnn.3.3")
    assert not app.exception and not app.warning
    assert list(shown(app).values()) == ["studentnet", 0.6, 0.4, 4]
    assert knob(app, "Levels of the weights").value == "per_tensor"
    assert next(box for box in app.main.selectbox if box.label == "Layer shown").value == "cnn.3.3"
    assert "slimmed from 0.75" in app.sidebar.caption[0].value


def test_a_ratio_between_the_stops_is_shown_as_it_is():
    app = open_page(arch="studentnet", prune="0.42")
    assert not app.exception and knob(app, "Pruning ratio").value == pytest.approx(0.42)
    assert "42 % of its channels cut" in html(app)


def test_the_layer_shown_is_kept_in_the_address():
    app = open_page()
    next(box for box in app.main.selectbox if box.label == "Layer shown").set_value("cnn.5.3").run()
    assert address(app) == {"arch": "studentnet", "layer": "cnn.5.3"}
    knob(app, "Bit width").set_value(8).run()
    assert address(app) == {"arch": "studentnet", "bits": "8", "layer": "cnn.5.3"}


@pytest.mark.parametrize(
    ("params", "said", "nearest"),
    [
        (
            {"prune": "7"},
            "The pruning ratio cannot be 7. Allowed: 0 to 0.95. Taken instead: 0.95.",
            {"Pruning ratio": 0.95},
        ),
        ({"bits": "abc"}, "The bit width cannot be 'abc'. Allowed: 1 to 16, or 32 for none. Taken instead: 32.", {}),
        (
            {"arch": "resnet"},
            "The architecture cannot be 'resnet'. Allowed: "
            + ", ".join(cc.architectures())
            + ". Taken instead: studentnet.",
            {},
        ),
        ({"width": "nan"}, "The width multiplier cannot be 'nan'.", {}),
        (
            {"prune": ["0.6", "0.5"]},
            "more than once; one is allowed. Taken instead: the first.",
            {"Pruning ratio": 0.6},
        ),
        ({"colour": "blue", "bits": "4"}, "A recipe has no 'colour'", {"Bit width": 4}),
        ({"arch": "a" * 10_000}, "(10,000 characters)", {}),
        ({"b" * 10_000: "1"}, "(10,000 characters)", {}),
        ({"layer": "cnn.99"}, "The page cannot show layer 'cnn.99'. Allowed: cnn.0.0, cnn.1.3", {}),
        ({"layer": "cnn.99"}, "Taken instead: every layer.", {}),
        ({"layer": ["cnn.1.3", "cnn.0.0"]}, "more than once; one is allowed. Taken instead: the first.", {}),
        ({"arch": "[x](http://y) **b** <script>"}, "cannot be '[x](http://y) **b** <script>'", {}),
    ],
)
def test_a_bad_address_is_a_sentence_and_the_nearest_sane_recipe(params, said, nearest):
    app = open_page(**params)
    assert not app.exception
    assert said in warnings(app)
    assert shown(app) == DEFAULT | nearest


def test_what_an_address_says_is_never_markdown():
    app = open_page(arch="www.evil.example/login <b>", scope="\n\n1. one\n2. two")
    text = app.warning[0].value
    assert "\n" not in text.replace("\n- ", "") and not re.search(r"(?<!\\)[.<>@&*_`\[\]()]", text)


def test_cards_hold_the_compressed_value_the_originals_and_the_factor():
    app = open_page(arch="studentnet", prune="0.3", bits="4")
    compressed, original = cc.compress(cc.Recipe(prune=0.3, bits=4)), cc.compress(cc.Recipe())
    after, before = (cc.measure(c, timed=False) for c in (compressed, original))
    cards = re.findall(r'<div class="cc-card">(.*?)</div></div>', html(app))
    texts = [re.sub(r"<[^>]+>", "|", card) for card in cards]
    assert numbers.percent(after.accuracy) in texts[0] and f"original {numbers.percent(before.accuracy)}" in texts[0]
    assert f"|{numbers.size(after.file_bytes)}|" in texts[1]
    assert f"{numbers.factor(before.file_bytes / after.file_bytes)}× smaller" in texts[1]
    assert f"|{numbers.count(after.params)}|" in texts[2] and f"original {numbers.count(before.params)}" in texts[2]
    assert f"{numbers.factor(before.macs / after.macs)}× smaller" in texts[3]


def test_tiles_mark_the_right_answers():
    body = html(open_page(arch="studentnet", prune="0.4"))
    tiles = re.findall(r"<div>is (\d)</div><span[^>]*>(.) (\d)</span> → <span[^>]*>(.) (\d)</span>", body)
    assert len(tiles) == 18
    for truth, before_mark, before, after_mark, after in tiles:
        assert before_mark == "✗✓"[before == truth] and after_mark == "✗✓"[after == truth]


def test_what_was_wrong_is_forgotten_when_a_knob_is_turned():
    app = open_page(prune="7")
    knob(app, "Bit width").set_value(4).run()
    assert not app.warning and shown(app) == DEFAULT | {"Pruning ratio": 0.95, "Bit width": 4}
    assert address(app) == {"arch": "studentnet", "prune": "0.95", "bits": "4"}


def test_recipes_tried_in_this_visit_are_drawn():
    app = open_page()
    for bits in (8, 4):
        knob(app, "Bit width").set_value(bits).run()
    assert list(app.session_state["tried"]) == ["", "bits=8", "bits=4"]


def test_three_sizes_wait_until_they_are_asked_for():
    app = open_page(arch="studentnet", bits="4")
    assert not app.dataframe
    app.session_state["sizes"] = True
    app.run()
    sizes, parts = (frame.value.set_index(frame.value.columns[0])["bytes"] for frame in app.dataframe)
    assert parts.sum() == sizes["as saved"] and "kept in 16 bits" in parts
    own = cc.compress(cc.Recipe(bits=4))
    measured = cc.measure(own, timed=False)
    assert sizes["as saved"] == measured.file_bytes and sizes["arithmetic minimum"] == measured.minimum_bytes
    assert sizes["gzipped"] == cc.gzip_bytes(own)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The shipped checkpoints in a folder where they may be damaged, before a server that has read none of them."""
    shutil.copytree(checkpoints.FOLDER, tmp_path / "checkpoints")
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "checkpoints")
    st.cache_resource.clear()
    yield tmp_path / "checkpoints"
    st.cache_resource.clear()


def truncate(folder, width: str) -> None:
    file = folder / f"studentnet-{width}-digits-plain.safetensors"
    file.write_bytes(file.read_bytes()[:5000])


def test_a_truncated_checkpoint_is_a_sentence_and_the_nearest_width(folder):
    truncate(folder, "0.50")
    app = open_page(arch="studentnet", width="0.5", bits="4")
    assert not app.exception
    assert "'studentnet-0.50-digits-plain.safetensors' cannot be read" in warnings(app)
    assert "Taken instead: width 0.25." in warnings(app) or "Taken instead: width 0.75." in warnings(app)
    assert "4-bit weights" in html(app)
    assert knob(app, "Width multiplier").value == 0.5  # what was chosen is not lost


def test_a_truncated_original_is_a_sentence_and_the_rest_works(folder):
    truncate(folder, "1.00")
    app = open_page(arch="studentnet", width="0.5")
    assert not app.exception and "Taken instead: width 0.75." in warnings(app)
    assert "StudentNet at width 0.5" in html(app)


def test_no_readable_checkpoint_at_all_is_a_sentence(folder):
    for width in ("0.25", "0.50", "0.75", "1.00"):
        truncate(folder, width)
    app = open_page()
    assert not app.exception and "cannot be read" in warnings(app)


def test_turning_bits_runs_no_other_stage():
    st.cache_resource.clear()
    app = open_page(arch="studentnet", prune="0.3")
    from ui.engine import engine

    runs = engine().networks.runs
    before = {stage: runs[stage] for stage in ("load", "prune", "heal")}
    knob(app, "Bit width").set_value(4).run()
    assert {stage: runs[stage] for stage in before} == before
    assert runs["quantize"] >= 1
