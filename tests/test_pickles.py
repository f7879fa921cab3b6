"""Nothing is unpickled, evaluated or given to a shell: not in the source, and not while building and asking (F14)."""

from __future__ import annotations

import ast
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import cooc
from tests.corpora import write_jsonl

PACKAGE = Path(cooc.__file__).parent
REFUSED_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
REFUSED_CALLS = {"eval", "exec", "compile"}

PROGRAM = """
import sys
REFUSED = ("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "marshal.load")
seen = []

def hook(event, arguments):
    if event in REFUSED and "numba" not in str(sys._getframe(1).f_code.co_filename):
        seen.append((event, str(arguments)[:200], sys._getframe(1).f_code.co_filename))
    if event == "subprocess.Popen":
        # the standard library asks uname what the processor is
        seen.extend([] if arguments[0] in (sys.executable, "uname") else [(event, str(arguments)[:200], "")])

import cooc
from cooc.create import pipeline
pipeline.SMALL_BYTES = 0
sys.addaudithook(hook)
index = cooc.build(sys.argv[1], sys.argv[2], workers=2, terms=["the auk"], meta_fields=["year"])
cooc.count(index, "great auk"), cooc.pair(index, "great", "auk"), cooc.neighbors(index, "auk", min_count=1)
cooc.ngrams(index, n=2, min_count=1), cooc.verify(index)
cooc.merge([sys.argv[2]], sys.argv[2] + "-merged", workers=2)
print(seen)
"""


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_module_can_unpickle_or_evaluate(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not REFUSED_MODULES & {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in REFUSED_MODULES
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in REFUSED_CALLS | {"os.system", "os.popen", "np.load", "numpy.load"}
            for word in node.keywords:
                assert word.arg not in ("allow_pickle", "shell") or ast.unparse(word.value) == "False"


def test_building_and_asking_unpickle_nothing_and_start_only_python(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", [["the", "great", "auk"], ["the", "auk"]] * 20)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, source, tmp_path / "index"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_no_test_can_reach_another_machine() -> None:
    with pytest.raises(PermissionError, match=r"a test tried to reach example\.org"):
        socket.create_connection(("example.org", 80), timeout=1)
    with socket.socket() as ours, pytest.raises(PermissionError, match=r"a test tried to reach 192\.0\.2\.1"):
        ours.connect(("192.0.2.1", 80))
