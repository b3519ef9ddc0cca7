"""Latency: what is timed, and that more work takes longer. No absolute times."""

import torch
from torch import nn

import compress_core as cc
from compress_core.analysis.latency import compare_latency
from compress_core.measure import time_against


def test_a_network_beside_itself_is_as_fast():
    model = cc.build("studentnet").eval()
    latency = compare_latency(model, model, (1, 32, 32))
    assert 0.5 < latency.batch_speedup < 2 and latency.threads == torch.get_num_threads()


def test_ten_times_the_work_is_slower():
    small = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1))
    large = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), *[nn.Conv2d(64, 64, 3, padding=1) for _ in range(3)])
    latency = compare_latency(small, large, (3, 32, 32))
    assert latency.batch_speedup > 2 and latency.speedup > 1


def test_it_is_kept_by_shapes_so_bits_do_not_time_again():
    cache = cc.StageCache()
    original = cc.compress(cc.Recipe(), cache)
    first = time_against(cc.compress(cc.Recipe(bits=8), cache), original, cache)
    second = time_against(cc.compress(cc.Recipe(bits=4), cache), original, cache)
    assert first is second and cache.runs["latency"] == 1
    time_against(cc.compress(cc.Recipe(bits=4, prune=0.5), cache), original, cache)
    assert cache.runs["latency"] == 2
