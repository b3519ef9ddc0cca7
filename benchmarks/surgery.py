"""How long channel surgery takes beside Torch-Pruning's, on the same networks.

    pip install --no-deps torch-pruning==1.6.1
    python benchmarks/surgery.py

Half of every layer's channels are cut, ranked by the L1 norm of their weights in both. Timed is all that it takes:
finding which channels belong together, ranking them and building the smaller network. The two take turns on networks
with the same weights, on one thread; times are medians of seven runs after one that warms up, in milliseconds.
`known` is what the next ratio costs once it is known which channels belong together, as for a slider. Torch-Pruning
changes the network that it is given, so it gets a copy, which is not timed; we return a new one, which is. The proof
that `prune_channels` adds to its result, and which Torch-Pruning has no counterpart of, is left out.
"""

import argparse
import copy
import gc
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

import compress_core as cc
from compress_core.layers.vision import torchvision
from compress_core.pruning.coupling import Coupling, couple

NETWORKS = (
    *("mobilenet_v2", "resnet18", "efficientnet_b0", "densenet121", "squeezenet1_1", "shufflenet_v2_x1_0", "vgg11_bn"),
    *("mobilenet_v3_large", "regnet_y_400mf", "googlenet", "resnet50", "convnext_tiny", "vit_b_16"),
)
RATIO, REPEATS, CLASSES = 0.5, 7, 1000


def ours(model: nn.Module, example: Tensor, coupling: Coupling | None = None) -> nn.Module:
    return cc.prune_channels(
        model, example, ratio=RATIO, criterion="l1", scope="layer", coupling=coupling, proven=False
    ).model


def theirs(model: nn.Module, example: Tensor) -> nn.Module:
    import torch_pruning as tp

    heads = [layer for layer in model.modules() if isinstance(layer, nn.Linear) and layer.out_features == CLASSES]
    heads += [layer for layer in model.modules() if isinstance(layer, nn.Conv2d) and layer.out_channels == CLASSES]
    importance = tp.importance.MagnitudeImportance(p=1)
    tp.pruner.MagnitudePruner(model, example, importance=importance, pruning_ratio=RATIO, ignored_layers=heads).step()
    return model


def timed(run: Callable[[], nn.Module]) -> tuple[float, nn.Module]:
    gc.collect()
    gc.disable()  # as timeit does: a sweep of all of torch's objects may fall into either's time
    started = time.perf_counter()
    result = run()
    spent = time.perf_counter() - started
    gc.enable()
    return 1000 * spent, result


def compare(name: str) -> float | None:
    """Prints a row; how much of Torch-Pruning's time ours is, None where it cannot prune the network."""
    torch.manual_seed(0)
    options = {"init_weights": False} if name == "googlenet" else {}
    model, example = torchvision().models.get_model(name, **options).eval(), torch.randn(1, 3, 224, 224)
    size = sum(p.numel() for p in model.parameters())
    coupling = couple(model, example)
    mine, known, other, failure = [], [], [], ""
    for _ in range(REPEATS + 1):
        spent, smaller = timed(lambda: ours(model, example))
        mine.append(spent)
        known.append(timed(lambda: ours(model, example, coupling))[0])
        if failure:
            continue
        given = copy.deepcopy(model)
        try:
            spent, pruned = timed(lambda given=given: theirs(given, example))
            other.append(spent)
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
    own, again = statistics.median(mine[1:]), statistics.median(known[1:])
    print(f"{name:20}{cut(smaller, size):9.1f}{own:9.0f}{again:9.0f}", end="")
    if failure:
        print(f"   Torch-Pruning stops: {failure[:60]}", flush=True)
        return None
    their = statistics.median(other[1:])
    print(f"{cut(pruned, size):12.1f}{their:9.0f}{own / their:9.2f}", flush=True)
    return own / their


def cut(model: nn.Module, size: int) -> float:
    """Percent of the parameters that are gone."""
    return 100 - 100 * sum(p.numel() for p in model.parameters()) / size


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("names", nargs="*", help="torchvision's names; a dozen of its networks if left out")
    names = arguments.parse_args().names or NETWORKS
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    torchvision()  # which Torch-Pruning imports too
    try:
        from importlib.metadata import version

        import torch_pruning  # noqa: F401
    except ImportError:
        sys.exit("This benchmark needs Torch-Pruning to compare with: pip install --no-deps torch-pruning==1.6.1")
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, torch {torch.__version__}, torchvision "
        f"{torchvision().__version__}, Torch-Pruning {version('torch-pruning')}, one thread"
    )
    print(f"{'':20}{'ours':>27}{'Torch-Pruning':>21}")
    print(f"{'network':20}{'cut %':>9}{'ms':>9}{'known ms':>9}{'cut %':>12}{'ms':>9}{'ratio':>9}")
    ratios = [ratio for name in names if (ratio := compare(name)) is not None]
    if ratios:
        print(f"On the median network ours takes {statistics.median(ratios):.2f} of Torch-Pruning's time.")


if __name__ == "__main__":
    main()
