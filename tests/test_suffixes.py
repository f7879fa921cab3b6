"""Three ways to a suffix array, and one result; killed in the middle of any, a build goes on to the same bytes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cooc.create import phrases
from cooc.create.phrases import check_table, run_builder, sort_here
from cooc.create.suffixes import STORE, TABLE, sort_store
from cooc.create.work import Budget, Work
from cooc.errors import BuildError
from cooc.index.table import pointer_width
from cooc.phrases.builder import builder, ended, run
from cooc.phrases.sort import sort_suffixes
from tests.corpora import write_jsonl
from tests.faults.disk import contents
from tests.naive.suffixes import suffix_order, table_bytes
from tests.test_build import some_documents

needs_builder = pytest.mark.skipif(builder() is None, reason="infini-gram is not installed")

few = st.sampled_from([0, 1, 255, 256, 257, 65_535])
codes_lists = st.lists(st.one_of(few, st.integers(0, 65_535)), min_size=1, max_size=60)
repeated = st.tuples(st.lists(few, min_size=1, max_size=5), st.integers(1, 30)).map(lambda pair: pair[0] * pair[1])
stores = st.one_of(codes_lists, repeated)


def work_of(folder: Path, codes: list[int], *, share: int = 1 << 20) -> Work:
    """The work of a build whose token store is there."""
    store = folder / STORE
    store.parent.mkdir(parents=True)
    store.write_bytes(np.array(codes, "<u2").tobytes())
    return Work(folder, Budget(share, 4))


@settings(deadline=None)
@given(codes=stores)
def test_in_memory_suffixes_are_sorted_by_their_bytes(codes: list[int]) -> None:
    assert sort_suffixes(np.array(codes, "<u2")).tolist() == suffix_order(codes)


@pytest.mark.parametrize("share", [1, 7 * 160, 64 * 160, 1000 * 160])
@pytest.mark.parametrize("kind", ["words", "one", "period", "two", "rising"])
def test_on_the_disk_in_any_memory_it_is_the_same_table(tmp_path: Path, kind: str, share: int) -> None:
    size, chance = 40 if share == 1 else 300, random.Random(4)
    codes = {
        "words": [chance.choice([0, 1, 2, 256, 65_535]) for _ in range(size)],
        "one": [7] * size,
        "period": [1, 2, 3] * (size // 3),
        "two": [chance.choice([255, 256]) for _ in range(size)],
        "rising": list(range(size)),
    }[kind]
    work = work_of(tmp_path / "index", codes, share=share)
    sort_store(work, len(codes))
    assert (work.index / TABLE).read_bytes() == table_bytes(codes)
    check_table(work, len(codes))


@needs_builder
def test_the_builder_makes_the_table_that_is_made_here(tmp_path: Path) -> None:
    chance = random.Random(1)
    codes = [chance.choice([0, 1, 256, 65_535, *range(40)]) for _ in range(60_000)]
    made, sorted_here = (work_of(tmp_path / name, codes) for name in ("made", "here"))
    run_builder(made, len(codes))
    sort_here(sorted_here, len(codes))
    assert (made.index / TABLE).read_bytes() == (sorted_here.index / TABLE).read_bytes()


@needs_builder
def test_text_that_repeats_for_longer_than_the_builder_looks_is_in_order_by_any_way(tmp_path: Path) -> None:
    # its own merge orders what agrees for 100,000 bytes by where the parts were cut; one part has no merge
    codes = [*range(300), *[5] * 70_000, 9, *[5] * 70_000]
    made, sorted_here = (work_of(tmp_path / name, codes) for name in ("made", "here"))
    run_builder(made, len(codes))
    sort_here(sorted_here, len(codes))
    assert (made.index / TABLE).read_bytes() == (sorted_here.index / TABLE).read_bytes()


def test_a_pointer_has_as_many_bytes_as_the_store_needs() -> None:
    assert [pointer_width(size) for size in (2, 256, 258, 1 << 16, (1 << 16) + 2, 1 << 24)] == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("swap", [(3, 4), (0, 299)])
def test_a_table_in_another_order_is_refused(tmp_path: Path, swap: tuple[int, int]) -> None:
    chance = random.Random(0)
    codes = [chance.randrange(30) for _ in range(300)]
    work = work_of(tmp_path / "index", codes)
    sort_here(work, len(codes))
    pointers = np.fromfile(work.index / TABLE, "<u2")
    pointers[list(swap)] = pointers[list(reversed(swap))]
    pointers.tofile(work.index / TABLE)
    with pytest.raises(BuildError, match=r"is before that of pointer .*it is not the suffix array of tokens/tokenized"):
        check_table(work, len(codes))


@needs_builder
def test_the_builder_that_fails_is_told_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"infini-gram's builder \(rust_indexing make-part\) failed with status"):
        run("make-part", "--data-file", tmp_path / "none", "--parts-dir", tmp_path, "--start-byte", 0,
            "--end-byte", 200_000, "--ratio", 3, "--token-width", 2)  # fmt: skip
    assert ended(-9) == "was killed by SIGKILL (was there memory for it?)"


def test_without_the_builder_a_large_store_is_sorted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [random.Random(2).randrange(50) for _ in range(500)]
    work = work_of(tmp_path / "index", codes)
    monkeypatch.setattr(phrases, "builder", lambda: None)
    monkeypatch.setattr(phrases, "SMALL_CODES", 100)
    record = phrases.write_table(work, len(codes))
    assert (record.pointers, record.width) == (500, 2)
    assert (work.index / TABLE).read_bytes() == table_bytes(codes)


BUILD = """
import sys
from cooc.create import phrases, pipeline
way, out, source = sys.argv[1:]
pipeline.SMALL_BYTES = 0
if way != "here":
    phrases.SMALL_CODES = 1000
if way == "disk":
    phrases.builder = lambda: None
    phrases.BYTES_A_SUFFIX = 1 << 18
    from cooc.create import suffixes
    suffixes.BYTES_A_SUFFIX = 20_000

def told(stage, done, total, note=""):
    if stage.startswith("suffixes"):
        print(stage, flush=True)

pipeline.build([source], out, window=2, ngrams=1, workers=2, memory="600MB", progress=told)
"""


def begun(way: str, out: Path, source: Path) -> subprocess.Popen[str]:
    """A build in processes of its own that tells of its stages of the suffix array."""
    command = [sys.executable, "-c", BUILD, way, str(out), str(source)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE)


def test_killed_in_the_middle_of_the_suffixes_a_build_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    source, chance = write_jsonl(tmp_path / "a.jsonl", some_documents(2_000, seed=9)), random.Random(4)
    assert begun("here", tmp_path / "here", source).communicate()[1] == ""
    for way in ("builder", "disk") if builder() else ("disk",):
        out, driver = tmp_path / way, begun(way, tmp_path / way, source)
        assert driver.stdout is not None and driver.stdout.readline().startswith("suffixes")
        time.sleep(chance.random() * 0.1)
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
        assert driver.returncode == -signal.SIGKILL, way
        assert begun(way, out, source).communicate()[1] == ""
        assert contents(out) == contents(tmp_path / "here"), way
