"""A build that is killed, refused, cut off from power or given a full disk at any operation: run again, it ends
with the bytes of an undisturbed build.

F1, F2, F3, F5, F6 and F17 of the list of faults (docs/faults.md). The default suite takes a part of the moments;
`make faults` takes every one (COOC_FAULTS=all).
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cooc.create.pipeline import build
from cooc.create.work import BUDGET, Budget, Work
from cooc.errors import BuildError
from cooc.index.files import write_sealed, write_whole
from cooc.index.manifest import MANIFEST, WORK, Parameters
from tests.corpora import write_jsonl
from tests.faults.disk import BROKEN, FULL, contents, count_operations, cut_short, disk, failing, run_killed
from tests.faults.power import Recorder, after_power_cut
from tests.faults.told import ALL, tell
from tests.tampering import copied
from tests.test_build import some_documents

OPTIONS: dict[str, Any] = {"window": 2, "ngrams": 2, "min_count": 1, "terms": ["w1 w2", "w9"], "workers": 1}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sources")
    documents = some_documents(30, seed=3)
    return [write_jsonl(folder / f"{k}.jsonl", documents[15 * k : 15 * k + 15]) for k in range(2)]


@pytest.fixture(scope="module")
def undisturbed(sources: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return contents(build(sources, tmp_path_factory.mktemp("undisturbed") / "index", **OPTIONS))


@pytest.fixture(scope="module")
def operations(sources: list[Path], tmp_path_factory: pytest.TempPathFactory) -> int:
    index = tmp_path_factory.mktemp("counted") / "index"
    return count_operations(lambda: build(sources, index, **OPTIONS))


def moments(operations: int, some: int) -> list[int]:
    """Every operation, or some of them, the last always."""
    return list(range(1, operations + 1)) if ALL else sorted({*range(1, operations, operations // some), operations})


def test_killed_before_any_operation_a_build_goes_on_to_the_same_bytes(
    sources: list[Path], undisturbed: dict[str, bytes], operations: int, tmp_path: Path
) -> None:
    for at in moments(operations, 25):
        index = tmp_path / str(at)
        assert run_killed(lambda index=index: build(sources, index, **OPTIONS), at)
        assert not (index / MANIFEST).exists() or contents_of_finished(index) == undisturbed
        assert contents(build(sources, index, **OPTIONS)) == undisturbed, f"killed before operation {at}"
        shutil.rmtree(index)
    tell("F2", kills=len(moments(operations, 25)), operations=operations)


def contents_of_finished(index: Path) -> dict[str, bytes]:
    """An index that has its manifest, without the work that was not yet cleared away."""
    return {name: data for name, data in contents(index).items() if not name.startswith("work")}


def what_it_says(run: Callable[[], Any]) -> str:
    """The message of an error of ours; empty if there is none."""
    try:
        run()
    except BuildError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("code", [FULL, BROKEN], ids=["full", "broken"])
def test_refused_any_operation_a_build_says_so_and_goes_on_when_it_is_allowed(
    sources: list[Path], undisturbed: dict[str, bytes], operations: int, tmp_path: Path, code: int
) -> None:
    for at in moments(operations, 25):
        index = tmp_path / str(at)
        with disk(failing(at, code)) as standing:
            said = what_it_says(lambda index=index: build(sources, index, **OPTIONS))
        if said or standing.refused != "unlink":  # what is cleared away may be left lying
            assert os.strerror(code) in said, f"operation {at} was refused"
            assert str(tmp_path) in said, f"operation {at} was refused"
        assert contents(build(sources, index, **OPTIONS)) == undisturbed, f"refused at operation {at}"
        shutil.rmtree(index)
    tell("F6", refused=len(moments(operations, 25)), operations=operations, error=os.strerror(code))


def test_a_file_that_is_refused_takes_no_room(tmp_path: Path) -> None:
    written = tmp_path / "a.u8"
    for at, refused in enumerate(["open", "write", "fsync", "replace"], 1):
        with disk(failing(at, FULL)) as standing, pytest.raises(BuildError, match=r"a\.u8: could not write"):
            write_whole(written, b"abc")
        assert standing.refused == refused
        assert list(tmp_path.iterdir()) == []


def test_what_a_killed_build_has_not_named_is_removed_when_it_goes_on(
    sources: list[Path], begun: Path, tmp_path: Path
) -> None:
    index = copied(begun, tmp_path)
    left = index / WORK / "parts" / "0" / "ids.u32.0123abcd.part"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(bytes(1000))

    def stop(stage: str, done: int, total: int, note: str = "") -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(sources, index, progress=stop, **OPTIONS)
    assert not left.exists()


def test_writes_that_are_taken_in_part_are_written_to_the_end(
    sources: list[Path], undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    with disk(cut_short):
        assert contents(build(sources, tmp_path / "index", **OPTIONS)) == undisturbed


def test_after_a_power_cut_a_build_goes_on_to_the_same_bytes(
    sources: list[Path], undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    first = tmp_path / "first"
    first.mkdir()
    recorder = Recorder(first)
    with disk(recorder):
        build(sources, first / "index", **OPTIONS)
    changes, chance = recorder.changes, random.Random(0)
    states = [(at, kept) for at in moments(len(changes), 20) for kept in (0.0, 1.0)]
    states += [(chance.randrange(1, len(changes) + 1), 0.5) for _ in range(1000 if ALL else 30)]
    for at, kept in states:
        second = tmp_path / "second"
        second.mkdir()
        after_power_cut(changes[:at], chance, kept=kept, target=second)
        index = second / "index"
        if (index / MANIFEST).exists():
            assert contents_of_finished(index) == undisturbed, f"accepted after {at} changes, {kept} kept"
        assert contents_of_finished(build(sources, index, **OPTIONS)) == undisturbed, f"after {at}, {kept} kept"
        shutil.rmtree(second)
    tell("F3", states=len(states), changes=len(changes))


def test_a_power_cut_is_seen_where_nothing_is_synced(
    sources: list[Path], undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    # the test above would pass if its model never lost anything
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    recorder = Recorder(first)
    with disk(recorder):
        build(sources, first / "index", **OPTIONS)
    unsynced = [change for change in recorder.changes if change.kind != "sync"]
    after_power_cut(unsynced, random.Random(0), kept=0.5, target=second)
    assert contents(second / "index") != undisturbed


def run_build(sources: list[Path], index: Path, workers: int = 2) -> subprocess.Popen[bytes]:
    """The command, in processes of its own; the memory is such that a task has the same for any `workers`."""
    program = (
        "import sys; from cooc.create import pipeline; pipeline.SMALL_BYTES = 0; "
        f"pipeline.build(sys.argv[2:], sys.argv[1], window=5, workers={workers}, memory='{120 + 240 * workers}MB')"
    )
    return subprocess.Popen([sys.executable, "-c", program, index, *sources])


def processes_below(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for task in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(task.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if parent == pid:
            found += processes_below(int(task.parent.name))
    return found


def kill_one(driver: subprocess.Popen[bytes], chance: random.Random) -> str:
    """Kill the driver, its nursery or a worker; which of them, "" where it had ended."""
    below = processes_below(driver.pid)
    victim = chance.choice(below)
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return ""
    return ["driver", "nursery", "worker"][min(2, below.index(victim))]


CORPORA, KILLS = (4, 50) if ALL else (1, 4)
"""Corpora of a random build, and kills of builds of each."""


@pytest.mark.parametrize("corpus", range(CORPORA))
def test_killed_at_random_a_build_of_processes_goes_on_to_the_same_bytes(corpus: int, tmp_path: Path) -> None:
    documents = some_documents(100_000 if ALL else 3_000, seed=5 + corpus)
    sources = [write_jsonl(tmp_path / f"{k}.jsonl", documents[k :: 4 + corpus]) for k in range(4 + corpus)]
    begun = time.monotonic()
    assert run_build(sources, tmp_path / "undisturbed").wait() == 0
    seconds = time.monotonic() - begun
    undisturbed, chance, killed = contents(tmp_path / "undisturbed"), random.Random(1 + corpus), Counter[str]()
    builds = 0
    while killed.total() < KILLS:
        index, builds = tmp_path / "index", builds + 1
        while True:
            driver = run_build(sources, index, workers=chance.choice([1, 2, 3]))
            time.sleep(chance.random() * seconds)
            if driver.poll() is None and (victim := kill_one(driver, chance)):
                killed[victim] += 1
            if driver.wait(timeout=20 * seconds + 60) == 0:
                break
        assert contents(index) == undisturbed, f"after {killed} kills"
        shutil.rmtree(index)
    tokens = sum(map(len, documents))
    tell("F1", corpus=corpus, tokens=tokens, kills=killed.total(), killed=killed, builds=builds, seconds=round(seconds))


def test_a_small_file_system_that_is_full_is_named_and_a_build_goes_on_when_there_is_room(
    sources: list[Path], undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    # F5: files that may not grow beyond a limit, at 20 sizes
    sizes = sorted(len(data) for data in undisturbed.values())
    for share in range(1, 20, 1 if ALL else 4):
        index = tmp_path / str(share)
        code = with_file_limit(max(1, sizes[-1] * share // 20), lambda index=index: build(sources, index, **OPTIONS))
        assert code in (0, 3)
        assert contents(build(sources, index, **OPTIONS)) == undisturbed


def with_file_limit(limit: int, run: Callable[[], Any]) -> int:
    """Run in a process whose files may have so many bytes; 3 if it was told so by an error of ours."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            import resource

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            run()
            code = 0
        except BuildError as error:
            code = 3 if "could not write" in str(error) and "run the same command again" in str(error) else 4
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


