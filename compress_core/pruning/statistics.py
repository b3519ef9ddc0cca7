"""Statistics that criteria read: of the network, of its coupled channels, and of calibration images in it."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compress_core.layers.duplicate import duplicate
from compress_core.layers.folding import fold_batchnorm
from compress_core.layers.matrices import channel_vectors, features, some_places
from compress_core.layers.running import channels_last, lay_channels_last, run_on
from compress_core.pruning.coupling import NO_PLACE, ChannelGroup, Coupling
from compress_core.pruning.operations import tensors_in

T = TypeVar("T")
REDUCTIONS = ("sum", "mean", "max")
ROWS = 8192
"""Of a layer's places over all images, how many the covariance of what it reads is estimated from."""
NOISE, NOISE_IMAGES = 0.1, 32
"""How far an error reaches is seen from errors so large, as a part of a layer's spread, in so many images."""


class CalibrationStatistics:
    """A network and what was measured of it, each thing once and only if a criterion asks.

    Args:
        images: (N, C, H, W) calibration images, for criteria that look at data.
        labels: (N,) their classes, for criteria that look at the loss.
        reduction: how the scores of coupled channels become one: `sum`, `mean` or `max`.
        seed: of whatever is drawn.
    """

    def __init__(
        self,
        model: nn.Module,
        coupling: Coupling,
        images: Tensor | None = None,
        labels: Tensor | None = None,
        reduction: str = "mean",
        seed: int = 0,
    ):
        self.model, self.coupling, self.images, self.labels = model, coupling, images, labels
        self.reduction, self.seed = reduction, seed
        self._found: dict[Callable, object] = {}

    def compute_once(self, find: Callable[["CalibrationStatistics"], T]) -> T:
        """What `find` finds in this stats, found once."""
        if find not in self._found:
            self._found[find] = find(self)
        return self._found[find]

    def layer(self, name: str) -> nn.Module:
        return self.model.get_submodule(name)

    @cached_property
    def folded(self) -> nn.Module:
        """The network with each BatchNorm in the convolution before it: what that puts out is what the next reads."""
        return fold_batchnorm(self.model)

    def combine(self, group: ChannelGroup, parts: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
        """One score (size,) for each channel of a group, from (places, scores) of layers; NaN where nobody scored."""
        total = torch.full((group.size,), float("-inf") if self.reduction == "max" else 0.0, dtype=torch.float64)
        count = torch.zeros(group.size, dtype=torch.float64)
        for places, scores in parts:
            own = places != NO_PLACE
            if self.reduction == "max":
                total.scatter_reduce_(0, places[own], scores[own].double(), "amax")
            else:
                total.index_add_(0, places[own], scores[own].double())
            count.index_add_(0, places[own], torch.ones(int(own.sum()), dtype=torch.float64))
        total[count == 0] = float("nan")
        return (total / count if self.reduction == "mean" else total).float()

    def _readers(self) -> set[str]:
        return {name for group in self.coupling.groups for name in group.readers}

    def _run_watched(self, watch: Callable[[str, nn.Module, Tensor, Tensor], None]) -> None:
        """Run the images through a copy in eval mode; `watch` sees each reader's name, layer, input and output."""
        model = duplicate(self.model).eval()
        for name in self._readers():
            layer = model.get_submodule(name)
            layer.register_forward_hook(lambda layer, given, output, name=name: watch(name, layer, given[0], output))
        run_on(model, self.images)

    @cached_property
    def variances(self) -> dict[str, Tensor]:
        """For each reading layer the variance of each of its input channels, over images and places."""
        found: dict[str, Tensor] = {}

        def watch(name: str, layer: nn.Module, given: Tensor, output: Tensor) -> None:
            found[name] = channel_vectors(layer, given).flatten(0, 1).var(0)

        self._run_watched(watch)
        return found

    @cached_property
    def covariances(self) -> dict[str, Tensor]:
        """For each reading layer the covariance (groups, features, features) of what it reads."""
        found: dict[str, Tensor] = {}
        generator = torch.Generator().manual_seed(self.seed)

        def watch(name: str, layer: nn.Module, given: Tensor, output: Tensor) -> None:
            read = features(layer, given, some_places(layer, output, ROWS, generator))
            read = read - read.mean(1, keepdim=True)
            found[name] = read.transpose(1, 2) @ read / read.shape[1]

        self._run_watched(watch)
        return found

    @cached_property
    def error_gain(self) -> dict[str, float]:
        """For each reading layer the mean square by which the network's output changes with an error in the layer's.

        As a multiple of the error's own mean square, which counts in variances of what the layer puts out. It is
        measured, with an error drawn for each element.
        """
        model = lay_channels_last(duplicate(self.folded))
        images = channels_last(self.images[:NOISE_IMAGES].detach())
        expected = tensors_in(run_on(model, images))
        generator = torch.Generator().manual_seed(self.seed)

        def add_noise(layer: nn.Module, _: object, output: Tensor) -> Tensor:
            spread = channel_vectors(layer, output).flatten(0, 1).var(0, correction=0).mean().sqrt()
            return output + NOISE * spread * torch.randn(output.shape, generator=generator).to(output)

        found = {}
        for name in dict.fromkeys(name for group in self.coupling.groups for name in group.readers):
            hook = model.get_submodule(name).register_forward_hook(add_noise)
            given = tensors_in(run_on(model, images))
            hook.remove()
            changes = torch.cat([(b - a).flatten() for a, b in zip(expected, given, strict=True)])
            found[name] = float(changes.square().mean()) / NOISE**2
        return found

    @cached_property
    def first_order(self) -> dict[str, Tensor]:
        """For each reading layer (N, C): in each image Σ a · ∂L/∂a over the places of each of its input channels.

        The slope is that of what this layer alone reads.
        """
        model = duplicate(self.model).eval().requires_grad_(False)
        kept: dict[str, Tensor] = {}

        def own(_: nn.Module, given: tuple[Tensor], name: str) -> Tensor:
            kept[name] = given[0].clone()  # another layer may read the same tensor
            kept[name].retain_grad()
            return kept[name]

        for name in self._readers():
            model.get_submodule(name).register_forward_pre_hook(lambda layer, given, name=name: own(layer, given, name))
        with torch.enable_grad():
            logits = run_on(model, self.images.clone().requires_grad_())
            F.cross_entropy(logits, self.labels, reduction="sum").backward()
        return {
            name: channel_vectors(self.layer(name), given.detach() * given.grad).sum(1) for name, given in kept.items()
        }
