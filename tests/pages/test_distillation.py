"""The page of distillation: temperature, with and without a teacher, and training a student while one looks."""

from functools import partial

import pytest

from compress_core.registry import LOSSES, TRAININGS
from compress_core.training.checkpoints import OWN
from compress_core.training.losses import Loss
from tests.helpers import pages

open_page = partial(pages.open_page, "pages/Distillation.py")


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    """What is trained here is kept apart, and forgotten."""
    monkeypatch.setenv("COMPRESS_CORE_CACHE", str(tmp_path))
    yield tmp_path
    for name in [name for name in TRAININGS if name.startswith(OWN)]:
        del TRAININGS[name]


def test_a_warmer_answer_says_more_and_the_address_brings_it_back():
    app = open_page(width="0.25").fine()
    cold = app.widget("Temperature T").set_value(1).run().fine().said
    warm = app.widget("Temperature T").set_value(20).run().fine().said
    assert "At T = 1 " in cold and "At T = 20" in warm and app.address["t"] == "20"
    bits = [float(said.split(" bits")[0].split()[-1]) for said in (cold, warm)]
    assert bits[0] < bits[1] <= 3.33
    other = app.widget("Image, the least sure first").set_value(9).run().fine().said
    standardized = app.widget("Form of the logits").set_value("standardized").run().fine()
    assert other != warm and "Standardized" in standardized.html
    assert open_page(**app.address).said == standardized.said


def test_students_are_compared_with_their_teacher():
    app = open_page(width="0.25", view="students").fine()
    assert "StudentNet of width 0.25" in app.said and "of 15 test images" in app.said and len(app.charts) == 2
    assert "Expected calibration error" in app.html
    other = open_page(width="0.25", arch="shufflenet_v2", view="students").fine()
    assert other.said != app.said


def test_a_run_is_trained_watched_kept_and_taken_into_every_page(own_folder, begin_work):
    address = {"width": "0.1", "view": "train", "epochs": "5", "t": "2", "alpha": "0.7"}
    app = open_page(**address).fine()
    assert "trained twice for 5 epochs" in app.html and not app.has("Stop")
    app.widget("Train both").click().run()
    app.come_back_until(lambda page: page.has("Train again"))
    assert "With" not in app.said and "points on" in app.said and len(app.charts) == 3
    app.widget("Compress the taught one").click().run()
    weights = app.fine().address["weights"]
    assert weights.startswith(OWN) and weights.endswith("-taught")
    home = pages.open_page("app.py", weights=weights, width="0.1", prune="0.2").fine()
    assert "trained here" in home.said
    begin_work()
    students = open_page(width="0.1", weights=weights, view="students").fine()
    students.come_back_until(lambda page: page.said == app.said)  # first of a piece of the test images


@pytest.mark.slow
def test_a_run_is_stopped_and_goes_on_and_a_second_one_waits(own_folder):
    address = {"width": "0.1", "view": "train", "epochs": "40"}
    app = open_page(**address)
    app.widget("Train both").click().run()
    app.come_back_until(lambda page: "Epoch 2 of 40" in page.html or "Epoch 3 of 40" in page.html)
    second = open_page(**address | {"epochs": "10"})
    second.widget("Train both").click().run()
    assert "Waits: 1 training before it" in second.html
    second.widget("Stop").click().run()
    open_page(view="dark").fine()  # elsewhere meanwhile
    back = open_page(**address).fine()
    assert back.has("Stop") and "images/s" in back.html
    back.widget("Stop").click().run()
    back.come_back_until(lambda page: page.has("Train both"))
    back.widget("Train both").click().run()
    back.come_back_until(lambda page: "images/s" in page.html)
    assert "Epoch 1 of" not in back.html
    back.widget("Stop").click().run()
    back.come_back_until(lambda page: page.has("Train both"))


@pytest.mark.slow
def test_a_new_loss_is_one_function_and_one_line(own_folder):
    def signs(logits, wanted, temperature):
        return (logits.sign() - wanted.sign()).square().mean() + logits.square().mean()

    LOSSES.register(signs=Loss(title="Signs", of=signs))
    try:
        app = open_page(width="0.1", view="train", epochs="5", loss="signs").fine()
        assert "0.9 × Signs" in app.html and "Signs" in app.explanations
        app.widget("Train both").click().run()
        app.come_back_until(lambda page: page.has("Train again"))
    finally:
        del LOSSES["signs"]
    open_page(width="0.1", view="train", loss="signs").complains("cannot be 'signs'")


def test_bad_addresses_are_sentences():
    app = open_page(view="heat", t="5000", alpha="x", epochs="7").complains("cannot be 'heat'", "cannot be '5000'")
    assert app.widget("Temperature T").value == 40
