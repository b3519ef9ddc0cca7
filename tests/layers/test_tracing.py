"""Tracing while other threads run, and trace, their own networks."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import compress_core as cc
from compress_core.analysis.diagram import block_diagram
from compress_core.pruning.coupling import couple

IMAGES = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("arch", ["mobilenet_v1", "shufflenet_v2"])
def test_networks_run_as_ever_while_others_are_traced(arch):
    model = cc.build(arch, 0.1).eval()
    with torch.no_grad():
        expected = model(IMAGES)
    stop = threading.Event()

    def run() -> int:
        runs = 0
        while not stop.is_set():
            with torch.no_grad():
                assert torch.equal(model(IMAGES), expected)
            runs += 1
        return runs

    def trace(seed: int) -> list[str]:
        other = cc.build("squeezenet", 0.1).eval()
        block_diagram(other, "fires.1", IMAGES[:1])
        return [group.name for group in couple(other, IMAGES[:1]).groups]

    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(run) for _ in range(2)]
        traced = [pool.submit(trace, seed) for seed in range(24)]
        try:
            names = [future.result() for future in traced]
        finally:
            stop.set()
        assert all(future.result() > 0 for future in running)
    assert all(each == names[0] for each in names)


@pytest.mark.parametrize("arch", ["shufflenet_v1", "shufflenet_v2"])
def test_a_network_cut_twice_remembers_what_each_layer_belonged_to(arch):
    """Surgery takes grouped convolutions apart, so that a second trace finds more nodes than the first wrote."""
    once = cc.prune_channels(cc.load(arch), IMAGES, ratio=0.4, criterion="random").model
    twice = cc.prune_channels(once, IMAGES, ratio=0.4, criterion="random").model
    layers = [
        node for node in twice.graph.nodes if node.op == "call_module" and node.target in dict(once.named_modules())
    ]
    assert len(layers) > 20
    for node in layers:
        own = [unit for unit in node.meta["nn_module_stack"] if not unit.startswith("moved_")]
        assert own and all(node.target == unit or node.target.startswith(f"{unit}.") for unit in own)
