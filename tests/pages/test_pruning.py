"""The page of pruning: every network, links, edits, the threshold, its views."""

import re
from functools import partial

import pytest

import compress_core as cc
from compress_core.pipeline import exactness
from compress_core.registry import CRITERIA, HEALINGS
from compress_core.studies.accuracy import study_accuracy
from compress_core.text.numbers import percent
from compress_core.text.pruning import describe_exactness
from compress_core.zoo import architecture
from tests.helpers import pages
from tests.helpers.waiting import Held
from ui.engine import engine

open_page = partial(pages.open_page, "pages/Pruning.py", arch="studentnet")


def tiles(app: pages.Page):
    """The tiles as a table."""
    return app.dataframe[0].value


def accuracy(recipe: cc.Recipe) -> str:
    return percent(engine().ask(study_accuracy, recipe).value)


def bar_of(app: pages.Page, title: str) -> tuple[str, list[str]]:
    """What stands under the name of a bar, and what at its end."""
    for cell in app.bars.split('<div class="cc-name">')[1:]:
        name, note = re.match(r"(.*?)(?: ●)?(?:<span>(.*?)</span>)?</div>", cell).groups()
        if name == title:
            return note, pages.texts(cell.partition('<div class="cc-values">')[2].replace(" → ", ""))
    raise AssertionError(f"there is no bar of '{title}'")


@pytest.mark.parametrize("arch", cc.architectures())
def test_it_opens_for_every_network_and_what_is_cut_is_exact(arch):
    app = open_page(arch=arch, **pages.SMALL).fine()
    assert f"{architecture(arch).title} at width 0.25, " in app.said and "of 15 test images right" in app.said
    assert (
        len(app.charts) == 2
        and [one for one in app.main.get("bidi_component") if one.key == "tiles"]
        and "Nothing pruned yet" not in app.html
    )
    difference = exactness(cc.Recipe(arch=arch, width=0.25, prune=0.3), engine().networks)
    assert difference < 1e-5 and describe_exactness(difference, 4, cut_share=0.3) in app.html


@pytest.mark.slow
@pytest.mark.parametrize("prune", ["0", "0.95"])
@pytest.mark.parametrize("arch", cc.architectures())
def test_it_opens_for_every_network_at_both_ends_of_the_ratio(arch, prune):
    app = open_page(arch=arch, prune=prune).fine()
    assert ("Exact: masked and pruned" in app.html) == (prune != "0")


def test_the_numbers_are_those_of_the_recipe_and_the_bit_width_plays_no_part(begin_work):
    """First of a piece of the test images, then of all."""
    app = open_page(width="0.25", prune="0.4", bits="2").fine()
    built = cc.compress(cc.Recipe(width=0.25, prune=0.4), engine().networks)
    m, groups = cc.measure(built, timed=False), built.report.pruned.groups
    assert f"{m.params / 1000:.1f} k of 256 k parameters" in app.said
    assert "of 15 test images right" in app.said
    begin_work()
    app.come_back_until(lambda page: "of 90 test images right" in page.said)
    assert f"{percent(m.accuracy)} of 90 test images right" in app.said
    stay, all_ = sum(len(group.survivors) for group in groups), sum(len(group.scores) for group in groups)
    assert tiles(app)["Stay"].sum() == stay < all_ and f"{stay} of {all_} channels" in app.html


def test_the_address_holds_all_that_is_shown():
    app = open_page(width="0.25", prune="0.4")
    app.widget("Layer shown").set_value("cnn.3.3").run()
    app.widget("View").set_value("versus").run()
    app.fine().widget("Layer drawn").set_value("cnn.2.3").run()
    assert "channels of Block 3 stay" in app.html and app.charts[2].alt.startswith("Block 2: ")
    link = {"width": "0.25", "prune": "0.4", "layer": "cnn.3.3", "view": "versus", "matrix": "cnn.2.3"}
    assert app.address == {"arch": "studentnet"} | link and open_page(**link).fine().html == app.html


def test_the_threshold_sets_the_ratio_to_the_share_below_it_and_follows_it():
    app = open_page(prune="0.3")
    before = app.widget("Threshold").value
    app.widget("Threshold").set_value(before + 5).run()
    prune, limit = float(app.fine().address["prune"]), float(app.widget("Threshold").options[before + 5])
    images = cc.dataset("digits").calibration(512, 0)
    pruned = cc.prune_channels(cc.load("studentnet"), images[:1], ratio=0.5, criterion="obs", images=images)
    scores = [score for group in pruned.groups for score in group.scores.tolist()]
    assert prune == pytest.approx(sum(score < limit for score in scores) / len(scores), abs=0.0006)
    assert prune > 0.3 and app.widget("Threshold").value == before + 5
    assert app.knob("Pruning ratio").value == prune  # the sidebar's knob follows
    assert f"{100 * prune:.3g} % of its channels cut" in app.said
    app.knob("Pruning ratio").set_value(0.3).run()
    assert app.fine().widget("Threshold").value == before  # and the other way round
    app.widget("Threshold").set_value(len(app.widget("Threshold").options) - 1).run()
    assert app.fine().address["prune"] == "0.95"  # beyond the highest ratio it stops there


def test_where_each_layer_has_its_own_threshold_there_is_no_slider():
    app = open_page(prune="0.3", scope="layer").fine()
    assert not app.has("Threshold") and "Each layer has a threshold of its own" in app.html
    assert (tiles(app)["Stay"] / tiles(app)["Channels"]).round(1).eq(0.7).all()


