"""The page of pruning under AppTest: every network and ratio, links, edits, the threshold, its views."""

import re
import time

import pytest
from streamlit.testing.v1 import AppTest

import compress_core as cc
from compress_core.registry import CRITERIA, HEALINGS
from compress_core.zoo import architecture
from tests.conftest import ROOT
from tests.pages.test_home import address, folder, html, knob, truncate, warnings
from tests.pages.test_ideas import said

__all__ = ["folder"]


def open_page(**params: str | list[str]) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).switch_page("pages/Pruning.py")
    for name, value in params.items():
        app.query_params[name] = value
    return app.run()


def threshold(app: AppTest):
    return next(slider for slider in app.main.select_slider if slider.label == "Threshold")


def bars_of(app: AppTest) -> str:
    return next(e.proto.body for e in app.get("html") if 'class="cc-bars"' in e.proto.body)


def table(app: AppTest):
    """The tiles as a table."""
    return app.dataframe[0].value


@pytest.mark.parametrize("arch", cc.architectures())
@pytest.mark.parametrize("prune", ["0", "0.5", "0.95"])
def test_it_opens_for_every_network_and_ratio(arch, prune):
    app = open_page(arch=arch, prune=prune)
    assert not app.exception and not app.warning
    assert architecture(arch).title in said(app) and "of 2,160 test images right" in said(app)
    assert len(app.get("plotly_chart")) == 2 and len(app.get("bidi_component")) == 1
    assert ("Exact: masked and pruned" in html(app)) == (prune != "0")
    assert ("nothing to prove" in html(app)) == (prune == "0")


def test_the_numbers_are_those_of_the_recipe(cache):
    app = open_page(arch="studentnet", prune="0.4")
    c = cc.compress(cc.Recipe(prune=0.4), cache)
    m = cc.measure(c, timed=False)
    assert f"{m.params / 1000:.1f} k of 256 k parameters" in said(app)
    assert f"{100 * m.accuracy:.1f} % of 2,160 test images right" in said(app)
    stay = sum(len(g.survivors) for g in c.report.pruned.groups)
    assert table(app)["Stay"].sum() == stay and f"{stay:,} of 1,008 channels" in html(app)


def test_a_link_reproduces_the_page():
    link = {"arch": "mobilenet_v2", "width": "0.5", "prune": "0.3", "layer": "head.0", "view": "healing"}
    first, second = open_page(**link), open_page(**link)
    assert not first.exception and not first.warning
    assert said(first) == said(second) and "at width 0.5" in said(first)
    assert "channels of Head stay" in html(first) and "The same cut, healed" in html(first)
    assert threshold(first).value == threshold(second).value


def test_the_bit_width_plays_no_part():
    assert said(open_page(prune="0.4", bits="2")) == said(open_page(prune="0.4"))


def test_the_threshold_sets_the_ratio_to_the_share_below_it():
    app = open_page(arch="studentnet", prune="0.3")
    before = threshold(app).value
    threshold(app).set_value(before + 5).run()
    assert not app.exception
    prune = float(address(app)["prune"])
    limit = float(threshold(app).options[before + 5])
    pruned = cc.prune_channels(cc.load("studentnet", width=1.0), cc.dataset("digits").test()[0][:1], ratio=0.5)
    scores = [score for group in pruned.groups for score in group.scores.tolist()]
    assert prune == pytest.approx(sum(score < limit for score in scores) / len(scores), abs=0.0006)
    assert prune > 0.3 and threshold(app).value == before + 5
    assert knob(app, "Pruning ratio").value == prune  # the sidebar's knob follows
    assert f"{100 * prune:.3g} % of its channels cut" in said(app)


def test_the_threshold_follows_the_ratio():
    app = open_page(arch="studentnet", prune="0.3")
    before = threshold(app).value
    knob(app, "Pruning ratio").set_value(0.7).run()
    assert not app.exception and threshold(app).value > before
    knob(app, "Pruning ratio").set_value(0.3).run()
    assert threshold(app).value == before


def test_a_threshold_beyond_the_highest_ratio_stops_there():
    app = open_page(arch="studentnet", prune="0.3")
    threshold(app).set_value(len(threshold(app).options) - 1).run()
    assert not app.exception and address(app)["prune"] == "0.95"


def test_where_each_layer_has_its_own_threshold_there_is_no_slider():
    app = open_page(arch="studentnet", prune="0.3", scope="layer")
    assert not app.exception
    assert not [slider for slider in app.main.select_slider if slider.label == "Threshold"]
    assert "Each layer has a threshold of its own" in html(app)
    assert (table(app)["Stay"] / table(app)["Channels"]).round(1).eq(0.7).all()


def test_the_training_can_be_chosen_at_its_figure():
    app = open_page(arch="studentnet", prune="0.4")
    app.main.button_group[0].set_value("sparse-0.15").run()
    assert not app.exception
    assert address(app)["weights"] == "sparse-0.15" and "λ = 0.15" in said(app)
    assert knob(app, "Trained").value == "sparse-0.15"


def test_edits_in_the_address_show():
    plain = open_page(arch="studentnet", prune="0.5")
    edited = open_page(arch="studentnet", prune="0.5", edits="0k1k2.6k3")
    assert not edited.exception and not edited.warning
    assert "Changed by hand: 3." in html(edited) and "Changed by hand" not in html(plain)
    more = table(edited)["Stay"] - table(plain)["Stay"]
    assert more.iloc[6] <= 1 and more.iloc[0] <= 2 and more.sum() > 0


