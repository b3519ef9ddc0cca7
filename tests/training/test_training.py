"""Training: seeded, resumable, and blind to the test set."""

import contextlib
import os
import random
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import torch

import compress_core as cc
from compress_core.__main__ import main
from compress_core.data import Dataset
from compress_core.data.digits import Digits
from compress_core.layers.inference import predict
from compress_core.registry import LOSSES
from compress_core.training.checkpoints import checkpoint_path, read_checkpoint
from compress_core.training.distillation import Teacher
from compress_core.training.loop import TrainingResult, finish, shrink_scales, train
from compress_core.training.plans import TrainingPlan
from tests.conftest import ROOT
from tests.helpers.marks import sampled

PLAN = TrainingPlan(epochs=6, seed=1)
TAUGHT = [name for name, loss in LOSSES.items() if loss.needs_teacher]


def tiny() -> torch.nn.Module:
    torch.manual_seed(0)
    return cc.build("studentnet", 0.1)


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def trained(model: torch.nn.Module, data: Dataset, plan: TrainingPlan = PLAN, **options: object) -> TrainingResult:
    return finish(train(model, data, plan, **options))


class Few(Digits):
    """Digits of which an epoch shows five batches."""

    def batches(self, size, seed=0, view=None):
        return islice(super().batches(size, seed, view), 5)


@pytest.mark.parametrize(("arch", "step"), [("squeezenet", 3), pytest.param("studentnet", 5, marks=pytest.mark.slow)])
def test_a_killed_run_goes_on_as_if_it_had_never_stopped(tmp_path, arch, step):
    """To the bit, wherever in its epoch it was killed, and it trains nothing twice but that epoch.

    Some of its logits are dropped by chance.
    """
    torch.manual_seed(0)
    model, data = torch.nn.Sequential(cc.build(arch, 0.1), torch.nn.Dropout(0.3)), Few()
    plan, file = TrainingPlan(epochs=4, seed=1, evaluate_every=2), tmp_path / "run.state"
    whole = trained(model, data, plan)
    for now in train(model, data, plan, state_file=file):
        if (now.epoch, now.step) == (3, step):
            break
    seen = []
    torch.rand(7)  # another's random numbers
    resumed = finish(train(model, data, plan, state_file=file), lambda now: seen.append(now.epoch))
    assert sorted(set(seen)) == ([3, 4] if step < 5 else [4])
    assert same(whole.model, resumed.model) and whole.validation_accuracy == resumed.validation_accuracy


@pytest.mark.slow
def test_a_process_killed_anywhere_leaves_a_state_to_go_on_from(tmp_path):
    """kill -9 at moments of one training, some of them while its state is written; it ends as one never killed."""

    def started(folder: str) -> subprocess.Popen:
        options = ["--arch", "studentnet", "--width", "0.1", "--epochs", "40"]
        places = ["--out", str(tmp_path / folder), "--runs", str(tmp_path / folder)]
        command = [sys.executable, "-m", "compress_core", "train", *options, *places]
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )

    whole, generator, kills = started("whole"), random.Random(0), 0
    while True:
        before, process = kept_epoch(tmp_path / "killed"), started("killed")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(4 + 3 * generator.random() if kills < 10 else None)
        process.kill()
        process.wait()
        if list((tmp_path / "killed").glob("*.safetensors")):
            break  # it was done, and keeps no state
        kills += 1
        assert kept_epoch(tmp_path / "killed") >= before
    assert kills >= 3 and whole.wait() == 0
    tensors, expected = (
        read_checkpoint(checkpoint_path("studentnet", 0.1, "digits", folder=tmp_path / folder))[0]
        for folder in ("killed", "whole")
    )
    assert all(torch.equal(tensor, expected[name]) for name, tensor in tensors.items())


def kept_epoch(folder: Path) -> int:
    """The epoch of the state that is kept; it can always be read."""
    files = list(folder.glob("*.state"))
    return torch.load(files[0], weights_only=True)["epoch"] if files else 0


def test_plans_with_a_teacher_and_a_slow_copy_go_on_too(tmp_path):
    teacher = tiny()
    teacher.requires_grad_(False)
    plan = TrainingPlan(
        epochs=3, optimizer="airbench", learning_rate=0.05, lookahead=True, losses={"kd": 1.0}, temperature=4.0, views=2
    )
    data, file = Few(), tmp_path / "run.state"
    torch.manual_seed(1)
    model = cc.build("studentnet", 0.1)
    whole = trained(model, data, plan, teacher=teacher)
    for now in train(model, data, plan, teacher, file):
        if now.epoch == 2 and now.step == 3:
            break
    assert same(whole.model, trained(model, data, plan, teacher=teacher, state_file=file).model)


