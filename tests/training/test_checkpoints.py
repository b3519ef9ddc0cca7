"""The shipped checkpoints, and those that torchvision can reach."""

from urllib.error import URLError

import pytest
import torch
from safetensors.torch import save_file

import compress_core as cc
from compress_core.layers.inference import predict
from compress_core.layers.vision import torchvision
from compress_core.registry import TRAININGS
from compress_core.training import checkpoints
from compress_core.training.checkpoints import FOLDER, load_weights, read_metadata, trained_widths, weights_name
from compress_core.training.shipped import DATASET, SPARSITIES, Job, jobs, trained_accuracies, write_list
from compress_core.zoo import architecture
from tests.helpers.marks import sampled

JOBS = [job for job in jobs() if job.dataset == DATASET or job.path(FOLDER).exists()]
PENALTIES = ("plain", *map(weights_name, SPARSITIES))
LIMIT = {"resnet18": 8_000_000, "airbench": 8_000_000}


def _is_quick(job: Job) -> bool:
    return job.width in (0.25, 1.0) and not job.options and job.sparsity != 0.1 and job.dataset == DATASET


def _stem(job: Job) -> str:
    return job.path(FOLDER).stem


@pytest.mark.parametrize("job", sampled(JOBS, _is_quick), ids=_stem)
def test_a_checkpoint_reaches_the_accuracy_in_its_metadata(job):
    path = job.path(FOLDER)
    about = read_metadata(path)
    model = cc.load(job.arch, job.width, job.dataset, about["weights"], **dict(job.options))
    images, labels = cc.dataset(job.dataset).test()
    accuracy = predict(model, images).argmax(1).eq(labels).double().mean().item()
    whole = len(labels) == int(about["test_samples"])
    assert accuracy == pytest.approx(float(about["test_accuracy"]), abs=0.002 if whole else 0.02)
    assert about["command"].startswith(f"python -m compress_core {' '.join(job.arguments()[:7])}")
    assert path.stat().st_size < LIMIT.get(job.arch, 2_000_000)


@pytest.mark.parametrize("job", sampled(JOBS, lambda job: _is_quick(job) and job.width == 0.25), ids=_stem)
def test_no_flipped_bit_is_taken_for_a_network(job, tmp_path):
    whole, generator = job.path(FOLDER).read_bytes(), torch.Generator().manual_seed(0)
    assert checkpoints.SEAL in read_metadata(job.path(FOLDER))
    for place in torch.randint(8 * len(whole), (12,), generator=generator).tolist():
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        (tmp_path / "damaged.safetensors").write_bytes(damaged)
        with pytest.raises(cc.CheckpointError):
            checkpoints.read_checkpoint(tmp_path / "damaged.safetensors")


def test_what_is_shipped_has_a_seal(tmp_path, monkeypatch):
    path = tmp_path / "studentnet-0.25-digits-plain.safetensors"
    tensors, story = checkpoints.read_checkpoint(FOLDER / path.name)
    del story[checkpoints.SEAL]
    save_file(tensors, path, metadata=story)
    checkpoints.read_checkpoint(path)  # of an older version, and a person's own
    monkeypatch.setattr(checkpoints, "FOLDER", tmp_path)
    with pytest.raises(cc.CheckpointError, match="checksum"):
        checkpoints.read_checkpoint(path)


def test_all_together_travel_well():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) < 60_000_000


@pytest.mark.parametrize("arch", [*cc.architectures(), "resnet18"])
def test_every_architecture_reads_95_percent_at_full_width(arch):
    assert float(read_metadata(checkpoints.checkpoint_path(arch, 1.0, DATASET))["test_accuracy"]) >= 0.95


@pytest.mark.parametrize("arch", cc.architectures())
def test_every_architecture_has_its_widths_and_its_sparse_trainings(arch):
    assert trained_widths(arch, DATASET) == [0.25, 0.5, 0.75, 1.0]
    assert all(1.0 in trained_widths(arch, DATASET, name) for name in PENALTIES)
    assert [TRAININGS[name].changes.get("sparsity", 0) for name in PENALTIES] == [0, *SPARSITIES]


@pytest.mark.parametrize("arch", cc.architectures())
def test_sparse_training_pulls_scaling_factors_to_zero(arch):
    """The stronger the penalty, the more γ are next to nothing; without one hardly any is."""

    def small(weights: str) -> float:
        norms = [m for m in cc.load(arch, weights=weights).modules() if isinstance(m, torch.nn.BatchNorm2d)]
        scales = torch.cat([norm.weight.detach().abs() for norm in norms])
        return (scales < 0.05).float().mean().item()

    shares = [small(weights) for weights in PENALTIES]
    assert shares == sorted(shares) and shares[0] < 0.02 and shares[-1] > 0.15


def test_the_list_beside_the_checkpoints_is_the_one_that_the_command_writes(tmp_path):
    for path in FOLDER.glob("*.safetensors"):
        (tmp_path / path.name).symlink_to(path)
    assert write_list(tmp_path).read_text() == (FOLDER / "README.md").read_text()


def test_trained_accuracies_are_those_of_the_metadata():
    table = trained_accuracies(DATASET)
    assert len(table) == 4 * len(cc.architectures()) + 1
    row = table[(table["arch"] == "squeezenet") & (table["width"] == 0.5)].iloc[0]
    path = checkpoints.checkpoint_path("squeezenet", 0.5, DATASET)
    assert row["accuracy"] == float(read_metadata(path)["test_accuracy"]) and row["samples"] == 2160


PRETRAINED = [name for name in (*cc.architectures(), "resnet18") if architecture(name).pretrained]


@pytest.mark.parametrize("arch", PRETRAINED)
def test_pretrained_weights_are_torchvisions(arch, monkeypatch):
    """With torch's download replaced, since tests have no network: what it gives is what is loaded."""
    torch.manual_seed(0)
    theirs = getattr(torchvision().models, architecture(arch).pretrained.widths[1.0])(weights=None).eval()
    asked = []

    def download(url: str, *_, **__) -> dict[str, torch.Tensor]:
        asked.append(url)
        return theirs.state_dict()

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", download)
    model = cc.load(arch, dataset="imagenet")
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(model(images), theirs(images), atol=1e-5)
    assert len(asked) == 1 and asked[0].startswith("https://download.pytorch.org/")


def test_without_a_network_pretrained_weights_are_a_sentence(monkeypatch):
    torchvision()

    def unreachable(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(cc.CheckpointError, match=r"of mobilenet_v2 cannot be fetched.*They need a network once"):
        cc.load("mobilenet_v2", dataset="imagenet")


@pytest.mark.parametrize(("arch", "width"), [("mobilenet_v1", 1.0), ("mobilenet_v2", 0.5)])
def test_what_torchvision_does_not_have_is_a_sentence(arch, width):
    with pytest.raises(cc.CheckpointError, match=rf"no ImageNet weights for {arch} of width {width:g}.*shufflenet_v2"):
        cc.load(arch, width, dataset="imagenet")


def test_weights_of_another_network_are_a_sentence():
    state = cc.build("squeezenet").state_dict()
    with pytest.raises(cc.CheckpointError, match="does not fit this network"):
        load_weights(cc.build("mobilenet_v1"), state, "The file")
