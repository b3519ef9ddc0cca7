"""What the README promises."""

import re

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text()


def test_the_python_lines_run_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(re.search(r"```python\n(.*?)```", README, re.S)[1], names)
    assert (tmp_path / "small.safetensors").stat().st_size == names["m"].file_bytes
    assert 0 < names["m"].accuracy < 1 and names["m"].latency_ms > 0


def test_every_file_on_the_map_is_there():
    tree = re.search(r"## The map of the code\n\n```\n(.*?)```", README, re.S)[1]
    for name in re.findall(r"\b[a-z_]+(?:\.py|/)(?= )", tree):
        places = [ROOT / name, *(ROOT / "compress_core").glob(name), *(ROOT / "tests").glob(name)]
        assert any(place.exists() for place in places), name
    assert (ROOT / re.search(r"!\[.*?\]\((.*?)\)", README)[1]).exists()
