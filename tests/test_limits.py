"""A system that grants little: few open files, little memory, no right to write, another build at the same time (F15).

What runs under a limit is a process by itself: a build gives the bytes of an undisturbed one or says in our words
why it does not, and is no crash.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cooc.cli.about import about_json
from cooc.create.calls import Call
from cooc.create.cluster import RayCrew
from cooc.create.merge import merge
from cooc.create.pipeline import build
from cooc.errors import BuildError, DamagedIndex
from cooc.index.files import BLOCK, CheckedArray
from cooc.index.reader import Index
from tests.corpora import index_of, write_jsonl
from tests.faults.disk import contents
from tests.faults.told import ALL, tell
from tests.test_build import some_documents

OPTIONS: dict[str, Any] = {"window": 3, "ngrams": 2, "min_count": 1, "terms": ["w1 w2"]}
SHARDS = 300

BUILD = f"""
import os, resource, sys
from pathlib import Path
from cooc.cli import main
from cooc.create import pipeline
from cooc.errors import CoocError
def build():
    pipeline.build(sorted(map(str, Path(sys.argv[2]).glob("*.jsonl"))), sys.argv[1], **options)
options = {{**{OPTIONS!r}, "workers": 1}}
"""
TOLD = """
try:
    build()
except CoocError as error:
    print(error)
    sys.exit(3)
"""


def run(program: str, *arguments: object, inside: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run a program in a process by itself: its exit status, and what it printed of an error."""
    command = [*inside, sys.executable, "-c", BUILD + program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=False)
    return done.returncode, done.stdout if done.returncode == 3 else done.stderr


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many files."""
    folder = tmp_path_factory.mktemp("shards")
    for number, document in enumerate(some_documents(SHARDS, seed=8)):
        write_jsonl(folder / f"{number:03}.jsonl", [document])
    return folder


@pytest.fixture(scope="module")
def undisturbed(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return contents(build(sorted(shards.iterdir()), tmp_path_factory.mktemp("limits") / "index", workers=1, **OPTIONS))


def test_a_few_open_files_are_enough(shards: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    index = tmp_path / "index"
    limited = """
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
pipeline.SMALL_BYTES = 0
options["workers"] = 2
build()
import cooc
index = cooc.open(sys.argv[1])
assert cooc.verify(index).ok
cooc.neighbors(index, "w1"), cooc.count(index, "w1 w2"), cooc.ngrams(index, n=2)
cooc.merge([sys.argv[1]], sys.argv[1] + "-merged", workers=2)
"""
    code, said = run(limited, index, shards)
    assert code == 0, said
    assert contents(index) == undisturbed


@pytest.mark.slow
def test_little_address_space_is_enough_or_is_named(
    shards: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    """Beyond what an interpreter has that has loaded everything."""
    limited = """
held = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) << 10
resource.setrlimit(resource.RLIMIT_AS, (held + (int(sys.argv[3]) << 20),) * 2)
options["memory"] = "512MB"
"""
    outcomes = []
    for megabytes in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] if ALL else [16, 1024]:
        index = tmp_path / str(megabytes)
        code, said = run(LOADED + limited + TOLD, index, shards, megabytes)
        outcomes.append(code)
        assert code in (0, 3), f"{megabytes} MB: {said[-2000:]}"
        if code == 3:
            assert "memory" in said, f"{megabytes} MB"
        assert contents(build(sorted(shards.iterdir()), index, workers=1, **OPTIONS)) == undisturbed
    assert outcomes[-1] == 0
    tell("F15", what="address space", outcomes=outcomes)


LOADED = """
whole = sys.argv[1]
sys.argv[1] = whole + "-first"
build()
sys.argv[1] = whole
"""


def test_sixty_four_megabytes_are_too_few_and_that_is_said(shards: Path, tmp_path: Path) -> None:
    code, said = run('options["memory"] = "64MB"' + TOLD, tmp_path / "index", shards)
    assert (code, said) == (3, "--memory 64,000,000 bytes: one worker needs at least 238MB. Give more.\n")
    assert not (tmp_path / "index").exists()


POWERLESS = """
import ctypes
# the superuser may write where nobody may: be one who may not
header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
assert ctypes.CDLL(None).capset(header, none) == 0
"""


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "unwritable"
    folder.mkdir()
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def close(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


@pytest.mark.skipif(sys.platform != "linux", reason="rights are given up by a call of Linux")
class TestWithoutTheRightToWrite:
    def test_an_index_is_asked_verified_merged_and_found_built(
        self, shards: Path, tmp_path: Path, unwritable: Path
    ) -> None:
        index = build(sorted(shards.iterdir()), unwritable / "index", workers=1, **OPTIONS)
        close(unwritable)
        asked = """
