"""The folders of the package import downwards only, and building and querying never meet but in the format."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cooc

PACKAGE = Path(cooc.__file__).parent

# each may import itself and what is named; the names are those of the folders and files of the package
MAY_IMPORT = {
    "errors": set(),
    "kernels": {"errors"},
    "terms": {"errors"},
    "tokens": {"errors", "kernels"},
    "index": {"errors", "kernels", "tokens"},
    "corpus": {"errors"},
    "phrases": {"errors", "kernels", "tokens", "index"},
    "create": {"errors", "kernels", "tokens", "index", "corpus", "phrases"},
    "query": {"errors", "kernels", "tokens", "index", "phrases", "terms"},
    "seeds": {"errors", "kernels", "terms", "tokens", "index", "corpus", "query"},
    "verbs": {"errors", "create", "exchange", "index", "phrases", "terms"},
    "clusters": {"errors", "kernels", "terms", "tokens", "index", "phrases", "query"},
    "evidence": {"errors", "terms", "index", "query", "clusters"},
    "page": {"errors", "terms", "index", "query", "clusters", "evidence"},
    "exchange": {"errors", "kernels", "tokens", "index", "create", "query"},
    "lab": {
        "errors", "kernels", "terms", "tokens", "index", "corpus", "query", "clusters", "evidence", "page", "verbs",
    },
    "demo": {"errors", "create", "index", "query", "terms", "verbs"},
    "cli": {
        "clusters", "errors", "evidence", "corpus", "create", "index", "query", "seeds", "terms", "tokens", "verbs",
        "demo", "page", "lab",
    },
}


def imports_of(path: Path) -> set[str]:
    """Parts of cooc that a file imports, inside functions too; not those for the type checker alone."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = [ast.Pass()]
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("cooc.")}


@pytest.mark.parametrize("part", sorted(MAY_IMPORT))
def test_imports_point_downwards(part: str) -> None:
    single = PACKAGE / f"{part}.py"
    for path in [single] if single.exists() else sorted((PACKAGE / part).rglob("*.py")):
        beyond = imports_of(path) - MAY_IMPORT[part] - {part}
        assert not beyond, f"{path.relative_to(PACKAGE)} imports cooc.{', cooc.'.join(sorted(beyond))}"


def test_every_part_of_the_package_has_its_place() -> None:
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert parts - {"__init__", "__main__"} == set(MAY_IMPORT)


def test_numba_has_one_door() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert ("import numba" not in text and "from numba" not in text) or path.parent.name == "kernels", path


def test_nothing_is_unpickled() -> None:
    for path in PACKAGE.rglob("*.py"):
        for word in ("pickle.load", "allow_pickle=True", "eval(", "exec(", "shell=True", "os.system"):
            assert word not in path.read_text().replace("re.compile(", ""), f"{path} has {word}"


def test_the_kernels_run_interpreted_and_give_the_same_counts() -> None:
    """A wrong index raises there, where compiled code would read foreign memory."""
    wanted = ["tests/test_counting.py", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *wanted],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "COOC_TEST_EXAMPLES": "5"},
        cwd=PACKAGE.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