def test_a_state_of_another_plan_or_a_damaged_one_is_a_sentence(tmp_path):
    file = tmp_path / "run.state"
    trained(tiny(), Few(), TrainingPlan(epochs=1), state_file=file)
    with pytest.raises(cc.CheckpointError, match=r"another plan\. Delete it"):
        trained(tiny(), Few(), TrainingPlan(epochs=2), state_file=file)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(cc.CheckpointError, match=r"cannot be read .* Delete it"):
        trained(tiny(), Few(), TrainingPlan(epochs=1), state_file=file)


def test_progress_says_where_a_training_stands():
    plan = TrainingPlan(epochs=2, batch_size=500, evaluate_every=1)
    steps = list(train(tiny(), cc.dataset("digits"), plan))
    assert [(now.epoch, now.step, now.steps) for now in steps] == [(e, s, 3) for e in (1, 2) for s in (1, 2, 3)]
    assert [now.done for now in steps] == pytest.approx([i / 6 for i in range(1, 7)])
    assert [now.ends_epoch for now in steps] == [False, False, True] * 2
    assert steps[1].accuracy == 0 and 0 < steps[2].accuracy < 1 and all(now.images_per_second > 0 for now in steps)


def test_the_seed_decides():
    data = cc.dataset("digits")
    short = TrainingPlan(epochs=1, seed=1)
    assert same(trained(tiny(), data, short).model, trained(tiny(), data, short).model)
    assert not same(trained(tiny(), data, short).model, trained(tiny(), data, TrainingPlan(epochs=1, seed=2)).model)


class Blind(Digits):
    """Digits whose test set nobody may read."""

    def test(self):
        raise AssertionError("training read the test set")


def test_it_learns_without_the_test_set_and_leaves_the_model_and_random_numbers_alone():
    model = tiny()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    losses = [now.loss for now in train(model, Blind(), PLAN) if now.ends_epoch]
    assert torch.equal(torch.rand(3), expected)
    assert losses[-1] < losses[0] - 0.3
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


class Unlabelled(Digits):
    """Digits whose labels are all wrong."""

    def batches(self, size, seed=0, view=None):
        for batch in super().batches(size, seed, view):
            yield batch._replace(labels=torch.full_like(batch.labels, -7))


@pytest.mark.parametrize("losses", sampled([{name: 1.0} for name in TAUGHT], lambda losses: "dist" in losses), ids=str)
def test_a_student_comes_near_its_teacher_without_labels(losses):
    teacher, data = cc.load("studentnet", 0.25), Unlabelled()
    torch.manual_seed(0)
    student = cc.build("studentnet", 0.25)
    images, _ = data.validation()
    result = trained(student, data, TrainingPlan(epochs=5, losses=losses, temperature=4.0), teacher=teacher)

    def agreement(model: torch.nn.Module) -> float:
        return predict(model, images).argmax(1).eq(predict(teacher, images).argmax(1)).float().mean().item()

    assert agreement(result.model) > agreement(student.eval()) + 0.2


def test_a_teachers_answers_to_fixed_views_are_taken_once_for_all_trainings(monkeypatch, tmp_path):
    teacher, data = cc.load("studentnet", 0.25), cc.dataset("digits")

    def hired(model: torch.nn.Module = teacher) -> tuple[Teacher, list[int]]:
        hired, asked = Teacher(model, data, folder=tmp_path), []
        inner = hired.model.forward
        monkeypatch.setattr(hired.model, "forward", lambda images: asked.append(len(images)) or inner(images))
        return hired, asked

    def teach(answers: Teacher, view: int, model: torch.nn.Module = teacher) -> None:
        for images, _, index in data.batches(100, seed=view + 5, view=view):
            assert torch.allclose(answers(images, index, view), predict(model, images), atol=1e-4)

    first, asked = hired()
    for view in (0, 1, 0, 1):
        teach(first, view)
    assert sum(asked) == 2 * 1077 and len(list(tmp_path.iterdir())) == 2
    second, asked = hired()
    teach(second, 1)
    assert not asked
    file = next(tmp_path.glob("*view0*"))
    file.write_bytes(file.read_bytes()[:100])
    teach(second, 0)  # a damaged file is no answer
    assert sum(asked) == 1077
    wider = cc.load("studentnet", 0.5)
    other, asked = hired(wider)
    teach(other, 1, wider)
    assert sum(asked) == 1077


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
        result = trained(tiny(), data, TrainingPlan(epochs=3, seed=1, sparsity=sparsity))
        norms = [m for m in result.model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        return torch.cat([norm.weight.detach().abs() for norm in norms]).mean().item()

    assert scales(2.0) < scales(0.0) - 0.05


def test_unknown_arguments_name_what_is_allowed(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--arch", "resnet"])
    assert "studentnet" in capsys.readouterr().err