import cooc
index = cooc.open(sys.argv[1])
assert cooc.verify(index).ok
cooc.neighbors(index, "w1"), cooc.count(index, "w1 w2 w3"), cooc.pair(index, "w1", "w2"), cooc.ngrams(index, n=2)
cooc.merge([sys.argv[1]], sys.argv[3], workers=1)
build()
"""
        code, said = run(POWERLESS + asked, index, shards, tmp_path / "merged")
        assert code == 0, said

    def test_a_directory_that_nobody_may_write_is_named(self, shards: Path, unwritable: Path) -> None:
        close(unwritable)
        code, said = run(POWERLESS + TOLD, unwritable / "index", shards)
        assert code == 3
        assert f"{unwritable / 'index'}: can't write there (Permission denied). Choose another --out." in said

    def test_a_build_whose_directory_was_closed_goes_on_when_it_is_opened(
        self, shards: Path, undisturbed: dict[str, bytes], unwritable: Path
    ) -> None:
        index = unwritable / "index"
        stopped = """
def stop(stage, done, total, note=""):
    if stage == "merge vocabulary":
        os._exit(9)
options["progress"] = stop
build()
"""
        assert run(stopped, index, shards)[0] == 9
        close(unwritable)
        code, said = run(POWERLESS + TOLD, index, shards)
        assert code == 3, said
        assert "Permission denied" in said
        for path in [unwritable, *unwritable.rglob("*")]:
            path.chmod(0o755)
        assert contents(build(sorted(shards.iterdir()), index, workers=1, **OPTIONS)) == undisturbed


def may_mount() -> bool:
    """Whether this user may make file systems that only one process sees."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


mounting = pytest.mark.skipif(not may_mount(), reason="this user may not mount a file system")


