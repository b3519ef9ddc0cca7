"""What a criterion may look at: the network, its coupled channels, and what calibration images do in it."""

from collections.abc import Callable, Iterable
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compress_core.duplicate import duplicate
from compress_core.pruning.coupling import NO_PLACE, ChannelGroup, Coupling
from compress_core.pruning.reading import features, some_places

TOGETHER = ("sum", "mean", "max")
ROWS = 8192
"""Of a layer's places over all images, how many the covariance of what it reads is estimated from."""


class Evidence:
    """A network and what was measured of it, each thing once and only if a criterion asks.

    Args:
        images: (N, C, H, W) calibration images, for criteria that look at data.
        labels: (N,) their classes, for criteria that look at the loss.
        together: how the scores of coupled channels become one: `sum`, `mean` or `max`.
        seed: of whatever is drawn.
    """

    def __init__(
        self,
        model: nn.Module,
        coupling: Coupling,
        images: Tensor | None = None,
        labels: Tensor | None = None,
        together: str = "mean",
        seed: int = 0,
    ):
        self.model, self.coupling, self.images, self.labels = model, coupling, images, labels
        self.together, self.seed = together, seed

    def layer(self, name: str) -> nn.Module:
        return self.model.get_submodule(name)

    def combine(self, group: ChannelGroup, parts: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
        """One score (size,) for each channel of a group, from (places, scores) of layers; NaN where nobody scored."""
        total = torch.full((group.size,), float("-inf") if self.together == "max" else 0.0, dtype=torch.float64)
        count = torch.zeros(group.size, dtype=torch.float64)
        for places, scores in parts:
            own = places != NO_PLACE
            if self.together == "max":
                total.scatter_reduce_(0, places[own], scores[own].double(), "amax")
            else:
                total.index_add_(0, places[own], scores[own].double())
            count.index_add_(0, places[own], torch.ones(int(own.sum()), dtype=torch.float64))
        total[count == 0] = float("nan")
        return (total / count if self.together == "mean" else total).float()

    def _readers(self) -> set[str]:
        return {name for group in self.coupling.groups for name in group.readers}

    def _watched(self, watch: Callable[[str, nn.Module, Tensor, Tensor], None], backward: bool = False) -> None:
        """Run the images through a copy in eval mode; `watch` sees each reader's input and output."""
        model = duplicate(self.model).eval()
        for name in self._readers():
            layer = model.get_submodule(name)
            layer.register_forward_hook(lambda layer, given, output, name=name: watch(name, layer, given[0], output))
        if not backward:
            with torch.no_grad():
                model(self.images)
            return
        model.requires_grad_(False)
        with torch.enable_grad():
            loss = F.cross_entropy(model(self.images.clone().requires_grad_()), self.labels, reduction="sum")
            loss.backward()

    @cached_property
    def variances(self) -> dict[str, Tensor]:
        """For each reading layer the variance of each of its input channels, over images and places."""
        found: dict[str, Tensor] = {}

        def watch(name: str, layer: nn.Module, given: Tensor, output: Tensor) -> None:
            channels = given.transpose(0, 1).flatten(1) if given.dim() == 4 else given.reshape(-1, given.shape[-1]).T
            found[name] = channels.var(1)

        self._watched(watch)
        return found

    @cached_property
    def covariances(self) -> dict[str, Tensor]:
        """For each reading layer the covariance (groups, features, features) of what it reads."""
        found: dict[str, Tensor] = {}
        generator = torch.Generator().manual_seed(self.seed)

        def watch(name: str, layer: nn.Module, given: Tensor, output: Tensor) -> None:
            read = features(layer, given, some_places(output, ROWS, generator))
            read = read - read.mean(1, keepdim=True)
            found[name] = read.transpose(1, 2) @ read / read.shape[1]

        self._watched(watch)
        return found

    @cached_property
    def first_order(self) -> dict[str, Tensor]:
        """For each reading layer and image, Σ a · ∂L/∂a over the places of each of its input channels: (N, C)."""
        kept: dict[str, Tensor] = {}

        def watch(name: str, layer: nn.Module, given: Tensor, output: Tensor) -> None:
            given.retain_grad()
            kept[name] = given

        self._watched(watch, backward=True)
        changes = {name: given.detach() * given.grad for name, given in kept.items()}
        return {
            name: c.flatten(2).sum(2) if c.dim() == 4 else c.flatten(1, -2).sum(1) if c.dim() > 2 else c
            for name, c in changes.items()
        }
