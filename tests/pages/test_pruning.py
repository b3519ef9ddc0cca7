"""The page of pruning: every network, links, edits, the threshold, its views."""

import re

import pytest
from streamlit.testing.v1 import AppTest

import compress_core as cc
from compress_core.registry import CRITERIA, HEALINGS
from compress_core.studies.accuracy import study_accuracy
from compress_core.text.numbers import percent
from compress_core.zoo import architecture
from tests.helpers import pages
from tests.helpers.pages import (
    SMALL,
    address,
    bars,
    charts,
    come_back_until,
    fine,
    has,
    html,
    knob,
    said,
    table_rows,
    warnings,
    widget,
)
from tests.helpers.waiting import Held
from ui.engine import engine

EXPONENTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def open_page(arch: str = "studentnet", **params: str | list[str]) -> AppTest:
    return pages.open_page("pages/Pruning.py", arch=arch, **params)


def tiles(app: AppTest):
    """The tiles as a table."""
    return app.dataframe[0].value


def accuracy(recipe: cc.Recipe) -> str:
    return percent(study_accuracy(recipe, engine().networks).value)


def bar_of(app: AppTest, title: str) -> tuple[str, list[str]]:
    """What stands under the name of a bar, and what at its end."""
    for cell in bars(app).split('<div class="cc-name">')[1:]:
        name, note = re.match(r"(.*?)(?: ●)?(?:<span>(.*?)</span>)?</div>", cell).groups()
        if name == title:
            texts = re.split(r"<[^>]+>| → ", cell.partition('<div class="cc-values">')[2])
            return note, [text for text in texts if text]
    raise AssertionError(f"there is no bar of '{title}'")


@pytest.mark.parametrize("arch", cc.architectures())
def test_it_opens_for_every_network_and_what_is_cut_is_exact(arch):
    app = fine(open_page(arch, **SMALL))
    assert f"{architecture(arch).title} at width 0.25, " in said(app) and "of 180 test images right" in said(app)
    assert len(charts(app)) == 2 and len(app.get("bidi_component")) == 1 and "nothing to prove" not in html(app)
    proof = re.search(r"Exact: masked and pruned (agree to|differ by at most \d·10(⁻\S+)) .*on 4 images", html(app))
    assert proof and (proof[1] == "agree to" or int(proof[2].translate(EXPONENTS)) <= -5)


@pytest.mark.slow
@pytest.mark.parametrize("prune", ["0", "0.95"])
@pytest.mark.parametrize("arch", cc.architectures())
def test_it_opens_for_every_network_at_both_ends_of_the_ratio(arch, prune):
    app = fine(open_page(arch, prune=prune))
    assert ("Exact: masked and pruned" in html(app)) == (prune != "0")


def test_the_numbers_are_those_of_the_recipe_and_the_bit_width_plays_no_part():
    app = fine(open_page(width="0.25", prune="0.4", bits="2"))
    built = cc.compress(cc.Recipe(width=0.25, prune=0.4), engine().networks)
    m, groups = cc.measure(built, timed=False), built.report.pruned.groups
    assert f"{m.params / 1000:.1f} k of 256 k parameters" in said(app)
    assert f"{percent(m.accuracy)} of 180 test images right" in said(app)
    stay, all_ = sum(len(group.survivors) for group in groups), sum(len(group.scores) for group in groups)
    assert tiles(app)["Stay"].sum() == stay < all_ and f"{stay} of {all_} channels" in html(app)


def test_the_address_holds_all_that_is_shown():
    app = open_page(width="0.25", prune="0.4")
    widget(app, "Layer shown").set_value("cnn.3.3").run()
    widget(app, "View").set_value("versus").run()
    widget(fine(app), "Layer drawn").set_value("cnn.2.3").run()
    assert "channels of Block 3 stay" in html(app) and charts(app)[2].alt.startswith("Block 2: ")
    link = {"width": "0.25", "prune": "0.4", "layer": "cnn.3.3", "view": "versus", "matrix": "cnn.2.3"}
    assert address(app) == {"arch": "studentnet"} | link and html(fine(open_page(**link))) == html(app)


def test_the_threshold_sets_the_ratio_to_the_share_below_it_and_follows_it():
    app = open_page(prune="0.3")
    before = widget(app, "Threshold").value
    widget(app, "Threshold").set_value(before + 5).run()
    prune, limit = float(address(fine(app))["prune"]), float(widget(app, "Threshold").options[before + 5])
    pruned = cc.prune_channels(cc.load("studentnet", width=1.0), cc.dataset("digits").test()[0][:1], ratio=0.5)
    scores = [score for group in pruned.groups for score in group.scores.tolist()]
    assert prune == pytest.approx(sum(score < limit for score in scores) / len(scores), abs=0.0006)
    assert prune > 0.3 and widget(app, "Threshold").value == before + 5
    assert knob(app, "Pruning ratio").value == prune  # the sidebar's knob follows
    assert f"{100 * prune:.3g} % of its channels cut" in said(app)
    knob(app, "Pruning ratio").set_value(0.3).run()
    assert widget(fine(app), "Threshold").value == before  # and the other way round
    widget(app, "Threshold").set_value(len(widget(app, "Threshold").options) - 1).run()
    assert address(fine(app))["prune"] == "0.95"  # beyond the highest ratio it stops there


def test_where_each_layer_has_its_own_threshold_there_is_no_slider():
    app = fine(open_page(prune="0.3", scope="layer"))
    assert not has(app, "Threshold") and "Each layer has a threshold of its own" in html(app)
    assert (tiles(app)["Stay"] / tiles(app)["Channels"]).round(1).eq(0.7).all()