CHANGED: dict[str, tuple[dict[str, Any], str]] = {
    "text_field": ({"text_field": "body"}, 'text_field was "text", is now "body"'),
    "id_field": ({"id_field": "id"}, 'id_field was null, is now "id"'),
    "meta_fields": ({"meta_fields": ["year"]}, r'meta_fields was \[\], is now \["year"\]'),
    "tokenizer": ({"tokenizer": "bytes"}, 'tokenizer was .*"word".*, is now .*"bytes"'),
    "keep_case": ({"keep_case": True}, "tokenizer was .*false.*, is now .*true"),
    "windows": ({"window": [2, 3]}, r"windows was \[2\], is now \[2,3\]"),
    "direction": ({"direction": "left"}, 'direction was "symmetric", is now "left"'),
    "weighting": ({"weighting": "harmonic"}, 'weighting was "uniform", is now "harmonic"'),
    "ngrams": ({"ngrams": 3}, "ngrams was 2, is now 3"),
    "min_count": ({"min_count": 2}, "min_count was 1, is now 2"),
    "min_pair_count": ({"min_pair_count": 2}, "min_pair_count was 1, is now 2"),
    "max_terms": ({"max_terms": 9}, "max_terms was null, is now 9"),
    "terms": ({"terms": ["w9"]}, r'terms was \["w1 w2","w9"\], is now \["w9"\]'),
    "on_bad_line": ({"on_bad_line": "skip"}, 'on_bad_line was "fail", is now "skip"'),
    "dedup": ({"dedup": 0.8}, "dedup was null, is now 0.8"),
}


