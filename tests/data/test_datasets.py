"""The contract of every dataset, and what is particular to the digits."""

import numpy as np
import pytest
import torch

import compress_core as cc
from compress_core.data.warps import WarpRange, warp


@pytest.mark.parametrize("name", cc.datasets())
class TestEveryDataset:
    def test_images_are_ready_for_a_network(self, name):
        data = cc.dataset(name)
        for images, labels in (data.test(), data.validation(), next(data.batches(32))[:2]):
            assert images.dtype == torch.float32 and labels.dtype == torch.int64
            assert tuple(images.shape[1:]) == data.input_shape and len(images) == len(labels)
            assert set(labels.tolist()) <= set(range(len(data.classes)))

    def test_is_normalised(self, name):
        data = cc.dataset(name)
        images = torch.cat([batch.images for batch in data.batches(256)])
        assert images.mean().abs() < 0.1 and abs(images.std() - 1) < 0.1

    def test_everything_random_takes_a_seed(self, name):
        data = cc.dataset(name)
        assert torch.equal(data.calibration(50, seed=3), data.calibration(50, seed=3))
        assert not torch.equal(data.calibration(50, seed=3), data.calibration(50, seed=4))
        first, again, other = (next(data.batches(16, seed)) for seed in (1, 1, 2))
        assert torch.equal(first[0], again[0]) and not torch.equal(first[0], other[0])

    def test_pictures_undo_the_normalisation(self, name):
        data = cc.dataset(name)
        images = data.test()[0][:20]
        pictures = data.pictures(images)
        assert pictures.dtype == np.uint8 and pictures.shape == (20, *data.input_shape[1:], data.input_shape[0])
        values = images.permute(0, 2, 3, 1) * torch.tensor(data.std) + torch.tensor(data.mean)
        expected = values.clamp(0, 1).numpy() * 255
        assert np.abs(pictures - expected).max() <= 0.51

    def test_labelled_images_come_from_the_training(self, name):
        data = cc.dataset(name)
        images, labels = data.labelled(64, seed=1)
        assert len(images) == len(labels) == 64 and torch.equal(images, data.labelled(64, seed=1)[0])
        held_out = torch.cat([data.test(whole=True)[0], data.validation()[0]]).flatten(1)
        assert not (torch.cdist(images.flatten(1), held_out) < 1e-3).any()

    def test_a_part_of_the_test_comes_first(self, name):
        data = cc.dataset(name)
        (live, labels), (whole, _) = data.test(), data.test(whole=True)
        assert torch.equal(live, whole[: len(live)]) and len(data.test_sources()) == len(labels)
        assert len(data.test_sources(whole=True)) == len(whole)
        assert all(len(own) == len(data.classes) for own in data.counts().values())

    def test_a_calibration_set_may_be_larger_than_the_training_set(self, name):
        assert len(cc.dataset(name).calibration(3000)) == 3000


def test_an_unknown_dataset_is_a_sentence():
    with pytest.raises(ValueError, match="There is no dataset 'mnist'"):
        cc.dataset("mnist")


def test_digits_are_the_1797_of_scikit_learn():
    """Class counts as scikit-learn's documentation lists them; a digit stands in one part only."""
    parts = cc.dataset("digits")._parts
    labels = torch.cat([labels for _, labels in parts.values()])
    assert labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    everything = torch.cat([images.flatten(1) for images, _ in parts.values()])
    assert len(everything) == 1797 and len(everything.unique(dim=0)) == 1797


def test_digits_are_split_in_strata_and_warped():
    data = cc.dataset("digits")
    images, labels = data.test()
    assert len(images) == 2160 and labels.bincount().tolist() == [216] * 10
    assert data.validation()[1].bincount().tolist() == [108] * 10
    sources = data.test_sources()
    assert sources.bincount().tolist() == [6] * 360
    for source in (0, 100, 359):
        own = images[sources == source]
        assert len(labels[sources == source].unique()) == 1
        assert len(own.flatten(1).unique(dim=0)) == 6


def test_the_test_set_is_the_same_in_every_process():
    """Two numbers of it, noted when the shipped checkpoints were measured."""
    images, _ = cc.dataset("digits").test()
    assert images.mean().item() == pytest.approx(-0.01850, abs=1e-4)
    assert images[1000].std().item() == pytest.approx(0.94585, abs=1e-4)


def test_a_warp_without_range_only_scales():
    """Without randomness a warp is torch's own bicubic enlargement, up to the canvas's margin."""
    still = WarpRange(degrees=0, scale=0, shear=0, shift=0, brightness=0, noise=0)
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    warped = warp(images, 32, 0.0, still, torch.Generator().manual_seed(0))
    enlarged = torch.nn.functional.interpolate(images, size=32, mode="bicubic", align_corners=False).clamp(0, 1)
    inner = slice(8, 24)  # at the border one pads with zeros, the other with the border
    assert torch.allclose(warped[..., inner, inner], enlarged[..., inner, inner], atol=1e-4)


def test_a_warp_keeps_to_its_range():
    """A dot's centre of mass moves by the shift at most, and a larger zoom makes a larger square."""
    shift_only = WarpRange(degrees=0, scale=0, shear=0, shift=0.1, brightness=0, noise=0)
    images = torch.zeros(200, 1, 8, 8)
    images[:, :, 3:5, 3:5] = 1
    warped = warp(images, 32, 0.0, shift_only, torch.Generator().manual_seed(0))
    positions = torch.arange(32).float()
    across = (warped.sum((1, 2)) * positions).sum(1) / warped.sum((1, 2, 3))
    assert (across - 15.5).abs().max() <= 0.1 * 32 + 0.1
    assert (across - 15.5).abs().max() > 0.05 * 32