def test_the_training_can_be_chosen_at_its_figure():
    app = open_page(prune="0.3")
    assert re.findall(r"λ = [\d.]+", charts(app)[1].alt) == ["λ = 0", "λ = 0.1", "λ = 0.15"]
    widget(app, "Trained").set_value("sparse-0.15").run()
    assert address(fine(app))["weights"] == "sparse-0.15" and "λ = 0.15" in said(app)
    assert knob(app, "Trained").value == "sparse-0.15"


def test_changes_by_hand_show_and_are_taken_back_and_brought_again():
    plain, app = (
        fine(open_page(width="0.25", prune="0.5")),
        fine(open_page(width="0.25", prune="0.5", edits="0k1k2.6k3")),
    )
    more = tiles(app)["Stay"] - tiles(plain)["Stay"]
    assert more.loc[[0, 6]].sum() == more.sum() > 0 and more[0] <= 2 and more[6] <= 1
    assert "Changed by hand: 3." in html(app) and "Changed by hand" not in html(plain)
    assert has(app, "Reset") and not has(app, "Undo")  # the edits came with the link: nothing to undo
    widget(app, "Reset").click().run()
    assert "edits" not in address(fine(app)) and "Changed by hand" not in html(app) and said(app) == said(plain)
    widget(app, "Undo").click().run()
    assert address(fine(app))["edits"] == "0k1k2.6k3" and not has(app, "Undo")
    knob(app, "Architecture").set_value("squeezenet").run()
    assert "edits" not in address(fine(app))  # they were said of other channels


@pytest.mark.parametrize("prune", ["0", "0.95"])
def test_a_layer_of_which_all_was_taken_keeps_its_best_channel(prune):
    app = fine(open_page(prune=prune, edits="0" + "".join(f"c{channel}" for channel in range(16))))
    assert tiles(app).loc[0, "Stay"] == 1 and tiles(app).loc[0, "Held at the floor"] >= 1


def test_where_nothing_is_cut_there_is_nothing_to_prove_or_to_compare():
    app = fine(open_page())
    assert "nothing to prove" in html(app) and "Raise the pruning ratio to cut channels" in said(app)
    for view in ("criteria", "healing", "versus"):
        assert not has(app, "Layer drawn") and 'class="cc-bars"' not in html(app)
        widget(app, "View").set_value(view).run()
        assert "Nothing is cut yet" in html(fine(app)) and address(app)["view"] == view


def test_every_criterion_is_measured():
    app = open_page(width="0.25", prune="0.4")
    widget(app, "View").set_value("criteria").run()
    assert address(fine(app))["view"] == "criteria" and bars(app).count('class="cc-name"') == len(CRITERIA)
    for name in ("l1", "taylor", "random"):  # these know weights, gradients, nothing
        recipe = cc.Recipe(width=0.25, prune=0.4, criterion=name)
        assert bar_of(app, CRITERIA[name].title)[1] == [accuracy(recipe.with_(heal="none")), accuracy(recipe)]


def test_every_healing_is_measured_and_training_goes_on_in_the_background():
    held = Held()
    engine().background.submit("held", held)
    app = fine(open_page(width="0.25", prune="0.4", view="healing"))
    slow = [entry.title for entry in HEALINGS.values() if entry.slow]
    assert slow and "Training goes on in the background." in html(app)
    assert all(bar_of(app, title) == ("training …", ["…"]) for title in slow)
    held.go.set()
    come_back_until(app, lambda app: "…" not in bars(app))
    assert bars(app).count('class="cc-name"') == len(HEALINGS) and "in the background" not in html(app)
    for name, entry in HEALINGS.items():
        texts = bar_of(app, entry.title)[1]
        assert "%" in texts[0] if entry.slow else texts == [accuracy(cc.Recipe(width=0.25, prune=0.4, heal=name))]


def test_weights_and_channels_are_held_together():
    app = open_page(width="0.25", prune="0.4")
    widget(app, "View").set_value("versus").run()
    assert address(fine(app))["view"] == "versus" and len(charts(app)) == 3
    columns, *rows = table_rows(app)
    params, right = rows[:2]
    assert columns == ["Original", "Holes", "Smaller"] and params[2] == params[3] != params[1]  # after the row's name
    recipe = cc.Recipe(width=0.25, prune=0.4)
    assert right[1] == accuracy(recipe.with_(prune=0.0)) and right[3] == accuracy(recipe)


@pytest.mark.parametrize(
    ("params", "sentences"),
    [
        (
            {"view": "outside", "layer": "<b>", "matrix": "conv9", "prune": "7", "criterion": "beauty", "edits": "0k"},
            [
                "The view cannot be 'outside'. Allowed: closed, criteria, healing, versus.",
                "The page cannot show layer '<b>'.",
                "The page cannot show matrix 'conv9'.",
                "The pruning ratio cannot be 7.",
                "The criterion cannot be 'beauty'.",
                "The changes by hand cannot be '0k'.",
            ],
        ),
        (
            {"view": ["versus", "criteria"], "edits": "99k99.0c1", "prune": "0.3"},
            [
                "The view stands in the address more than once",
                "Of the changes by hand, 1 is of a channel that StudentNet does not have here",
            ],
        ),
    ],
)
def test_rubbish_in_the_address_is_a_sentence(params, sentences):
    app = open_page(width="0.25", **params)
    assert not app.exception and "StudentNet at width 0.25, " in said(app)
    assert [one for one in sentences if one.lower() not in warnings(app).lower()] == []
