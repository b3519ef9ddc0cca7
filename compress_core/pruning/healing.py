"""Healing: what brings a pruned network back. Those here need no labels and no gradients; each returns a new network.

One that trains registers itself from `training/`. A new one is a function and an entry at the end of this file.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps

import torch
from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import groups_of, is_batchnorm, is_depthwise, is_plain, is_weighted
from compress_core.layers.matrices import channel_vectors, features, weight_matrix
from compress_core.layers.modules import RaggedConv2d
from compress_core.layers.recording import LayerOutputs, record_outputs
from compress_core.layers.regression import Regression
from compress_core.layers.running import channels_last, check_images, lay_channels_last, run_on, single_precision
from compress_core.pruning.channels import PruneResult
from compress_core.pruning.compensation import Moments, second_moments, spread
from compress_core.pruning.coupling import Coupling
from compress_core.registry import HEALINGS, Entry

RIDGE = 1e-2
"""How strongly reconstruction holds a layer to the weights that compensation gave it, where images tell little."""


Heal = Callable[..., nn.Module]
"""From what was pruned, the original, calibration images (N, C, H, W) and their dataset to a new, healed network; after
these comes what `Healing.statistics` has found, where it has any."""


@dataclass(frozen=True, kw_only=True)
class Healing(Entry):
    """A way to bring a pruned network back, and what is said of it: its title is an order, 'Recalibrate BatchNorm'."""

    heal: Heal | None = None
    """None where nothing is done."""
    images: int = 512
    """Calibration images that it looks at."""
    statistics: Callable[[nn.Module, Tensor], object] | None = None
    """What it needs to know of the original and these images, whatever is cut: taken once a network."""
    after: str = ""
    """The healing whose result it starts from, if any."""
    slow: bool = False
    """Whether it takes seconds, for which no page stands still."""
    result: str = ""
    """What it has done, below a step of a figure: 'BatchNorm recalibrated'."""
    gerund: str = ""
    """Doing it, as a noun in a sentence: 'recalibrating BatchNorm'."""
    method: str = ""
    """How it does it, before '… brings it to 97 %'."""


def recalibrate(model: nn.Module, images: Tensor) -> nn.Module:
    """Re-estimate the running mean and variance of every BatchNorm from `images` (N, C, H, W), in one pass.

    No labels and no gradients: after channels are cut, what reaches each BatchNorm has another mean and
    variance than the ones it was trained with, and this alone is most of the damage. All images go through
    as one batch, so each layer sees inputs that the layers before it have already corrected.

    Raises:
        ValueError: there is no image, or the network does not run on these.
    """
    check_images(images, "Recalibration")
    healed = lay_channels_last(duplicate(single_precision(model))).eval()
    norms = [m for m in healed.modules() if is_batchnorm(m)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain average over the batches seen
        norm.train()
    dtype = next((tensor.dtype for tensor in healed.parameters()), images.dtype)
    run_on(healed, channels_last(images.to(dtype)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return _as_before(healed.to(memory_format=torch.contiguous_format), model).eval()


def _as_before(healed: nn.Module, model: nn.Module) -> nn.Module:
    """A healed network in the precision of the one that it was made from, tensor by tensor, in place."""
    kinds = {name: tensor.dtype for name, tensor in (*model.named_parameters(), *model.named_buffers())}
    usual = next(iter(kinds.values()), torch.float32)
    for name, tensor in (*healed.named_parameters(), *healed.named_buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(kinds.get(name, usual))
    return healed


def _in_single_precision(heal: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """A healing that takes networks of any precision: least squares is solved in float32 at least."""

    @wraps(heal)
    def healed(pruned: PruneResult, model: nn.Module, images: Tensor, *args: object, **named: object) -> nn.Module:
        whole = single_precision(model)
        if whole is model:
            return heal(pruned, model, images, *args, **named)
        smaller = replace(pruned, model=single_precision(pruned.model))
        return _as_before(heal(smaller, whole, images.float(), *args, **named), pruned.model)

    return healed


@_in_single_precision
def absorb(pruned: PruneResult, model: nn.Module, images: Tensor) -> nn.Module:
    """Fold what the dropped channels sent on average over `images` (N, C, H, W) into what reads them.

    A channel whose γ is near zero sends little else: act(β), whatever the image, and its mean is just that.

    Args:
        pruned: what was cut, from `model`; neither is changed.

    Raises:
        ValueError: there is no image, or the network does not run on these.
    """
    check_images(images, "Absorbing")
    original, healed = duplicate(model).eval(), duplicate(pruned.model).eval()
    sent: dict[str, Tensor] = {}
    for name, layer in _layers(original, pruned):

        def note(layer: nn.Module, given: tuple[Tensor], _: Tensor, name: str = name) -> None:
            mean = channel_vectors(layer, given[0]).mean((0, 1))
            mean[pruned.kept[name].inputs] = 0  # those still speak for themselves
            weights = weight_matrix(layer)  # (groups, outputs of a group, features)
            means = mean.view(len(weights), -1).repeat_interleave(weights.shape[2] * len(weights) // len(mean), 1)
            sent[name] = (weights @ means.unsqueeze(2)).flatten()

        layer.register_forward_hook(note)
    run_on(original, images)
    for part in _parts(healed, pruned):
        if not is_depthwise(part.layer):
            _shift_output(part, sent[part.name][part.outputs])
    return healed


@_in_single_precision
def compensate(
    pruned: PruneResult, model: nn.Module, images: Tensor, moments: Moments | None = None, seed: int = 0
) -> nn.Module:
    """Give each layer's remaining inputs what the cut ones said, as far as they tell it; then recalibrate.

    Each layer that reads cut channels gets W′ = W M, where M tells all channels from those that stay and a constant,
    by least squares on what the original read: one map a channel, shared by the places of the kernel. Only the
    original is looked at, and that once for every ratio: see `second_moments`.

    Args:
        pruned: what was cut, from `model`; neither is changed.
        images: (N, C, H, W) calibration images; some hundred are enough.
        moments: of `model`; taken from the images if left out.
        seed: of the places of the maps that are looked at.

    Raises:
        ValueError: there is no image, or the network does not run on these.

    As *GRAIL* (2026, arXiv 2602.23795) does after any choice of channels.
    """
    check_images(images, "Compensation")
    moments = second_moments(model, images, seed) if moments is None else moments
    healed = duplicate(pruned.model).eval()
    for part in _parts(healed, pruned):
        before, stay = model.get_submodule(part.name), pruned.kept[part.name].inputs
        if not is_depthwise(before):
            part.layer.weight.data, shift = _compensated(part, before, stay, moments[part.name])
            _shift_output(part, shift)
    return recalibrate(healed, images)


@dataclass(frozen=True)
class OriginalActivity:
    """What the layers of a network read and give on calibration images. No cut changes it: keep it for the next."""

    read: Moments
    given: LayerOutputs


def watch_original(model: nn.Module, images: Tensor, seed: int = 0) -> OriginalActivity:
    """Run a network on images (N, C, H, W), for `reconstruct`.

    Args:
        seed: of the places of the maps that are looked at.

    Raises:
        ValueError: there is no image, or the network does not run on these.
    """
    check_images(images, "Reconstruction")
    given = record_outputs(model, images, seed, lambda layer: is_weighted(layer) and not is_depthwise(layer))
    return OriginalActivity(second_moments(model, images, seed), given)


@_in_single_precision
def reconstruct(
    pruned: PruneResult, model: nn.Module, images: Tensor, original: OriginalActivity | None = None, seed: int = 0
) -> nn.Module:
    """Solve each layer again so that it gives what it gave before, from what the cut has left it to read.

    One pass through the layers in the order in which they run: ridge regression of the original's output on what the
    layer reads now, where the layers before it are solved already; the ridge holds it to the weights of `compensate`.
    Depthwise layers, which mix no channels, stay as they are, and a layer that runs several times is only compensated,
    since what it gave at one time is not what it should give at another. No labels and no gradients.

    Args:
        pruned: what was cut, from `model`; neither is changed.
        images: (N, C, H, W) calibration images; some hundred are enough.
        original: what `watch_original` saw of `model` on these images; looked at anew if left out.
        seed: of the places of the maps that are looked at.

    Raises:
        ValueError: there is no image, or the network does not run on these.

    After He et al. 2017, *Channel Pruning for Accelerating Very Deep Neural Networks*, section 3.1, which solves with
    what the original reads; layer after layer as in its section 3.2.
    """
    check_images(images, "Reconstruction")
    original = watch_original(model, images, seed) if original is None else original
    healed = duplicate(pruned.model).eval()
    mixing = [part for part in _parts(healed, pruned) if not is_depthwise(model.get_submodule(part.name))]
    once, hooks = _run_once(healed, pruned), []
    for part in mixing:
        before, stay = model.get_submodule(part.name), pruned.kept[part.name].inputs
        part.layer.weight.data, shift = _compensated(part, before, stay, original.read[part.name])
        if part.name not in once or not is_plain(part.layer):
            _shift_output(part, shift)
            continue

        def solve(layer: nn.Module, given: tuple[Tensor], part: _Part = part) -> Tensor:
            maps, places = channels_last(given[0]), original.given.places[part.name]
            _solve(part, features(layer, maps, places), original.given.values[part.name][:, part.outputs])
            return maps

        hooks.append(part.layer.register_forward_pre_hook(solve))
    run_on(healed, images)
    for hook in hooks:
        hook.remove()
    return healed


@dataclass(frozen=True)
class _Part:
    """A convolution or linear layer of the pruned network, whole or as one group of a ragged one."""

    name: str
    """Of the layer, as in the original."""
    layer: nn.Conv2d | nn.Linear
    outputs: Tensor
    """Which of the original's output channels it still makes."""
    norm: nn.Module | None
    """The BatchNorm that alone reads its output."""
    own: slice
    """Its channels among that BatchNorm's."""


