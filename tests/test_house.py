"""The house: who may import whom, and the public names."""

import ast
from pathlib import Path

import pytest

import compress_core as cc
from tests.conftest import ROOT


def imports(file: Path) -> set[str]:
    """Every module that a file imports, at any depth of it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def files(*folders: str) -> list[Path]:
    found = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    assert found or folders == ("pages",)
    return found


@pytest.mark.parametrize("file", files("compress_core"), ids=lambda f: str(f.relative_to(ROOT)))
def test_the_core_knows_no_page(file):
    for name in imports(file):
        assert name.split(".")[0] not in {"streamlit", "ui", "pages", "app"}, name
        if name.split(".")[0] == "torchvision":
            assert file.name == "vision.py"


@pytest.mark.parametrize("file", files("compress_core/plots"), ids=lambda f: f.name)
def test_plots_know_tables_only(file):
    for name in imports(file):
        allowed = {"pandas", "plotly", "numpy", "math", "itertools", "collections"}
        assert name.split(".")[0] in allowed or name.startswith("compress_core.plots"), name


@pytest.mark.parametrize(
    ("folder", "stages"),
    [
        ("zoo", ("zoo", "errors", "registry")),
        ("pruning", ("pruning", "zoo", "errors", "registry", "duplicate", "tracing", "layers")),
        ("layers", ("layers", "errors", "duplicate")),
        ("quantization", ("quantization", "errors", "registry", "duplicate", "tracing", "layers")),
        ("data", ("data", "errors", "registry")),
    ],
)
def test_techniques_do_not_know_each_other(folder, stages):
    for file in files(f"compress_core/{folder}"):
        for name in imports(file):
            if name.startswith("compress_core."):
                assert name.split(".")[1] in stages, f"{file.name} imports {name}"


def test_pages_ask_the_core_and_know_no_torch():
    for file in [ROOT / "app.py", *(ROOT / "pages").glob("*.py")]:
        assert not {name.split(".")[0] for name in imports(file)} & {"torch", "torchvision", "numpy"}


def test_the_core_imports_without_streamlit():
    import subprocess
    import sys

    code = "import sys; sys.modules['streamlit'] = None; import compress_core; print(compress_core.__version__)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_every_public_name_is_there_and_explained():
    for name in cc.__all__:
        thing = getattr(cc, name)
        assert name == "__version__" or thing.__doc__, f"{name} has no docstring"
