"""The promises of the README."""

import re

import compress_core as cc
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


def test_every_python_block_runs_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) >= 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    m = names["m"]
    assert (tmp_path / "small.safetensors").stat().st_size == m.file_bytes
    assert 0 < m.accuracy < 1 and m.latency_ms > 0
    assert (tmp_path / "quantized.safetensors").stat().st_size <= 40_000 + 500
    assert names["table"]["macs"].sum() > 1e7 and names["healed"] is not names["p"].model
    assert set(names["plan"].values()) <= {2, 3, 4, 5, 6, 8}


def test_every_public_function_that_it_names_is_there():
    for name in set(re.findall(r"\bcc\.(\w+)", README)):
        assert hasattr(cc, name), name


def test_every_file_on_the_map_is_there():
    tree = re.search(r"## The map of the code.*?```\n(.*?)```", README, re.S)[1]
    for name in re.findall(r"\b[a-z_]+(?:\.py|/)(?=[ ,(])", tree):
        places = [ROOT / name, ROOT / "compress_core" / name, ROOT / "ui" / name, ROOT / "tests" / name]
        assert any(place.exists() for place in places), name
    for folder in (ROOT / "compress_core").iterdir():
        assert folder.name in ("__pycache__", "checkpoints") or not folder.is_dir() or f"{folder.name}/" in tree
    assert (ROOT / re.search(r"!\[.*?\]\((.*?)\)", README)[1]).exists()
