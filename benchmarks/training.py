"""Training's speed beside a plain loop over `torch.utils.data.DataLoader`, the same network on the same images.

    python benchmarks/training.py [--arch studentnet …] [--seconds 20] [--threads 2]

Both train CIFAR-10's whole training set (`python -m compress_core data cifar10`), or the 1,000 images that travel with
the library. The plain loop is the one of tutorials: a dataset of PIL images, random crop and mirror by torchvision, a
DataLoader, float32, SGD. Ours and the plain one take turns, a second each. Images per second, and the ratio.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator

import torch
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from compress_core.data import dataset
from compress_core.layers.vision import torchvision
from compress_core.training.loop import train
from compress_core.training.shipped import Job
from compress_core.zoo import architectures

DATA = dataset("cifar10")


class Pictures(Dataset):
    """The training images as tutorials read them."""

    def __init__(self):
        self.part = DATA.parts["training"]
        transforms = torchvision().transforms
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(DATA.mean, DATA.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.part.pixels[number])), int(self.part.labels[number])


def plain(job: Job) -> Iterator[int]:
    """The tutorial's loop; how many images each step took."""
    plan, model = job.plan(), job.build(DATA).train()
    optimizer = torch.optim.SGD(
        model.parameters(), plan.learning_rate, momentum=0.9, nesterov=True, weight_decay=plan.weight_decay
    )
    while True:
        for images, labels in DataLoader(Pictures(), plan.batch_size, shuffle=True):
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield len(labels)


def ours(job: Job) -> Iterator[int]:
    plan = job.plan()
    for _ in train(job.build(DATA), DATA, plan, device="cpu"):
        yield plan.batch_size


def speeds(job: Job, seconds: float) -> tuple[float, float]:
    """Images per second of both, in turn: medians of the rounds."""
    loops: list[Iterator[int]] = [ours(job), plain(job)]
    for loop in loops:
        next(loop)
    found: list[list[float]] = [[], []]
    for _ in range(max(2, round(seconds / 2))):
        for loop, rounds in zip(loops, found, strict=True):
            rounds.append(_rate(lambda loop=loop: next(loop)))
    return tuple(statistics.median(rounds) for rounds in found)


def _rate(step: Callable[[], int]) -> float:
    began, images = time.perf_counter(), 0
    while (passed := time.perf_counter() - began) < 1:
        images += step()
    return images / passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", nargs="+", default=architectures(), choices=architectures(teachers=True))
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"torch {torch.__version__}, {args.threads} threads, {platform.processor() or platform.machine()}")
    print(f"{'network':14s} {'ours':>9s} {'plain':>9s} {'ratio':>6s}   images/s")
    for arch in args.arch:
        own, other = speeds(Job(arch, dataset="cifar10"), args.seconds)
        print(f"{arch:14s} {own:9,.0f} {other:9,.0f} {own / other:6.2f}", flush=True)


if __name__ == "__main__":
    main()
