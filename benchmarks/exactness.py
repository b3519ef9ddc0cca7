"""Whether channel surgery is exact on networks it has never seen: torchvision's classifiers and this zoo.

    python benchmarks/exactness.py
    python benchmarks/exactness.py resnet18 vit_b_16 --limit 2600

40 % of the channels of each network are cut at random, and what is left is held against the whole network with the
cut channels masked, on random images, in double and in single precision. Nothing is downloaded: weights are random,
and so are BatchNorm's and LayerNorm's scales and shifts, its statistics and all biases, because a network whose shifts
are zero would prove little. Networks with more parameters than the limit (500 MB in single precision) are left out.

Columns: the groups of coupled channels, their channels and how many were cut, how many parameters went, the largest
differences (of the largest output, where that is above 1), how far apart the outputs of two images lie on the same
scale (a difference must vanish against that too, or little is proven), and the seconds that finding the coupling and
cutting took, on one thread.
"""

import argparse
import gc
import os
import platform
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

import compress_core as cc
from compress_core.layers.vision import torchvision
from compress_core.pruning.channels import ScoredGroup, build_pruned
from compress_core.pruning.coupling import couple
from compress_core.pruning.exactness import TOLERANCE, masked

RATIO, IMAGES, SEED = 0.4, 2, 0
SLOW_TO_INITIALISE = ("googlenet", "inception_v3")
PIXELS = {"inception_v3": 299}


def networks() -> dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int], float]]:
    """By name: what builds it, the shape of an image, and the size of its parameters in MB."""
    models = torchvision().models
    found = {}
    for name in models.list_models(module=models):
        options = {"init_weights": False} if name in SLOW_TO_INITIALISE else {}
        mb = 4e-6 * models.get_model_weights(name).DEFAULT.meta["num_params"]
        pixels = PIXELS.get(name, 224)
        found[name] = lambda name=name, options=options: models.get_model(name, **options), (3, pixels, pixels), mb
    for name in cc.architectures():
        found[f"zoo {name}, small"] = lambda name=name: cc.build(name), (1, 32, 32), 0
        found[f"zoo {name}, imagenet"] = (
            lambda name=name: cc.build(name, preset="imagenet", num_classes=1000),
            (3, 224, 224),
            0,
        )
    return found


def with_nothing_at_its_default(model: nn.Module, images: Tensor) -> nn.Module:
    """The model with healthy activations, and every scale, shift, statistic and bias random."""
    generator = torch.Generator().manual_seed(SEED)

    def noise(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator)

    for parameter in model.parameters():
        if parameter.dim() == 1 or parameter.shape[1:].numel() == 1:
            parameter.data = 0.3 * noise(parameter) + (0.7 if parameter.abs().sum() else 0)
        elif not parameter.any():  # such as class tokens
            parameter.data = 0.1 * noise(parameter)
    for layer in [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]:  # heads start out near zero
        layer.weight.data *= (2 / layer.weight[0].numel()) ** 0.5 / layer.weight.std()
    model = cc.recalibrate(model, images)
    for norm in [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]:
        norm.running_mean += 0.3 * noise(norm.running_mean) * norm.running_var.sqrt()
        norm.running_var *= torch.rand(norm.running_var.shape, generator=generator) + 0.5
    return model.eval()


def some_images(shape: tuple[int, int, int]) -> Tensor:
    """(IMAGES, C, H, W): coarse blotches under noise, so that no two images look alike to a pooled network."""
    generator = torch.Generator().manual_seed(SEED)
    blotches = torch.randn(IMAGES, shape[0], 4, 4, generator=generator)
    return nn.functional.interpolate(blotches, shape[1:], mode="bilinear") + 0.5 * torch.randn(
        IMAGES, *shape, generator=generator
    )


def row(name: str, model: nn.Module, shape: tuple[int, ...]) -> tuple[float, float, bool] | None:
    """Prints it; the share of the parameters cut, the largest difference, and whether all are small enough."""
    images = some_images(shape)
    started = time.perf_counter()
    try:
        coupling = couple(model.eval(), images)
    except cc.UnsupportedModelError as error:
        print(f"{name:28} no: {str(error)[:90]}", flush=True)
        return None
    couple_s = time.perf_counter() - started
    model = with_nothing_at_its_default(model, images)
    generator = torch.Generator().manual_seed(SEED)
    chosen = []
    for group in coupling.groups:
        scores = torch.rand(group.size, generator=generator)
        left = scores.argsort(descending=True)[: max(1, group.size - round(RATIO * group.size))].sort().values
        chosen.append(ScoredGroup(group, scores, left, float("-inf"), 0))
    started = time.perf_counter()
    result = build_pruned(model, coupling, chosen)
    cut_s = time.perf_counter() - started
    whole, smaller = masked(model, coupling, result.survivors), result.model.eval()
    size = sum(p.numel() for p in model.parameters())
    share = 1 - sum(p.numel() for p in smaller.parameters()) / size
    channels, cut = sum(result.sizes), sum(result.sizes) - sum(len(s) for s in result.survivors)
    differences = {}
    with torch.no_grad():
        expected = whole(images)
        scale = max(1.0, float(expected.abs().max()))
        apart = float((expected[0] - expected[1]).abs().max()) / scale
        differences[torch.float32] = float((smaller(images) - expected).abs().max()) / scale
        del model, result
        images = images.double()
        expected = whole.double()(images)
        differences[torch.float64] = float((smaller.double()(images) - expected).abs().max()) / scale
    exact = all(difference <= TOLERANCE[dtype] * min(1, 1000 * apart) for dtype, difference in differences.items())
    print(
        f"{name:28}{size / 1e6:8.1f}{len(coupling.groups):7}{channels:9,}{cut:9,}{100 * share:9.1f}"
        f"{differences[torch.float64]:10.1e}{differences[torch.float32]:10.1e}{apart:9.2g}"
        f"{couple_s:9.2f}{cut_s:7.2f}{'' if exact else '   DIFFERS'}",
        flush=True,
    )
    return share, differences[torch.float64], exact


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("names", nargs="*", help="torchvision's names; all, and the zoo, if left out")
    arguments.add_argument("--limit", type=float, default=500, help="MB of parameters in single precision")
    chosen = arguments.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__},"
        f" torchvision {torchvision().__version__}, one thread"
    )
    print(
        f"{'network':28}{'M params':>8}{'groups':>7}{'channels':>9}{'cut':>9}{'cut %':>9}{'float64':>10}{'float32':>10}"
        f"{'apart':>9}{'couple s':>9}{'cut s':>7}"
    )
    rows, left_out = {}, []
    for name, (build, shape, mb) in networks().items():
        if (chosen.names and name not in chosen.names) or mb > chosen.limit:
            left_out += [name] if mb > chosen.limit else []
            continue
        torch.manual_seed(SEED)
        rows[name] = row(name, build(), shape)
        gc.collect()
    if left_out and not chosen.names:
        print(f"Above {chosen.limit:g} MB, left out: {', '.join(left_out)}.")
    for what, of_zoo in (("torchvision", False), ("zoo", True)):
        own = [found for name, found in rows.items() if name.startswith("zoo ") == of_zoo]
        done = [found for found in own if found is not None]
        if done:
            print(
                f"{what}: {len(done)} of {len(own)} traced, {sum(share >= 0.25 for share, _, _ in done)} lose a quarter"
                f" of their parameters or more, {sum(not exact for *_, exact in done)} differ; largest difference in"
                f" double precision {max(difference for _, difference, _ in done):.1e}."
            )


if __name__ == "__main__":
    main()