def _layers(model: nn.Module, pruned: PruneResult) -> Iterator[tuple[str, nn.Module]]:
    for name in pruned.kept:
        layer = model.get_submodule(name)
        if is_weighted(layer):
            yield name, layer


def _parts(healed: nn.Module, pruned: PruneResult) -> Iterator[_Part]:
    norms = _norms_after(healed, pruned.coupling)
    for name, keep in pruned.kept.items():
        layer = healed.get_submodule(name)
        norm = healed.get_submodule(norms[name]) if name in norms else None
        if is_weighted(layer):
            yield _Part(name, layer, keep.outputs, norm, slice(None))
        elif isinstance(layer, RaggedConv2d):
            of_group = keep.outputs // (len(pruned.coupling.outputs[name]) // len(layer.sizes))
            start = 0
            for group, conv in layer.convs.items():
                own = keep.outputs[of_group == int(group)]
                yield _Part(name, conv, own, norm, slice(start, start := start + len(own)))


def _run_once(model: nn.Module, pruned: PruneResult) -> set[str]:
    """The names of layers that run once, with a weight that no other layer has."""
    runs = Counter(node.target for node in pruned.coupling.graph.nodes if node.op == "call_module")
    owners = Counter(id(tensor) for _, tensor in model.named_parameters(remove_duplicate=False))

    def own(name: str) -> bool:
        return all(owners[id(tensor)] == 1 for tensor in model.get_submodule(name).parameters())

    return {name for name in pruned.kept if runs[name] == 1 and own(name)}


