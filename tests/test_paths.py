"""Names in corpora, manifests and URLs are names: they lead to no other directory, and to no shell (F13).

A hook in every process, workers too, refuses to write outside the folders that a build was given, and to run
anything but Python and what `platform` asks.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cooc
from cooc.create.pipeline import build
from cooc.errors import CoocError, DamagedIndex, SourceError, UsageError
from cooc.index.reader import Index
from cooc.index.verify import verify
from tests.corpora import index_of
from tests.faults.disk import contents
from tests.faults.told import tell
from tests.tampering import copied, edit_manifest, sign

HOOK = """
import os, sys
INSIDE = os.environ["COOC_TEST_INSIDE"].split("|")
RUN = ("python", "uname", "rust_indexing")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

def is_inside(path):
    if isinstance(path, int):
        return True  # a file that is open already
    path = os.path.abspath(os.fsdecode(path))
    # what is compiled of a kernel is kept beside it
    return any(path == each or path.startswith(each + "/") for each in INSIDE) or "__pycache__" in path

def refuse(event, arguments):
    with open(os.environ["COOC_TEST_REFUSED"], "a") as file:
        file.write(f"{event} {arguments!r}\\n")
    raise PermissionError(f"{event} {arguments!r}")

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)) and arguments[2] and arguments[2] & WRITING:
        if not is_inside(arguments[0]) and os.fsdecode(arguments[0]) not in (
                "/dev/null", os.environ["COOC_TEST_REFUSED"]):
            refuse(event, arguments)
    elif event in ("os.remove", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree") and not is_inside(arguments[0]):
        refuse(event, arguments)
    elif event in ("os.rename", "os.link", "os.symlink") and not all(map(is_inside, arguments[:2])):
        refuse(event, arguments)
    elif event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "os.spawn"):
        program = os.path.basename(os.fsdecode(arguments[0]))
        if event == "os.system" or not program.startswith(RUN):
            refuse(event, arguments)

sys.addaudithook(hook)
"""

PROGRAM = """
import sys
import cooc
from cooc.create import pipeline
pipeline.SMALL_BYTES = 0
out, *places = sys.argv[1:]
index = cooc.build(places, out, workers=2, window=2, ngrams=2, min_count=1, terms=["great auk"])
assert cooc.verify(index).ok, cooc.verify(index).problems
cooc.merge([out], out + " merged", workers=1)
cooc.scan(places, ["auk"], out + " scan.parquet", window=2)
cooc.export(index, pairs=out + " pairs.parquet", npz=out + " m.npz")
"""


@pytest.fixture
def guarded(tmp_path: Path) -> Callable[..., list[str]]:
    """Runs a program that may write below a folder; what was refused to it and all that it started."""

    def run(program: str, inside: Path, *arguments: object) -> list[str]:
        site, said = tmp_path / "site", tmp_path / "refused"
        site.mkdir(exist_ok=True)
        (site / "sitecustomize.py").write_text(HOOK)
        package = str(Path(cooc.__file__).parents[1])
        settings = {"COOC_TEST_INSIDE": f"{inside}|{tmp_path / 'scratch'}", "COOC_TEST_REFUSED": str(said)}
        (tmp_path / "scratch").mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, check=False, cwd=inside,
            env={**os.environ, **settings, "PYTHONPATH": f"{site}:{package}", "TMPDIR": str(tmp_path / "scratch")},
        )  # fmt: skip
        refused = said.read_text().splitlines() if said.exists() else []
        assert done.returncode == 0, f"{done.stderr.decode()[-3000:]}\n{refused}"
        return refused

    return run


NAMES = [
    "a b.jsonl", "a;touch PWNED;.jsonl", "$(touch PWNED).jsonl", "`touch PWNED`.jsonl", "a\nb.jsonl", "-rf.jsonl",
    "'\".jsonl", "..jsonl", "...jsonl", "%2e%2e%2fup.jsonl", "a|b&c>PWNED.jsonl", "*?[a].jsonl", "a\\..\\b.jsonl",
    "\x01\x1b[31m.jsonl", "жук 一 \u202e.jsonl", "x" * 249 + ".jsonl", "work.jsonl", "a.part.jsonl",
]  # fmt: skip
"""Of corpus files."""


def test_corpus_files_of_any_name_are_read_and_nothing_else_is_touched(
    tmp_path: Path, guarded: Callable[..., list[str]]
) -> None:
    corpus, inside = tmp_path / "corpus;touch PWNED", tmp_path / "in side;touch PWNED"
    corpus.mkdir()
    inside.mkdir()
    for number, name in enumerate(NAMES):
        text = json.dumps({"text": f"the great auk {number}", "id": "../../up"})
        (corpus / name).write_text(text + "\n")
    before = {path.name for path in tmp_path.iterdir()}
    assert guarded(PROGRAM, inside, inside / "in $(touch PWNED) dex", corpus) == []
    assert {path.name for path in tmp_path.iterdir()} - before <= {"site", "refused", "scratch"}
    assert list(tmp_path.rglob("PWNED*")) == []
    index = Index(inside / "in $(touch PWNED) dex")
    seen = [name for name in sorted(NAMES) if not name.startswith(".")]
    assert [Path(source.url).name for source in index.manifest.sources] == seen
    lines = index.tokens.metadata.all().tobytes().splitlines()
    assert sorted(Path(json.loads(line)["path"]).name for line in lines) == seen
    tell("F13", what="names of corpus files", names=len(NAMES))


def test_the_guard_refuses_what_it_should(tmp_path: Path, guarded: Callable[..., list[str]]) -> None:
    program = """