def test_the_training_can_be_chosen_at_its_figure():
    app = open_page(prune="0.3")
    assert re.findall(r"λ = [\d.]+", app.charts[1].alt) == ["λ = 0", "λ = 0.1", "λ = 0.15"]
    app.widget("Training").set_value("sparse-0.15").run()
    assert app.fine().address["weights"] == "sparse-0.15" and "λ = 0.15" in app.said
    assert app.knob("Training").value == "sparse-0.15"


def test_changes_by_hand_show_and_are_taken_back_and_brought_again():
    recipe = {"width": "0.25", "prune": "0.5", "criterion": "bn_scale"}
    plain, app = open_page(**recipe).fine(), open_page(**recipe, edits="0k1k2.6k3").fine()
    more = tiles(app)["Stay"] - tiles(plain)["Stay"]
    assert more.loc[[0, 6]].sum() == more.sum() > 0 and more[0] <= 2 and more[6] <= 1
    assert "Changed by hand: 3." in app.html and "Changed by hand" not in plain.html
    assert app.has("Reset") and not app.has("Undo")  # the edits came with the link: nothing to undo
    app.widget("Reset").click().run()
    assert "edits" not in app.fine().address and "Changed by hand" not in app.html and app.said == plain.said
    app.widget("Undo").click().run()
    assert app.fine().address["edits"] == "0k1k2.6k3" and not app.has("Undo")
    app.knob("Architecture").set_value("squeezenet").run()
    assert "edits" not in app.fine().address  # they were said of other channels


@pytest.mark.parametrize("prune", ["0", "0.95"])
def test_a_layer_of_which_all_was_taken_keeps_its_best_channel(prune):
    app = open_page(prune=prune, edits="0" + "".join(f"c{channel}" for channel in range(16))).fine()
    assert tiles(app).loc[0, "Stay"] == 1 and tiles(app).loc[0, "At floor"] >= 1


def test_where_nothing_is_cut_there_is_nothing_to_prove_or_to_compare():
    app = open_page().fine()
    assert "Nothing pruned yet" in app.html and "Raise the pruning ratio to cut channels" in app.said
    for view in ("criteria", "healing", "versus"):
        assert not app.has("Layer drawn") and 'class="cc-bars"' not in app.html
        app.widget("View").set_value(view).run()
        assert "Nothing is cut yet" in app.fine().html and app.address["view"] == view


def test_every_criterion_is_measured():
    app = open_page(width="0.25", prune="0.4")
    app.widget("View").set_value("criteria").run()
    assert app.fine().address["view"] == "criteria" and app.bars.count('class="cc-name"') == len(CRITERIA)
    for name in ("l1", "taylor", "random"):  # these know weights, gradients, nothing
        recipe = cc.Recipe(width=0.25, prune=0.4, criterion=name)
        assert bar_of(app, CRITERIA[name].title)[1] == [accuracy(recipe.with_(heal="none")), accuracy(recipe)]


def test_every_healing_is_measured_and_training_goes_on_in_the_background():
    held = Held()
    engine().background.submit(held, held)
    app = open_page(width="0.25", prune="0.4", view="healing").fine()
    slow = [entry.title for entry in HEALINGS.values() if entry.slow]
    assert slow and "Training goes on in the background." in app.html
    assert all(bar_of(app, title) == ("training …", ["…"]) for title in slow)
    held.go.set()
    app.come_back_until(lambda app: "…" not in app.bars)
    assert app.bars.count('class="cc-name"') == len(HEALINGS) and "in the background" not in app.html
    for name, entry in HEALINGS.items():
        texts = bar_of(app, entry.title)[1]
        assert "%" in texts[0] if entry.slow else texts == [accuracy(cc.Recipe(width=0.25, prune=0.4, heal=name))]


def test_weights_and_channels_are_held_together():
    app = open_page(width="0.25", prune="0.4")
    app.widget("View").set_value("versus").run()
    assert app.fine().address["view"] == "versus" and len(app.charts) == 3
    columns, *rows = app.rows
    params, right = rows[:2]
    assert columns == ["Original", "Holes", "Smaller"] and params[2] == params[3] != params[1]  # after the row's name
    recipe = cc.Recipe(width=0.25, prune=0.4, heal="recalibrate")
    assert right[1] == accuracy(recipe.with_(prune=0.0)) and right[3] == accuracy(recipe)


def test_rubbish_in_the_address_is_a_sentence():
    rubbish = {"view": "outside", "layer": "<b>", "matrix": "conv9", "criterion": "beauty", "edits": "0k"}
    app = open_page(**rubbish, width="0.25", prune="7").complains(
        "The view cannot be 'outside'. Allowed: closed, criteria, healing, versus.",
        "The page cannot show layer '<b>'.",
        "The page cannot show matrix 'conv9'.",
        "The pruning ratio cannot be 7.",
        "The criterion cannot be 'beauty'.",
        "The changes by hand cannot be '0k'.",
    )
    assert "StudentNet at width 0.25, 9" in app.said
    app = open_page(view=["versus", "criteria"], edits="99k99.0c1", width="0.25", prune="0.3").complains(
        "The view stands in the address more than once",
        "Of the changes by hand, 1 is of a channel that StudentNet does not have here",
    )
    assert len(app.charts) == 3 and "Changed by hand" in app.html
