"""What times were measured on, in a few words."""

import os
import platform
from pathlib import Path

import torch


def machine_name() -> str:
    """The processor, its cores and torch's version: 'AMD EPYC, 2 cores, torch 2.13.0'."""
    cores = os.cpu_count() or 1
    version = torch.__version__.partition("+")[0]
    return f"{_processor()}, {cores} core{'s' if cores > 1 else ''}, torch {version}"


def _processor() -> str:
    """Linux tells it in a file; elsewhere Python has to know."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next((name for name in names if name), platform.processor() or platform.machine())
