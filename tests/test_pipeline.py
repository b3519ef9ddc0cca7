"""Stages: which of them run, and what comes out."""

import copy
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import compress_core as cc
from compress_core.layers.modules import RaggedConv2d
from compress_core.pipeline import CALIBRATION_IMAGES, CALIBRATION_SEED, width_origin
from compress_core.training import checkpoints
from tests.helpers.marks import sampled


def test_another_bit_width_neither_loads_nor_cuts_nor_heals_again():
    cache = cc.StageCache()
    for bits in (32, 8, 4, 2):
        cc.compress(cc.Recipe(width=0.5, prune=0.4, bits=bits), cache)
    assert dict(cache.runs) == {
        "load": 1,
        "couple": 1,
        "score": 1,
        "prune": 1,
        "calibration": 3,
        "statistics": 1,
        "heal": 1,
        "calibrate": 1,
        "quantize": 3,
    }


def test_another_ratio_cuts_again_but_loads_once():
    cache = cc.StageCache()
    for prune in (0.2, 0.4, 0.6):
        cc.compress(cc.Recipe(prune=prune, bits=4), cache)
    assert (
        cache.runs["load"] == cache.runs["score"] == 1
        and cache.runs["prune"] == cache.runs["heal"] == cache.runs["quantize"] == 3
    )


def test_choices_that_make_no_difference_run_nothing():
    cache = cc.StageCache()
    cc.compress(cc.Recipe(), cache)
    runs = dict(cache.runs)
    cc.compress(cc.Recipe(heal="none", scope="layer", scheme="per_tensor"), cache)
    assert dict(cache.runs) == runs and "heal" not in runs


def test_the_cache_forgets_what_was_used_longest_ago():
    cache = cc.StageCache(2)
    for key in "abac":
        cache.get("letter", key, lambda key=key: key.upper())
    cache.get("other stage", "z", lambda: "of its own")
    assert len(cache) == 3 and cache.runs["letter"] == 3
    assert cache.get("letter", "a", lambda: "computed again") == "A"
    assert cache.get("letter", "b", lambda: "computed again") == "computed again"


def test_what_is_large_has_a_limit_of_its_own():
    cache = cc.StageCache(3, {"large": 1})
    for key in "ab":
        cache.get("large", key, str)
        cache.get("small", key, str)
    assert [cache.known(stage, "a") for stage in ("large", "small")] == [None, ""]


def test_threads_that_ask_for_the_same_wait_for_one_of_them():
    cache, started = cc.StageCache(), threading.Barrier(6)

    def compute() -> object:
        time.sleep(0.05)
        return object()

    def ask() -> object:
        started.wait()
        return cache.get("stage", "key", compute)

    with ThreadPoolExecutor(6) as pool:
        results = [future.result() for future in [pool.submit(ask) for _ in range(6)]]
    assert len({id(result) for result in results}) == 1 and cache.runs["stage"] == 1


def test_a_stage_that_fails_is_asked_again():
    cache = cc.StageCache()
    with pytest.raises(ZeroDivisionError):
        cache.get("stage", "key", lambda: 1 / 0)
    assert cache.get("stage", "key", lambda: "fine") == "fine"


def test_no_stage_changes_what_it_was_given(cache):
    original = cc.compress(cc.Recipe(), cache)
    before = copy.deepcopy(original.model.state_dict())
    for recipe in (cc.Recipe(prune=0.5), cc.Recipe(bits=2), cc.Recipe(prune=0.8, bits=1), cc.Recipe(width=0.9)):
        cc.measure(cc.compress(recipe, cache), original, cache)
    assert all(torch.equal(before[name], tensor) for name, tensor in original.model.state_dict().items())


@pytest.mark.parametrize(("width", "origin"), [(1.0, "trained"), (0.5, "trained"), (0.6, "cut from 0.75")])
def test_a_width_says_where_it_comes_from(width, origin, cache):
    recipe = cc.Recipe(width=width)
    assert width_origin(recipe) == cc.compress(recipe, cache).report.base.origin == origin


