"""Running a network as fast as it goes without changing what it computes.

What costs nothing in exactness: BatchNorm folded into the convolution before it, activations in the memory of what
they read, channels last in memory, and batches small enough for the processor's cache spread over its cores.
"""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compress_core.layers.duplicate import put_module
from compress_core.layers.folding import fold_batchnorm, is_watched, neighbours
from compress_core.layers.modules import RaggedConv2d, select_channels
from compress_core.layers.running import channels_last, lay_channels_last, run_on
from compress_core.zoo.blocks import ChannelShuffle

BATCH = 120
MAX_WORKERS = 8
MAX_JOINED_GROUPS = 4


class _PairwiseMaxPool(nn.Module):
    """`nn.MaxPool2d(2, 2)` as two maxima of every other column and row.

    In channels-last memory this takes a third of torch's own time, which also finds out where each maximum was.
    """

    def forward(self, maps: Tensor) -> Tensor:
        height, width = (size - size % 2 for size in maps.shape[2:])  # an odd last row or column is dropped
        columns = torch.maximum(maps[..., :width:2], maps[..., 1:width:2])
        return torch.maximum(columns[:, :, :height:2], columns[:, :, 1:height:2])


def quicken_pooling(model: nn.Module) -> nn.Module:
    """Replace 2×2 max poolings in place by quicker ones, and let them go before the ReLU6 that they follow.

    Both are exact: a maximum commutes with a function that never falls.
    """
    for block in [m for m in model.modules() if isinstance(m, nn.Sequential)]:
        for i, layer in enumerate(block):
            if isinstance(layer, nn.MaxPool2d) and _is_plain_two_by_two(layer):
                block[i] = _PairwiseMaxPool()
                if i and isinstance(block[i - 1], nn.ReLU6 | nn.ReLU):
                    block[i], block[i - 1] = block[i - 1], block[i]
    return model


def _is_plain_two_by_two(pool: nn.MaxPool2d) -> bool:
    settings = (pool.kernel_size, pool.stride, pool.padding, pool.dilation)
    return not (pool.ceil_mode or pool.return_indices) and all(
        value in (wanted, (wanted, wanted)) for value, wanted in zip(settings, (2, 2, 0, 1), strict=True)
    )


class _ChannelsLastShuffle(nn.Module):
    """A channel shuffle that keeps the channels last in memory, so that the next layer need not reorder them."""

    def __init__(self, groups: int):
        super().__init__()
        self.groups = groups

    def forward(self, maps: Tensor) -> Tensor:
        return select_channels(maps, _dealt(self.groups, maps.shape[1]))


@cache
def _dealt(groups: int, channels: int) -> Tensor:
    """Which channel stands at each place after a shuffle."""
    return torch.arange(channels).view(groups, -1).T.flatten()


def quicken_shuffles(model: nn.Module) -> nn.Module:
    """Replace channel shuffles in place by ones that do the same on memory with the channels last."""
    for name, module in list(model.named_modules()):
        if isinstance(module, ChannelShuffle):
            put_module(model, name, _ChannelsLastShuffle(module.groups))
    return model


def activate_in_place(model: nn.Module) -> nn.Module:
    """Let activations, in place, write over what a convolution has just made for nobody but them."""
    places = Counter(id(module) for _, module in model.named_modules(remove_duplicate=False))
    before = {after: name for name, after in neighbours(model)}
    for name, activation in list(model.named_modules()):
        source = before.get(name)
        while source is not None and isinstance(model.get_submodule(source), nn.Identity):
            source = before.get(source)
        if source is None or not isinstance(activation, nn.ReLU | nn.ReLU6) or places[id(activation)] > 1:
            continue
        maker = model.get_submodule(source)
        if isinstance(maker, nn.Conv2d | RaggedConv2d) and not is_watched(maker) and not is_watched(activation):
            activation.inplace = True
    return model


def join_ragged(model: nn.Module) -> nn.Module:
    """Replace ragged convolutions of few groups in place by one dense convolution with zeros between the groups.

    Up to `MAX_JOINED_GROUPS` one large product takes less time than several small ones, zeros and all.
    """
    for name, module in list(model.named_modules()):
        if isinstance(module, RaggedConv2d) and len(module.sizes) <= MAX_JOINED_GROUPS and module.bare:
            put_module(model, name, _joined(module))
    return model


def _joined(ragged: RaggedConv2d) -> nn.Conv2d:
    parts = {int(group): conv for group, conv in ragged.convs.items()}
    first = next(iter(parts.values()))
    starts = [sum(ragged.sizes[:group]) for group in range(len(ragged.sizes))]
    rows = []
    for group, conv in parts.items():
        left, right = starts[group], sum(ragged.sizes) - starts[group] - ragged.sizes[group]
        rows.append(F.pad(conv.weight.detach(), (0, 0, 0, 0, left, right)))
    weight = torch.cat(rows)
    geometry = first.stride, first.padding, first.dilation, 1, first.bias is not None, first.padding_mode
    joined = nn.Conv2d(weight.shape[1], weight.shape[0], first.kernel_size, *geometry, device="meta").eval()
    joined.weight = nn.Parameter(weight)
    if first.bias is not None:
        joined.bias = nn.Parameter(torch.cat([conv.bias.detach() for conv in parts.values()]))
    return joined


def prepare(model: nn.Module) -> nn.Module:
    """A copy to be run many times without gradients: folded, in eval mode, channels last, quick between its layers."""
    quick = activate_in_place(join_ragged(quicken_shuffles(quicken_pooling(fold_batchnorm(model)))))
    return lay_channels_last(quick)


def predict(model: nn.Module, images: Tensor, prepared: bool = False) -> Tensor:
    """The logits (N, classes) of images (N, C, H, W), with BatchNorm's stored statistics.

    The model is left as it was. Where torch itself uses one thread, the batches are spread over the
    cores, which for small networks is faster than many threads within each operation.
    """
    network = model if prepared else prepare(model)
    batches = channels_last(images).split(BATCH)

    def run(batch: Tensor) -> Tensor:
        with torch.inference_mode():
            try:
                return network(batch)
            except RuntimeError:  # a view may need another layout in memory
                return run_on(network, batch)

    workers = min(MAX_WORKERS, (os.cpu_count() or 1) // torch.get_num_threads())
    if workers < 2 or len(batches) < 2:
        return torch.cat([run(batch) for batch in batches])
    return torch.cat(list(_pool(workers).map(run, batches)))


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """The threads that batches are spread over; started once, since starting costs as much as a small batch."""
    return ThreadPoolExecutor(workers, "predict", initializer=torch.set_num_threads, initargs=(1,))
