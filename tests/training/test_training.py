"""Training: seeded, resumable, and blind to the test set."""

import pytest
import torch

import compress_core as cc
from compress_core.__main__ import main
from compress_core.data.digits import Digits
from compress_core.training.checkpoints import checkpoint_path, read_checkpoint
from compress_core.training.loop import TrainingPlan, shrink_scales, train

PLAN = TrainingPlan(epochs=10, seed=1)


class Stop(Exception):
    """Stands for a killed process."""


def tiny() -> torch.nn.Module:
    torch.manual_seed(0)
    return cc.build("studentnet", 0.1)


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_a_killed_run_goes_on_as_if_it_had_never_stopped(tmp_path):
    whole = train(tiny(), cc.dataset("digits"), PLAN)

    def die(epoch: int, loss: float, accuracy: float) -> None:
        if epoch == 7:
            raise Stop

    with pytest.raises(Stop):
        train(tiny(), cc.dataset("digits"), PLAN, tmp_path / "run.state", die)
    seen = []
    resumed = train(tiny(), cc.dataset("digits"), PLAN, tmp_path / "run.state", lambda epoch, *_: seen.append(epoch))
    assert seen == [6, 7, 8, 9, 10]  # the state was kept after epoch 5
    assert same(whole.model, resumed.model) and whole.validation_accuracy == resumed.validation_accuracy


def test_the_seed_decides():
    data = cc.dataset("digits")
    short = TrainingPlan(epochs=1, seed=1)
    assert same(train(tiny(), data, short).model, train(tiny(), data, short).model)
    assert not same(train(tiny(), data, short).model, train(tiny(), data, TrainingPlan(epochs=1, seed=2)).model)


def test_it_learns_without_the_test_set_and_leaves_the_model_alone():
    class Blind(Digits):
        def test(self):
            raise AssertionError("training read the test set")

    model = tiny()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    losses = []
    train(model, Blind(), PLAN, progress=lambda epoch, loss, accuracy: losses.append(loss))
    assert losses[-1] < losses[0] - 0.3
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_the_command_writes_a_checkpoint_with_its_story(tmp_path, capsys):
    folders = ["--out", str(tmp_path / "out"), "--runs", str(tmp_path / "runs")]
    options = ["--arch", "studentnet", "--width", "0.1", "--dataset", "digits", "--epochs", "5", "--seed", "3"]
    assert main(["train", *options, *folders]) == 0
    assert "5/5 epochs" in capsys.readouterr().out
    tensors, about = read_checkpoint(checkpoint_path("studentnet", 0.1, "digits", folder=tmp_path / "out"))
    assert about["command"] == "python -m compress_core train " + " ".join(options)
    assert about["seed"] == "3" and 0 < float(about["test_accuracy"]) < 1
    cc.build("studentnet", 0.1).load_state_dict(tensors, strict=False)
    assert not list((tmp_path / "runs").iterdir())  # a finished run leaves nothing to resume


def test_the_penalty_pulls_every_scale_towards_zero_and_holds_it_there():
    """sign(γ)·max(|γ| − step, 0), and nothing else of the network moves."""
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 1), torch.nn.BatchNorm2d(4))
    model[1].weight.data = torch.tensor([1.0, -0.5, 0.05, 0.0])
    others = [model[0].weight.clone(), model[0].bias.clone(), model[1].bias.clone()]
    shrink_scales(model, 0.1)
    assert torch.allclose(model[1].weight, torch.tensor([0.9, -0.4, 0.0, 0.0]))
    assert all(map(torch.equal, others, [model[0].weight, model[0].bias, model[1].bias]))


def test_training_under_the_penalty_ends_with_smaller_scales():
    data = cc.dataset("digits")

    def scales(sparsity: float) -> float:
        result = train(tiny(), data, TrainingPlan(epochs=5, seed=1, sparsity=sparsity))
        norms = [m for m in result.model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        return torch.cat([norm.weight.detach().abs() for norm in norms]).mean().item()

    assert scales(2.0) < scales(0.0) - 0.05


def test_unknown_arguments_name_what_is_allowed(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--arch", "resnet"])
    assert "studentnet" in capsys.readouterr().err
