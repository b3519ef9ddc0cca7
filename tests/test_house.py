"""The house: the levels and who may import whom, one name a topic, the registries, and the public names."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import compress_core as cc
from tests.conftest import ROOT

CORE = ROOT / "compress_core"
LEVELS = (
    {"errors", "registry", "recipe", "cache", "version"},
    {"layers", "zoo", "data"},
    {"pruning", "quantization"},
    {"analysis", "training"},
    {"pipeline", "measure", "files", "export"},
    {"studies"},
    {"plots", "text"},
    {"report"},
)
"""From the bottom up: a module imports from its own level and from those before it."""
FILES = ("cache", "errors", "export", "files", "measure", "pipeline", "registry", "report", "version")
SPINE = {"__init__.py", "__main__.py", "py.typed"} | {f"{name}.py" for name in FILES}
TOPICS = {
    "architectures",
    "compare",
    "datasets",
    "distillation",
    "guidelines",
    "home",
    "ideas",
    "pruning",
    "quantization",
    "shuffle",
}
OF_OTHERS = {"stories"}
"""Pages that show nothing but other pages."""
LONGEST = 400
"""Lines of a file."""
MODULES = sorted(
    file for file in CORE.rglob("*.py") if file.parent != CORE or file.name not in ("__init__.py", "__main__.py")
)
CODE = [ROOT / "app.py", *(f for d in ("compress_core", "ui", "pages", "benchmarks") for f in (ROOT / d).rglob("*.py"))]


def imports(file: Path) -> set[str]:
    """Every module that a file imports, at any depth of it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def level(module: str) -> int:
    """The level of `compress_core.module…`."""
    part = module.split(".")[1]
    return next(i for i, names in enumerate(LEVELS) if part in names)


def shown(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", MODULES, ids=shown)
def test_nothing_imports_upwards(file):
    own = level("compress_core." + file.relative_to(CORE).parts[0].removesuffix(".py"))
    for name in imports(file):
        package = name.split(".")[0]
        assert package not in {"streamlit", "ui", "pages", "app"}, name
        assert package != "torchvision" or file.name == "vision.py", name
        if package == "compress_core":
            assert level(name) <= own, f"{shown(file)} imports {name}"


@pytest.mark.parametrize("file", [ROOT / "app.py", *(ROOT / "pages").glob("*.py")], ids=shown)
def test_a_page_writes_nothing_by_accident(file):
    """Streamlit shows every string and name that stands by itself in a script, but for the first."""
    alone = [node for node in ast.parse(file.read_text()).body[1:] if isinstance(node, ast.Expr)]
    assert all(isinstance(node.value, ast.Call) for node in alone)


def test_the_two_techniques_do_not_know_each_other():
    for one, other in (("pruning", "quantization"), ("quantization", "pruning")):
        for file in (CORE / one).rglob("*.py"):
            assert not [name for name in imports(file) if name.startswith(f"compress_core.{other}")], shown(file)


@pytest.mark.parametrize("folder", ["plots", "text"])
def test_figures_and_sentences_know_no_torch(folder):
    for file in (CORE / folder).rglob("*.py"):
        assert not {name.split(".")[0] for name in imports(file)} & {"torch", "torchvision"}, shown(file)


def test_plots_know_tables_and_the_registries_only():
    allowed = {"pandas", "plotly", "numpy", "math", "itertools", "collections"}
    for file in (CORE / "plots").rglob("*.py"):
        for name in imports(file):
            known = name.startswith(("compress_core.plots", "compress_core.registry"))
            assert known or name.split(".")[0] in allowed, f"{shown(file)} imports {name}"


def test_the_pages_ask_the_core_and_know_no_torch():
    for file in [ROOT / "app.py", *(ROOT / "pages").glob("*.py")]:
        assert not {name.split(".")[0] for name in imports(file)} & {"torch", "torchvision", "numpy"}, shown(file)


def test_the_top_of_the_core_is_its_spine():
    assert {file.name for file in CORE.iterdir() if file.is_file()} == SPINE
    folders = {folder.name for folder in CORE.iterdir() if folder.is_dir() and folder.name != "__pycache__"}
    assert folders == set().union(*LEVELS) - {name.removesuffix(".py") for name in SPINE} | {"checkpoints"}


def test_a_topic_has_one_name_in_every_layer():
    pages = {file.stem.lower() for file in (ROOT / "pages").glob("*.py")} | {"home"}
    assert {"shuffle" if page == "channel_shuffle" else page for page in pages} - OF_OTHERS == TOPICS
    for folder in (CORE / "studies", CORE / "text", ROOT / "ui/about"):
        assert {path.stem for path in folder.iterdir()} >= TOPICS, folder
    assert {path.stem for path in (CORE / "plots").iterdir()} >= TOPICS - {"home"}  # whose figures are those of others


@pytest.mark.parametrize("file", CODE, ids=shown)
def test_no_file_is_longer_than_a_person_reads(file):
    assert len(file.read_text().splitlines()) <= LONGEST


def test_the_core_imports_without_streamlit():
    code = "import sys; sys.modules['streamlit'] = None; import compress_core; print(compress_core.__version__)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_every_public_name_is_there_and_explained():
    for name in cc.__all__:
        assert name == "__version__" or getattr(cc, name).__doc__, f"{name} has no docstring"
