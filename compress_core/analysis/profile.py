"""What each layer of a network costs, counted from the shapes of one forward pass."""

import pandas as pd
import torch
from torch import Tensor, nn

from compress_core.layers.duplicate import duplicate
from compress_core.layers.kinds import FREE, count_macs, layer_kind

COLUMNS = ["layer", "kind", "input_shape", "output_shape", "params", "macs", "memory_access", "activation_bytes"]


def profile(model: nn.Module, example_input: Tensor) -> pd.DataFrame:
    """A row per layer, in the order in which they run, for one image; the model stays as it was.

    Layers are the modules that have no modules of their own, and a channel shuffle. What a network does between them
    (an addition, a concatenation) is no row.

    Columns: `layer` (name), `kind` (see `layer_kind`), `input_shape` and `output_shape` (without the batch), `params`
    (counted once where a layer runs more than once), `macs` (the multiply–accumulates of convolutions and linear
    layers as the papers count them, without biases and BatchNorm), `memory_access` (elements read and written: input,
    output and parameters, as in ShuffleNetV2, Ma et al. 2018, section 2, G1) and `activation_bytes` (of the output).

    Raises:
        ValueError: the network does not run on the example, such as for its number of channels.
    """
    rows: list[tuple] = []
    seen: set[str] = set()
    network = duplicate(model).eval()

    def note(name: str, layer: nn.Module):
        def hook(_, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            own = sum(p.numel() for p in layer.parameters(recurse=False))
            params = 0 if name in seen else own
            seen.add(name)
            access = inputs[0][0].numel() + output[0].numel() + own
            size = output[0].numel() * output.element_size()
            shapes = tuple(inputs[0].shape[1:]), tuple(output.shape[1:])
            rows.append((name, layer_kind(layer), *shapes, params, count_macs(layer, output), access, size))

        return hook

    for name, layer in network.named_modules():
        if not isinstance(layer, FREE) and not any(layer.children()):
            layer.register_forward_hook(note(name, layer))
    try:
        with torch.inference_mode():
            network(example_input[:1])
    except RuntimeError as error:
        shape = "×".join(map(str, example_input.shape[1:]))
        why = str(error).partition("\n")[0]
        raise ValueError(f"{type(model).__name__} does not run on an example of {shape} (C×H×W): {why}") from error
    return pd.DataFrame(rows, columns=COLUMNS)