def test_reset_takes_all_edits_back():
    app = open_page(arch="studentnet", prune="0.5", edits="0k1k2.6k3")
    assert [button.label for button in app.main.button] == ["Reset"]  # the edits came with the link: nothing to undo
    app.button(key="edits-reset").click().run()
    assert "edits" not in address(app) and "Changed by hand" not in html(app)
    app.button(key="edits-undo").click().run()
    assert address(app)["edits"] == "0k1k2.6k3"


@pytest.mark.parametrize("prune", ["0", "0.95"])
def test_a_layer_of_which_all_was_taken_keeps_its_best_channel(prune):
    app = open_page(arch="studentnet", prune=prune, edits="0" + "".join(f"c{channel}" for channel in range(16)))
    assert not app.exception
    assert table(app).loc[0, "Stay"] == 1 and table(app).loc[0, "Held at the floor"] >= 1


def test_another_network_takes_the_changes_by_hand_with_it():
    app = open_page(arch="studentnet", prune="0.5", edits="0k1")
    knob(app, "Architecture").set_value("squeezenet").run()
    assert not app.exception and not app.warning and "edits" not in address(app)


@pytest.mark.parametrize("view", ["criteria", "healing", "versus"])
def test_a_view_is_one_click_away_and_part_of_the_address(view):
    app = open_page(arch="studentnet", prune="0.4")
    bars = 'class="cc-bars"'
    assert bars not in html(app) and 'cc-comparison"' not in html(app)
    app.main.button_group[1].set_value(view).run()
    assert not app.exception and address(app)["view"] == view
    if view == "versus":
        assert len(app.get("plotly_chart")) == 3 and "Arithmetic minimum" in html(app)
    else:
        deadline = time.monotonic() + 60
        while "…" in bars_of(app) and time.monotonic() < deadline:  # fine-tuning goes on beside the page
            time.sleep(0.5)
            app.run()
        assert "…" not in bars_of(app) and not app.exception
        shown = len(cc.criteria()) if view == "criteria" else len(HEALINGS)
        assert bars_of(app).count('class="cc-name"') == shown


@pytest.mark.parametrize("view", ["criteria", "healing", "versus"])
def test_nothing_cut_is_nothing_to_compare(view):
    app = open_page(arch="studentnet", view=view)
    assert not app.exception and "Nothing is cut yet" in html(app)


def test_every_criterion_and_healing_is_measured(cache):
    app = open_page(arch="studentnet", prune="0.4", view="criteria")
    for name in cc.criteria():
        recipe = cc.Recipe(prune=0.4, criterion=name)
        accuracy = cc.measure(cc.compress(recipe, cache), timed=False).accuracy
        assert f"<b>{100 * accuracy:.1f} %</b>" in bars_of(app), name


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"view": "outside"}, "The view cannot be 'outside'. Allowed: closed, criteria, healing, versus."),
        ({"layer": "<b>"}, "The page cannot show layer '<b>'."),
        ({"matrix": "conv9"}, "The page cannot show matrix 'conv9'."),
        ({"prune": "7"}, "The pruning ratio cannot be 7."),
        ({"criterion": "beauty"}, "The criterion cannot be 'beauty'."),
        ({"edits": "0k"}, "The changes by hand cannot be '0k'."),
        ({"edits": "99k99.0c1"}, "Of the changes by hand, 1 is of a channel that StudentNet does not have here"),
        ({"edits": "<script>"}, "The changes by hand cannot be '<script>'."),
        ({"view": ["healing", "versus"]}, "The view stands in the address more than once"),
    ],
)
def test_rubbish_in_the_address_is_a_sentence(params, sentence):
    app = open_page(**({"arch": "studentnet", "prune": "0.3"} | params))
    assert not app.exception and said(app)
    assert sentence.lower() in warnings(app).lower()


def test_the_proof_is_a_small_number():
    badge = re.search(
        r"differ by at most (\d)·10(⁻\S+) on 4 images", html(open_page(arch="shufflenet_v2", prune="0.5"))
    )
    assert badge and badge[2] >= "⁻⁵"


def test_every_criterion_has_its_formula_and_its_paper():
    from ui.about.home import home as about
    from ui.about.home import pruning as about_pruning

    for name, criterion in CRITERIA.items():
        for text in (about.RANKINGS, about_pruning.CRITERIA):
            row = next(line for line in text.splitlines() if line.startswith(f"| {criterion.title} |"))
            assert len(row.split(" | ")[1]) > 5 and criterion.paper in row, name


def test_a_damaged_checkpoint_is_a_sentence(folder):
    truncate(folder, "0.50")
    app = open_page(arch="studentnet", width="0.5", prune="0.3")
    assert not app.exception and "Taken instead: width" in warnings(app)


def test_a_training_that_cannot_be_read_is_left_out_with_a_sentence(folder):
    (folder / "studentnet-1.00-digits-sparse-0.15.safetensors").write_bytes(b"no weights")
    app = open_page(arch="studentnet", prune="0.3")
    assert not app.exception and len(app.get("plotly_chart")) == 2
    assert "sparse-0.15" in warnings(app) and "λ = 0.15, threshold" not in str(app.get("plotly_chart")[1].proto)