@pytest.fixture(scope="module")
def begun(sources: list[Path], operations: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build that was killed in the middle."""
    index = tmp_path_factory.mktemp("begun") / "index"
    assert run_killed(lambda: build(sources, index, **OPTIONS), operations // 2)
    return index


@pytest.mark.parametrize("option", CHANGED)
def test_a_build_that_goes_on_with_another_option_is_refused_by_its_name(
    sources: list[Path], undisturbed: dict[str, bytes], begun: Path, tmp_path: Path, option: str
) -> None:
    index = copied(begun, tmp_path)
    changed, message = CHANGED[option]
    with pytest.raises(BuildError, match=f"has begun with other inputs: {message}"):
        build(sources, index, **{**OPTIONS, **changed})
    assert contents(build(sources, index, **OPTIONS)) == undisturbed


def test_every_option_that_counts_depend_on_is_tried() -> None:
    kept_so = {"text_documents"}  # makes other documents of text files alone, whose format it is
    assert set(CHANGED) - {"tokenizer", "keep_case"} == set(Parameters.__struct_fields__) - kept_so


def test_a_build_that_another_version_began_is_refused(sources: list[Path], begun: Path, tmp_path: Path) -> None:
    index = copied(begun, tmp_path)
    old = Budget(*msgspec.structs.astuple(Work.of_task(index).budget)[:2], cooc="0.0.1")
    write_sealed(index / WORK / BUDGET, msgspec.json.encode(old))
    with pytest.raises(BuildError, match=r"began with cooc 0\.0\.1, and this is .* Go on with that version, or remove"):
        build(sources, index, **OPTIONS)


def test_the_page_of_faults_has_all_of_them_and_names_tests_that_there_are() -> None:
    folder = Path(__file__).parent
    rows = [line.split(" | ") for line in (folder.parent / "docs" / "faults.md").read_text().splitlines()
            if line.startswith("| F")]  # fmt: skip
    assert [row[0] for row in rows] == [f"| F{number}" for number in range(1, 19)]
    for row in rows:
        assert row[2], row[0]
        assert [name for name in re.findall(r"`(test_\w+\.py)`", row[2]) if not (folder / name).is_file()] == []