def _norms_after(model: nn.Module, coupling: Coupling) -> dict[str, str]:
    """For each layer whose output only a BatchNorm reads, that BatchNorm's name."""
    found, modules = {}, dict(model.named_modules())
    for node in coupling.graph.nodes:
        readers = list(node.users)
        if node.op == "call_module" and len(readers) == 1 and readers[0].op == "call_module":
            after = readers[0].target
            if is_batchnorm(modules.get(after)):
                found[node.target] = after
    return found


def _compensated(part: _Part, before: nn.Conv2d | nn.Linear, stay: Tensor, moments: Tensor) -> tuple[Tensor, Tensor]:
    """A layer's weights as what the original's, `before`, make of the channels that stay, and what to add to each
    output for what those do not tell."""
    weights, shift = before.weight.detach(), torch.zeros(len(part.outputs))
    groups = groups_of(before)
    inputs, made = weights.shape[1], len(weights) // groups  # of a group
    new = part.layer.weight.data.clone()
    for group in range(groups):
        rows = (part.outputs // made == group).nonzero().flatten()
        stays = stay[stay // inputs == group] - group * inputs
        if not len(rows) or len(stays) == inputs or len(stays) != new.shape[1]:
            continue
        own = torch.cat([torch.arange(inputs) + group * inputs, torch.tensor([len(moments) - 1])])
        told = spread(moments[own][:, own], stays).to(weights.dtype)
        old = weights[part.outputs[rows]].flatten(2) if weights.dim() > 2 else weights[part.outputs[rows], :, None]
        new[rows] = torch.einsum("oik,is->osk", old, told[:, :-1]).reshape(new[rows].shape)
        shift = shift.to(weights.dtype).index_add(0, rows, (old.sum(2) @ told[:, -1]))
    return new, shift.to(weights.dtype)


def _solve(part: _Part, read: Tensor, target: Tensor) -> None:
    """Give a layer in place the weights that make a target (rows, outputs) of what is read (groups, rows, features)."""
    problem = Regression.of(read, target)
    weights = problem.solve(weight_matrix(part.layer), RIDGE)
    part.layer.weight.data = weights.reshape(part.layer.weight.shape)
    bias = 0 if part.layer.bias is None else part.layer.bias.detach()
    _shift_output(part, problem.constant(weights) - bias)


def _shift_output(part: _Part, by: Tensor) -> None:
    """Add a constant to each output of a layer in place: in its bias, or in the mean of the BatchNorm behind it."""
    if part.layer.bias is not None:
        part.layer.bias.data = part.layer.bias.data + by
    elif part.norm is not None and part.norm.running_mean is not None:
        part.norm.running_mean[part.own] -= by
    else:
        part.layer.bias = nn.Parameter(by)


def healings() -> list[str]:
    """The names that a recipe takes as `heal`, from the cheapest to the dearest."""
    return list(HEALINGS)


HEALINGS.register(
    none=Healing(title="Not at all", result="not healed", gerund="nothing"),
    absorb=Healing(
        title="Absorb the constants",
        formula="a dropped channel still put out a constant; the next layer's bias takes it over.",
        heal=lambda pruned, original, images, _: absorb(pruned, original, images),
        result="means absorbed",
        gerund="absorbing the constants",
        method="folding the dropped channels' means into what reads them",
    ),
    recalibrate=Healing(
        title="Recalibrate BatchNorm",
        formula="BatchNorm's mean and variance are estimated anew from unlabelled images.",
        heal=lambda pruned, _original, images, _: recalibrate(pruned.model, images),
        images=256,  # every one of them costs time on each turn of a knob
        result="BatchNorm recalibrated",
        gerund="recalibrating BatchNorm",
        method="showing the network 256 training images, without labels,",
    ),
    compensate=Healing(
        title="Compensate the cut channels",
        formula="what the cut channels said is told by those that stay, by least squares on the original's second "
        r"moments G: $W'_S = W\, G_{:,S}\,(G_{S,S} + \rho I)^{-1}$, then BatchNorm is recalibrated.",
        paper="GRAIL, arXiv 2602.23795",
        heal=lambda pruned, original, images, _, moments: compensate(pruned, original, images, moments),
        statistics=second_moments,
        result="cut channels compensated",
        gerund="compensating the cut channels",
        method="telling the cut channels from those that stay, on 512 training images, without labels,",
    ),
    reconstruct=Healing(
        title="Reconstruct each layer",
        formula=r"each layer's remaining weights are fitted, by least squares, to what the original put out: "
        r"$\min_W \lVert Y - X_{\text{kept}} W \rVert^2$",
        paper="He et al. 2017, *Channel Pruning for Accelerating Very Deep Neural Networks*, section 3.1",
        heal=lambda pruned, original, images, _, activity: reconstruct(pruned, original, images, activity),
        images=256,  # every one of them costs time on each turn of a knob
        statistics=watch_original,
        result="layers solved again",
        gerund="least-squares reconstruction",
        method="solving each layer again on 256 training images, without labels,",
    ),
)