@pytest.mark.parametrize("width", [0.1, 0.35, 0.6, 0.95])
def test_a_slimmed_width_has_the_shapes_of_that_width(width, cache):
    model = cc.compress(cc.Recipe(width=width), cache).model
    built = cc.build("studentnet", width)
    assert {k: t.shape for k, t in model.state_dict().items()} == {k: t.shape for k, t in built.state_dict().items()}


def test_groups_kept_alike_stay_one_convolution(cache):
    recipe = cc.Recipe(arch="shufflenet_v1", prune=0.5)
    ragged, whole = (cc.compress(recipe.with_(balance=balance), cache).model for balance in ("off", "on"))
    assert any(isinstance(layer, RaggedConv2d) for layer in ragged.modules())
    assert not any(isinstance(layer, RaggedConv2d) for layer in whole.modules())


def test_the_report_says_who_was_held_at_the_floor(cache):
    report = cc.compress(cc.Recipe(prune=0.95), cache).report
    smallest = {g.name: len(g.survivors) for g in report.pruned.groups}
    assert report.pruned.kept_by_floor == [name for name, left in smallest.items() if left == 1] != []


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The shipped checkpoints in a folder where they may be damaged."""
    shutil.copytree(checkpoints.FOLDER, tmp_path / "checkpoints")
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


def test_a_truncated_checkpoint_is_a_sentence(folder):
    file = folder / "studentnet-0.50-digits-plain.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(cc.CheckpointError, match=r"'studentnet-0.50-digits-plain.safetensors' cannot be read"):
        cc.compress(cc.Recipe(width=0.5))
    assert cc.compress(cc.Recipe(width=0.75)).report.base.origin == "trained"


def test_no_checkpoint_is_a_sentence(folder):
    for file in folder.glob("*-1.00-*"):
        file.unlink()
    with pytest.raises(cc.CheckpointError, match=r"at least 0.9 wide.*Trained widths: 0.25, 0.5, 0.75"):
        cc.compress(cc.Recipe(width=0.9))
    with pytest.raises(cc.CheckpointError, match=r"There is no trained studentnet of width 1 for digits"):
        cc.load("studentnet", 1.0)


def test_a_checkpoint_of_another_network_is_a_sentence(folder):
    shutil.copy(
        folder / "studentnet-0.25-digits-plain.safetensors", folder / "studentnet-1.00-digits-plain.safetensors"
    )
    with pytest.raises(cc.CheckpointError, match="does not fit this network"):
        cc.load("studentnet", 1.0)


def test_a_checkpoint_with_nan_is_a_sentence(folder):
    model = cc.load("studentnet", 0.25)
    model.fc[0].weight.data[0, 0] = float("nan")
    checkpoints.save_checkpoint(model, folder / "studentnet-0.25-digits-plain.safetensors", {})
    with pytest.raises(cc.CheckpointError, match=r"not numbers, in 'fc.0.weight'"):
        cc.load("studentnet", 0.25)


@pytest.mark.parametrize("heal", sampled(cc.healings(), lambda heal: heal != "finetune"))
def test_each_healing_is_the_librarys(heal):
    """A recipe gives the very weights that its steps give, called one by one."""
    data, model = cc.dataset("digits"), cc.load("studentnet", 0.25)
    images = data.calibration(CALIBRATION_IMAGES, CALIBRATION_SEED)
    pruned = cc.prune_channels(model, torch.zeros(1, 1, 32, 32), ratio=0.4, criterion="obs", images=images)
    few = data.calibration(256, CALIBRATION_SEED)
    by_hand = {
        "none": lambda: pruned.model,
        "absorb": lambda: cc.absorb(pruned, model, images),
        "recalibrate": lambda: cc.recalibrate(pruned.model, few),
        "compensate": lambda: cc.compensate(pruned, model, images),
        "reconstruct": lambda: cc.reconstruct(pruned, model, few),
        "finetune": lambda: cc.finetune(cc.reconstruct(pruned, model, few), data, 2, teacher=model),
    }[heal]().state_dict()
    given = cc.compress(cc.Recipe(width=0.25, prune=0.4, heal=heal)).model.state_dict()
    assert all(torch.equal(tensor, given[name]) for name, tensor in by_hand.items())