@pytest.mark.slow
@mounting
def test_shared_memory_is_not_needed(shards: Path, undisturbed: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own lie in shared memory
        corpus, index = Path(folder) / "corpus", Path(folder) / "index"
        shutil.copytree(shards, corpus)
        mounted = ("unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o ro none /dev/shm && exec "$@"', "sh")
        several = 'pipeline.SMALL_BYTES = 0; options["workers"] = 2\nbuild()'
        code, said = run(several, index, corpus, inside=mounted)
        assert code == 0, said
        ours = contents(index)
    # the other files name the sources
    assert {name for name in undisturbed if undisturbed[name] != ours[name]} <= {
        "manifest.json", "blocks.u64", "tokens/metadata.0", "tokens/metaoff.0"}  # fmt: skip


@mounting
def test_a_file_system_that_is_full_is_named_and_a_build_goes_on_when_it_is_larger(tmp_path: Path) -> None:
    """A file system of the size that a part of the build needs, made larger until the build ends (F5)."""
    sources = [write_jsonl(tmp_path / f"{k}.jsonl", some_documents(2_000, seed=k)) for k in range(2)]
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for source in sources:
        source.rename(corpus / source.name)
    undisturbed = contents(build(sorted(corpus.iterdir()), tmp_path / "undisturbed", workers=1, **OPTIONS))
    most = 3 * sum(map(len, undisturbed.values())) >> 10
    place = tmp_path / "place"
    place.mkdir()
    growing = f"""
import subprocess
pipeline.check_room = lambda index, estimate: None  # which would refuse to begin
refused = 0
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", sys.argv[3]], check=True)
for share in range(1, 200, {5 if ALL else 24}):
    size = max(16, {most} * share // 100)
    subprocess.run(["mount", "-o", f"remount,size={{size}}k", sys.argv[3]], check=True)
    try:
        build()
        break
    except CoocError as error:
        refused += 1
        assert "No space left on device" in str(error) and sys.argv[3] in str(error), str(error)
        assert "run the same command again" in str(error) or "Choose another --out" in str(error), str(error)
subprocess.run(["cp", "-r", sys.argv[1], sys.argv[4]], check=True)
print(refused, file=sys.stderr)
"""
    inside = ("unshare", "-rm")
    code, said = run(growing, place / "index", corpus, place, tmp_path / "copy", inside=inside)
    assert code == 0, said
    refusals = int(said.split()[-1])
    assert refusals >= 2
    assert contents(tmp_path / "copy") == undisturbed
    tell("F5", what="file system", refusals=refusals, kilobytes=most)


@pytest.mark.slow
@mounting
def test_no_network_is_needed(shards: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    several = 'pipeline.SMALL_BYTES = 0; options["workers"] = 2\nbuild()'
    code, said = run(several, tmp_path / "index", shards, inside=("unshare", "-rn"))
    assert code == 0, said
    assert contents(tmp_path / "index") == undisturbed


def test_of_builds_that_begin_at_once_one_ends_and_the_others_are_refused(
    shards: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    index = tmp_path / "index"
    command = [sys.executable, "-c", BUILD + TOLD, str(index), str(shards)]
    builds = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [build.communicate()[0] for build in builds]
    codes = [build.returncode for build in builds]
    assert 0 in codes
    for code, line in zip(codes, said, strict=True):
        assert code == 0 or (code == 3 and "another build is writing there" in line)
    assert contents(index) == undisturbed


def test_a_merge_whose_sums_might_exceed_64_bits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    indexes = [index_of(tmp_path / name, [["great", "auk"] * 5], window=3).path for name in ("a", "b")]
    # of windows of 3 to either side over 10 tokens and over 20
    monkeypatch.setattr("cooc.create.window.MOST", 100)
    merge(indexes[:1], tmp_path / "one", workers=1)
    with pytest.raises(BuildError, match=r"--window 3 .*: over 20 tokens the sum of the counts could exceed 2\^63"):
        merge(indexes, tmp_path / "both", workers=1)


class BusyRay:
    """A cluster on which nothing ever ends."""

    def __init__(self, *nodes: tuple[bool, float, int]) -> None:
        self._nodes, self.asked = nodes, 0

    def remote(self, **_: Any) -> Any:
        return lambda function: SimpleNamespace(remote=lambda message: "task")

    def wait(self, running: list[Any], num_returns: int, timeout: float) -> tuple[list[Any], list[Any]]:
        self.asked += 1
        if self.asked > 2:
            raise KeyboardInterrupt
        return [], running

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": alive, "Resources": {"CPU": cores, "memory": memory}} for alive, cores, memory in self._nodes]

    def cancel(self, task: Any, force: bool) -> None: ...


def crew_of(ray: BusyRay, memory: int) -> RayCrew:
    crew = RayCrew.__new__(RayCrew)
    crew._ray, crew.workers, crew.memory = ray, 1, memory
    return crew


def test_a_task_that_fits_no_node_of_a_cluster_does_not_wait_for_ever() -> None:
    ray = BusyRay((True, 2, 500), (False, 2, 5000), (True, 0, 5000))
    message = r"a task wants a core and 1,000 bytes of memory, and of 2 nodes the largest has 500\. Give less --memory"
    with pytest.raises(BuildError, match=message):
        list(crew_of(ray, 1000).run([Call("index", "pairs", 0, "a:b", [])]))
    with pytest.raises(KeyboardInterrupt):  # it waits on where there is room
        list(crew_of(BusyRay((True, 1, 1000)), 1000).run([Call("index", "pairs", 0, "a:b", [])]))


def test_what_a_build_took_is_told_with_the_index(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["great", "auk"]], window=3)
    log = about_json(index)["log"]
    assert list(log) == ["seconds", "peak_memory", "memory_limit", "peak_disk", "stages"]
    assert log["memory_limit"] == 256_000_000
    assert [row["stage"] for row in log["stages"]][:2] == ["tokens", "vocabulary"]
    assert all(log[name] > 0 for name in list(log)[:4])
    (index.path / "build.jsonl").unlink()
    assert about_json(index)["log"] is None


# Numbers beyond 2^32 (F12), of files that are holes but for their ends


def sparse(path: Path, size: int, tail: bytes) -> CheckedArray:
    """A file of zeros that ends with `tail`, as an array whose last block is digested."""
    import xxhash

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size - len(tail))
        file.write(tail)
    digests = np.zeros(-(-size // BLOCK), np.uint64)
    first = (len(digests) - 1) * BLOCK
    with path.open("rb") as file:
        file.seek(first)
        digests[-1] = xxhash.xxh3_64_intdigest(file.read())
    return CheckedArray(path, size, digests)


def test_a_row_that_lies_beyond_2_to_the_32_is_read(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["a", "b", "a", "c"]], window=2, ngrams=2, min_count=1)
    right, matrix = index.pairs(2).row(0), Index(index.path).pairs(2)
    start, stop = matrix.starts.slice(0, 2).tolist()
    row = matrix.cells.slice(start, stop).tobytes()
    size = (1 << 32) + (1 << 20) + 5
    matrix.cells = sparse(tmp_path / "cells.u8", size, row)
    matrix.starts = sparse(tmp_path / "starts.i64", 16, np.array([size - len(row), size], "<i8").tobytes())
    columns, counts = matrix.row(0)
    assert columns.tolist() == right[0].tolist()
    assert counts.tolist() == right[1].tolist()
    with pytest.raises(DamagedIndex, match=r"bytes 0 to 1,048,576 differ from their digest"):
        matrix.cells.slice(0, 1)


def test_an_ngram_whose_number_is_beyond_2_to_the_32_is_found(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["a", "b", "a", "c"]], window=2, ngrams=2, min_count=1)
    level, number = index.ngrams(2), (1 << 32) + 7
    level.starts = sparse(tmp_path / "starts.i64", 16, np.array([number - 1, number + 2], "<i8").tobytes())
    level.last = sparse(tmp_path / "last.u32", 4 * (number + 2), np.array([0, 1, 2], "<u4").tobytes())
    level.counts = sparse(tmp_path / "counts.i64", 8 * (number + 2), np.array([5, 6, 7], "<i8").tobytes())
    assert level.row_of([0, 1]) == number
    assert level.count([0, 1]) == 6


def test_documents_that_begin_beyond_2_to_the_32_are_where_they_are(tmp_path: Path) -> None:
    index = index_of(tmp_path, [["a", "b"], ["c"]], window=2, ngrams=1)
    begin = 2 * ((1 << 32) + 3)
    index.tokens.offsets = sparse(tmp_path / "offset.0", 16, np.array([0, begin], "<u8").tobytes())
    assert index.tokens.document_starts().tolist() == [0, begin // 2]
