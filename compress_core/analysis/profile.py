"""What each layer of a network costs, counted from the shapes of one forward pass."""

import pandas as pd
import torch
from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import FREE, count_macs, layer_kind
from compress_core.layers.running import check_example
from compress_core.pruning.operations import tensors_in

COLUMNS = ["layer", "kind", "input_shape", "output_shape", "params", "macs", "memory_access", "activation_bytes"]


def profile(model: nn.Module, example_input: Tensor) -> pd.DataFrame:
    """A row per layer, in the order in which they run, for one image; the model stays as it was.

    Layers are the modules that have no modules of their own (parametrizations aside), and a channel shuffle. What a
    network does between them (an addition, a concatenation) is no row.

    Columns: `layer` (name), `kind` (see `layer_kind`), `input_shape` and `output_shape` (without the batch), `params`
    (counted once where a layer runs more than once), `macs` (the multiply–accumulates of convolutions and linear
    layers as the papers count them, without biases and BatchNorm), `memory_access` (elements read and written: input,
    output and parameters, as in ShuffleNetV2, Ma et al. 2018, section 2, G1) and `activation_bytes` (of the output).

    Raises:
        ValueError: the network does not run on the example, such as for its number of channels.
    """
    check_example(example_input)
    rows: list[tuple] = []
    seen: set[str] = set()
    network = duplicate(model).eval()

    def note(name: str, layer: nn.Module):
        def hook(_, args: tuple, named: dict, output: object) -> None:
            read, made = tensors_in((args, named)), tensors_in(output)
            if not read or not made:
                return
            own = sum(p.numel() for p in layer.parameters())
            params = 0 if name in seen else own
            seen.add(name)
            access = read[0][0].numel() + made[0][0].numel() + own
            size = made[0][0].numel() * made[0].element_size()
            shapes = tuple(read[0].shape[1:]), tuple(made[0].shape[1:])
            rows.append((name, layer_kind(layer), *shapes, params, count_macs(layer, read[0], made[0]), access, size))

        return hook

    for name, layer in network.named_modules():
        if not isinstance(layer, FREE) and _is_lowest(layer) and ".parametrizations." not in f".{name}.":
            layer.register_forward_hook(note(name, layer), with_kwargs=True)
    try:
        with torch.inference_mode():
            network(example_input[:1])
    except RuntimeError as error:
        shape = "×".join(map(str, example_input.shape[1:]))
        why = str(error).partition("\n")[0]
        raise ValueError(f"{type(model).__name__} does not run on an example of {shape} (C×H×W): {why}") from error
    return pd.DataFrame(rows, columns=COLUMNS)


def _is_lowest(layer: nn.Module) -> bool:
    """Whether it has no modules of its own but those that make its weights."""
    return all(name == "parametrizations" for name, _ in layer.named_children())
