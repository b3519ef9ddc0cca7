"""What a teacher adds: the same student, seeds and epochs, with and without it, by loss.

    python benchmarks/distillation.py [--dataset digits] [--arch studentnet …] [--width 0.25] [--epochs 60] [--seeds 5]

Each student is trained from the same start by the labels alone, and by a teacher's loss and the labels, each loss at
the weights and temperature below. Test accuracy in %, mean ± standard deviation over the seeds, and the mean of the
differences from the labels alone, seed by seed. Temperatures and weights are those of the papers; nothing here was
chosen by the test images.
"""

import argparse
import platform
import statistics
from dataclasses import replace

import torch

from compress_core.data import dataset
from compress_core.layers.inference import predict
from compress_core.training.checkpoints import build_for, load
from compress_core.training.loop import finish, train
from compress_core.training.plans import TrainingPlan, plan_for
from compress_core.zoo import architectures

TAUGHT = {
    "labels alone": ({"cross_entropy": 1.0}, 1.0),
    "KD, T = 20, α = 0.5": ({"kd": 0.5, "cross_entropy": 0.5}, 20.0),  # homework 7
    "KD, T = 4, α = 0.9": ({"kd": 0.9, "cross_entropy": 0.1}, 4.0),
    "KD, standardized": ({"standardized": 9.0, "cross_entropy": 1.0}, 2.0),  # Sun et al. 2024
    "DIST": ({"dist": 2.0, "cross_entropy": 1.0}, 1.0),  # Huang et al. 2022
    "logit matching": ({"logits": 1.0}, 1.0),  # Ba & Caruana 2014
}


def plans(name: str, epochs: int | None) -> dict[str, TrainingPlan]:
    base = plan_for(name, **({"epochs": epochs} if epochs else {}))
    base = base if name == "digits" else replace(base, views=8)  # for all alike: the teacher is asked once a view
    return {how: replace(base, losses=losses, temperature=temperature) for how, (losses, temperature) in TAUGHT.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--arch", nargs="+", default=["studentnet"], choices=architectures())
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--epochs", type=int, help="the plan's if left out")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    data = dataset(args.dataset)
    images, labels = data.test(whole=True)
    teacher = load(data.teacher, dataset=data.name)
    print(f"torch {torch.__version__}, {platform.machine()}; {data.title}, {len(labels):,} test images")
    print(f"teacher {data.teacher}: {100 * predict(teacher, images).argmax(1).eq(labels).float().mean():.1f} %")
    for arch in args.arch:
        print(f"\n{arch} of width {args.width:g}, {args.seeds} seeds")
        alone: list[float] = []
        for how, plan in plans(args.dataset, args.epochs).items():
            found = []
            for seed in range(args.seeds):
                torch.manual_seed(seed)
                student = build_for(arch, args.width, data)
                model = finish(train(student, data, replace(plan, seed=seed), teacher)).model
                found.append(100 * predict(model, images).argmax(1).eq(labels).float().mean().item())
            alone = alone or found
            gain = statistics.mean(own - other for own, other in zip(found, alone, strict=True))
            spread = statistics.stdev(found) if len(found) > 1 else 0.0
            print(f"  {how:20s} {statistics.mean(found):5.1f} ± {spread:3.1f}   {gain:+.1f}", flush=True)


if __name__ == "__main__":
    main()
