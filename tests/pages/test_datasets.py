"""The page of datasets, one's own images, and changing the dataset on every page."""

import threading
from functools import partial

import pytest

import compress_core as cc
from compress_core.data import cifar10
from compress_core.data.own import PREFIX
from compress_core.errors import DataError
from compress_core.studies import datasets
from tests.data.test_images import encoded, picture, zipped
from tests.helpers import pages
from ui.menu import PAGES

open_page = partial(pages.open_page, "pages/Datasets.py")


pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.label)
def test_the_dataset_is_changed_on_every_page(page):
    app = pages.open_page(page.path, arch="studentnet", width="0.5", prune="0.3", bits="4").fine()
    assert app.knob("Dataset").value == "digits"
    app.knob("Dataset").set_value("cifar10").run()
    assert app.fine().address["dataset"] == "cifar10" and app.address["prune"] == "0.3"
    if not app.knob("Pruning ratio").disabled:
        app.knob("Pruning ratio").set_value(0.5).run()
    assert app.fine().knob("Dataset").value == "cifar10"
    app.knob("Dataset").set_value("digits").run()
    assert "dataset" not in app.fine().address


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.label)
def test_every_page_opens_on_photographs(page):
    app = pages.open_page(page.path).fine()
    assert app.knob("Dataset").value == "cifar10" and app.address == {}


def test_a_training_that_the_other_dataset_lacks_becomes_the_plain_one():
    app = pages.open_page("app.py", weights="sparse-0.15", width="0.25").fine()
    app.knob("Dataset").set_value("cifar10").run()
    assert app.fine().address == {"arch": "studentnet", "dataset": "cifar10", "width": "0.25"}


def test_what_is_at_hand_is_counted():
    app = open_page(dataset="cifar10").fine()
    assert "1,000 to train on, 2,000 for whatever chooses, 2,000 for what is reported" in app.said
    assert "Krizhevsky" in app.explanations and app.has("Fetch the rest (170 MB)") and "airplane" in app.html
    digits = open_page(dataset="digits").fine()
    assert "handwritten digits" in digits.said.lower() and not digits.has("Fetch the rest (170 MB)")


def test_fetching_is_watched_stopped_and_begun_again(monkeypatch):
    go = threading.Event()

    def slowly(root):
        yield 0.25
        go.wait(60)
        yield 0.5

    monkeypatch.setattr(datasets, "download", slowly)
    app = open_page(dataset="cifar10")
    app.widget("Fetch the rest (170 MB)").click().run()
    app.come_back_until(lambda page: "25% fetched" in page.html)
    pages.open_page("app.py", dataset="cifar10").fine()  # elsewhere meanwhile
    app.widget("Stop").click().run()
    go.set()
    app.come_back_until(lambda page: page.has("Fetch the rest (170 MB)"))


def test_without_a_network_fetching_says_so(monkeypatch):
    def nobody(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(cifar10.urllib.request, "urlopen", nobody)
    app = open_page(dataset="cifar10")
    app.widget("Fetch the rest (170 MB)").click().run()
    app.come_back_until(lambda page: "cannot be fetched" in page.html)
    assert "no route to host" in app.fine().html


def add(app: pages.Page, content: bytes, called: str = "") -> pages.Page:
    app.file_uploader[0].upload("set.zip", content, "application/zip")
    (field,) = app.main.text_input
    field.set_value(called)
    app.widget("Add them").click().run()
    return app


def test_a_zip_of_ones_own_becomes_a_dataset(tmp_path):
    files = {f"{name}/{i}.png": encoded(picture()) for name in ("ant", "bee") for i in range(12)}
    content = zipped(tmp_path / "x.zip", files | {"ant/notes.png": b"", "bee/list.txt": b"-"}).read_bytes()
    app = add(open_page(dataset="cifar10"), content, "insects & <b>co</b>")
    assert not app.exception and app.address["dataset"] == "own-insects-b-co-b"
    assert "24 images of 2 classes were read" in app.success[0].value and "it is empty" in app.success[0].value
    assert "18 to train on" in app.said and "has been trained on it yet" in app.html
    assert "own-insects-b-co-b" in cc.datasets()
    home = pages.open_page("app.py", dataset="own-insects-b-co-b")
    assert not home.exception and "No studentnet has been trained on own-insects-b-co-b" in home.warnings


@pytest.mark.slow
def test_a_network_is_trained_on_ones_own_images_and_compressed_on_every_page(tmp_path):
    files = {f"{name}/{i}.png": encoded(picture()) for name in ("ant", "bee") for i in range(20)}
    add(open_page(dataset="digits"), zipped(tmp_path / "x.zip", files).read_bytes(), "insects")
    app = pages.open_page("pages/Distillation.py", dataset="own-insects", width="0.25").fine()
    assert "no network has been trained to teach" in app.said
    app = pages.open_page("pages/Distillation.py", dataset="own-insects", view="train", epochs="5").fine()
    assert "trained for 5 epochs by the labels" in app.html and not app.has("Temperature T")
    app.widget("Train it").click().run()
    app.come_back_until(lambda page: page.has("Train again"))
    assert len(app.charts) == 1 and "After epoch 5: labels alone" in app.html
    for page in PAGES:
        pages.open_page(page.path, dataset="own-insects", width="0.5", prune="0.3", bits="4").fine()


RUBBISH = {
    "no zip": (b"rubbish", "cannot be read as a zip"),
    "one class": ({"ant/1.png": encoded(picture())}, "only the class 'ant'"),
    "no images": ({"ant/list.txt": b"1, 2"}, "holds no images"),
    "few images": ({"ant/1.png": encoded(picture()), "bee/1.png": encoded(picture())}, "at least 10"),
    "paths that climb": ({"../../ant/1.png": encoded(picture())}, "only the class 'ant'"),
}


@pytest.mark.parametrize("what", RUBBISH)
def test_rubbish_is_a_sentence_and_nothing_is_lost(what, tmp_path):
    given, sentence = RUBBISH[what]
    content = given if isinstance(given, bytes) else zipped(tmp_path / "x.zip", given).read_bytes()
    app = add(open_page(dataset="cifar10"), content)
    app.complains(sentence)
    assert app.address in ({}, {"dataset": "cifar10"}) and not [n for n in cc.datasets() if n.startswith(PREFIX)]


def test_nothing_given_is_a_sentence():
    app = open_page(dataset="digits")
    app.widget("Add them").click().run()
    app.complains("there is no zip yet")


def test_a_damaged_error_is_no_traceback(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets, "read_images", lambda *_, **__: (_ for _ in ()).throw(DataError("It is odd.")))
    add(open_page(dataset="digits"), b"x").complains("it is odd")