import os, subprocess, sys
tries = [lambda: open(sys.argv[1] + "/up", "w"), lambda: os.mkdir(sys.argv[1] + "/up"), lambda: os.system("true"),
         lambda: subprocess.run(["sh", "-c", "true"]), lambda: os.rename("a", sys.argv[1] + "/up")]
for each in tries:
    try:
        each()
    except PermissionError:
        pass
    else:
        sys.exit("let by")
"""
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a").write_text("")
    assert len(guarded(program, inside, tmp_path)) == 5


@pytest.mark.parametrize("name", ["a\0b.jsonl", "../a\0.jsonl", "memory://a\0b.jsonl", "a\0*.jsonl"])
def test_a_name_with_a_nul_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CoocError, match=r"there is no such file|no corpus files|can't be|NUL"):
        build([name], tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_a_name_that_is_not_utf8_is_refused_in_a_folder(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jsonl")).write_text('{"text": "a"}\n')
    except OSError:
        pytest.skip("this file system takes no such name")
    with pytest.raises(SourceError, match="the file's name is not valid UTF-8"):
        build([tmp_path], tmp_path / "index")


@pytest.fixture
def memory() -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    filesystem = fsspec.filesystem("memory")
    yield filesystem
    filesystem.store.clear()
    filesystem.pseudo_dirs[:] = [""]


URLS = [
    "memory://../../up.jsonl", "memory:///../up.jsonl", "memory://a;touch PWNED.jsonl", "memory://a\nb.jsonl",
    "memory://%2e%2e/up.jsonl", "memory://a/../../up.jsonl", "memory://" + "x" * 300 + ".jsonl",
]  # fmt: skip


@pytest.mark.parametrize("url", URLS)
def test_a_url_is_a_name_and_no_path(memory: Any, tmp_path: Path, url: str) -> None:
    memory.pipe_file(url.removeprefix("memory://"), b'{"text": "great auk"}\n')
    inside = tmp_path / "inside"
    inside.mkdir()
    index = Index(build([url], inside / "index", workers=1, window=2, min_count=1))
    assert [source.url for source in index.manifest.sources] == [url]
    assert index.manifest.tokens == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside"]
    assert [path.name for path in inside.iterdir()] == ["index"]


def test_a_url_of_no_known_kind_starts_nothing(tmp_path: Path) -> None:
    for url in ("sh://touch PWNED", "../x://a", "file+sh://a", "://a"):
        with pytest.raises((UsageError, SourceError), match=r"fsspec can't open this|there is no such file"):
            build([url], tmp_path / "index")
    assert list(tmp_path.iterdir()) == []


# Names in an index


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paths")
    return index_of(folder / "deep" / "er", [["the", "great", "auk"], ["the", "auk"]], window=2, ngrams=2).path


@pytest.fixture
def index(whole: Path, tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    return copied(whole, tmp_path / "deep")


def renamed(manifest: dict[str, Any], old: str, new: str) -> None:
    for record in manifest["files"]:
        record["name"] = record["name"].replace(old, new)


OUTSIDE = ["../../../up", "..", "a/../../../up", "a\0b"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_window_whose_name_leads_outside_is_found(index: Path, name: str) -> None:
    edit_manifest(index, lambda manifest: manifest["windows"][0].update(name=name))
    assert "is not inside the index" in "\n".join(verify(index).problems)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_window_whose_name_leads_outside_is_refused(index: Path, tmp_path: Path, name: str) -> None:
    target = Path(os.path.normpath(index / "pairs" / name.replace("\0", "")))
    if target.is_relative_to(tmp_path) and not target.exists():
        (index / "pairs" / "2").rename(target)  # so that what it leads to is there, and whole

    def change(manifest: dict[str, Any]) -> None:
        manifest["windows"][0]["name"] = name
        renamed(manifest, "pairs/2/", f"pairs/{name}/")

    edit_manifest(index, change)
    assert "is not inside the index" in "\n".join(verify(index).problems)
    with pytest.raises(DamagedIndex, match="not inside the index"):
        Index(index).pairs().row(0)
    with pytest.raises(DamagedIndex, match="not inside the index"):
        cooc.export(Index(index), pairs=tmp_path / "p.parquet")


@pytest.mark.parametrize("name", ["../up.json", "/etc/hostname", "..", "a/b.json", ""])
def test_a_tokenizer_file_outside_the_index_is_refused(index: Path, name: str) -> None:
    (index.parent / "up.json").write_text("{}")
    edit_manifest(index, lambda manifest: manifest["tokenizer"].update(kind="hf", file=name, digest="0" * 32))
    with pytest.raises(DamagedIndex, match="as tokenizer; expected a file name"):
        Index(index).vocabulary.ids("auk")


def test_a_link_in_an_index_stands_for_no_other_bytes(index: Path, tmp_path: Path) -> None:
    path, secret = index / "vocabulary" / "terms.u8", tmp_path / "secret"
    secret.write_bytes(b"x" * path.stat().st_size)
    path.unlink()
    path.symlink_to(secret)
    assert str(path) in verify(index).problems[0]
    with pytest.raises(DamagedIndex, match="differ from their digest"):
        Index(index).vocabulary.term(0)


def test_merging_writes_nothing_where_names_in_an_index_lead(
    index: Path, tmp_path: Path, guarded: Callable[..., list[str]]
) -> None:
    lines = (index / "tokens" / "metadata.0").read_bytes()
    source = json.loads((index / "manifest.json").read_bytes())["sources"][0]["url"]
    hostile = "../" * (len(source) // 3) + "u" * (len(source) % 3)
    (index / "tokens" / "metadata.0").write_bytes(lines.replace(source.encode(), hostile.encode()))
    edit_manifest(index, lambda manifest: manifest["sources"][0].update(url=hostile))
    sign(index)
    inside = tmp_path / "inside"
    inside.mkdir()
    program = "import sys, cooc; cooc.merge([sys.argv[1]], sys.argv[2], workers=2)"
    assert guarded(program, inside, index, inside / "merged") == []
    assert Index(inside / "merged").manifest.sources[0].url == hostile


def test_a_build_removes_nothing_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("great auk")
    mine, index = tmp_path / "mine", tmp_path / "index"
    mine.mkdir()
    (mine / "thesis.part").write_text("mine")
    (index / "work").mkdir(parents=True)
    (index / "work" / "done").symlink_to(mine)
    (index / "pairs").symlink_to(mine)
    before = contents(mine)
    with contextlib.suppress(CoocError):
        build([tmp_path / "a.txt"], index, workers=1)
    assert before.items() <= contents(mine).items()
