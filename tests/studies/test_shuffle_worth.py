"""The trainings with and without the shuffle: which they are, and what the written table says."""

import pytest

import compress_core as cc
from compress_core.studies.shuffle_worth import TABLE_3, load_worth, networks
from compress_core.training.checkpoints import FOLDER, read_metadata


def test_there_is_one_of_each_kind_and_seed_0_is_shipped():
    found = networks()
    assert len({(job.width, groups, shuffle) for groups, shuffle, job in found}) == len(found) == 2 * len(TABLE_3)
    for _, _, job in found:
        assert job.path(FOLDER).is_file()


def test_the_table_holds_every_network_by_every_seed_and_seed_0_is_what_the_checkpoints_say():
    runs = load_worth()
    assert not runs.duplicated(["width", "groups", "shuffle", "seed"]).any()
    assert len(runs) == 2 * len(TABLE_3) * runs["seed"].nunique() and runs["seed"].nunique() >= 3
    for groups, shuffle, job in networks():
        rows = runs[(runs["width"] == job.width) & (runs["groups"] == groups) & (runs["shuffle"] == shuffle)]
        own = rows[rows["seed"] == 0].iloc[0]
        assert own["accuracy"] == float(read_metadata(job.path(FOLDER))["test_accuracy"])


def test_a_variant_that_was_not_trained_is_a_sentence():
    with pytest.raises(cc.CheckpointError, match="shuffle=False"):
        cc.load("shufflenet_v1", 0.75, shuffle=False)
