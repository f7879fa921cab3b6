"""`cooc phrases`: an index gets the suffix array it was built without, and is whole at every moment."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cooc
from cooc.cli.app import app
from cooc.create.added import build_phrases, phrase_faults
from cooc.create.suffixes import STORE, TABLE
from cooc.errors import DamagedIndex, NotAnIndex
from cooc.index.manifest import MANIFEST, WORK
from tests.corpora import write_jsonl
from tests.faults.disk import contents, count_operations, run_killed
from tests.faults.told import ALL
from tests.tampering import copied, flip, sign
from tests.test_build import some_documents
from tests.test_faults import moments

OPTIONS = {"window": 2, "ngrams": 2, "min_count": 1, "workers": 1, "memory": "300MB"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_jsonl(tmp_path_factory.mktemp("source") / "a.jsonl", some_documents(30, seed=3))


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cooc.build(source, tmp_path_factory.mktemp("with") / "index", **OPTIONS).path


@pytest.fixture(scope="module")
def without(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cooc.build(source, tmp_path_factory.mktemp("without") / "index", phrases=False, **OPTIONS).path


def test_an_index_gets_the_bytes_of_one_that_was_built_with_phrases(whole: Path, without: Path, tmp_path: Path) -> None:
    index = copied(without, tmp_path)
    assert cooc.open(index).tokens.table is None
    made = cooc.build_phrases(cooc.open(index), memory="300MB")
    assert made.tokens.table is not None
    assert contents(index) == contents(whole)
    assert cooc.verify(index).problems == []


def test_a_build_without_phrases_is_completed_by_the_same_build_with_them(
    source: Path, whole: Path, without: Path, tmp_path: Path
) -> None:
    index = copied(without, tmp_path)
    cooc.build(source, index, phrases=False, **OPTIONS)
    assert contents(index) == contents(without)
    cooc.build(source, index, **OPTIONS)
    assert contents(index) == contents(whole)


def test_killed_before_any_operation_it_is_whole_and_goes_on(whole: Path, without: Path, tmp_path: Path) -> None:
    first = copied(without, tmp_path)
    operations = count_operations(lambda: build_phrases(first, memory="300MB"))
    counts = cooc.count(cooc.open(whole), "w1 w2", "w9").rows()
    for at in moments(operations, 15):
        index = copied(without, tmp_path)
        assert run_killed(lambda index=index: build_phrases(index, memory="300MB"), at)
        assert cooc.verify(index).problems == [], f"killed before operation {at}"
        assert cooc.count(cooc.open(index), "w1 w2", "w9").rows() == counts
        cooc.build_phrases(index, memory="300MB")
        assert contents(index) == contents(whole), f"killed before operation {at}"


def test_a_build_that_comes_between_takes_back_what_was_half_made(
    source: Path, without: Path, tmp_path: Path
) -> None:
    operations = count_operations(lambda: build_phrases(copied(without, tmp_path), memory="300MB"))
    for at in moments(operations - 3, 8):
        index = copied(without, tmp_path)
        assert run_killed(lambda index=index: build_phrases(index, memory="300MB"), at)
        cooc.build(source, index, phrases=False, **OPTIONS)
        if cooc.open(index).manifest.phrases is None:
            assert contents(index) == contents(without), f"killed before operation {at}"


def test_a_build_that_was_stopped_goes_on_with_phrases_or_without(
    source: Path, whole: Path, without: Path, tmp_path: Path
) -> None:
    from cooc.create.pipeline import build

    operations = count_operations(lambda: build(source, tmp_path / "counted", **OPTIONS))
    for begun, ends, wanted in ((True, False, without), (False, True, whole)):
        for at in range(operations - 40, operations - 5, 1 if ALL else 7):
            index = tmp_path / "index"
            run_killed(lambda index=index, begun=begun: build(source, index, phrases=begun, **OPTIONS), at)
            if not (index / MANIFEST).exists():
                assert contents(build(source, index, phrases=ends, **OPTIONS)) == contents(wanted), (begun, at)
            shutil.rmtree(index)


BREAK = {
    "bit": lambda index: flip(index / TABLE, 999),
    "cut": lambda index: (index / TABLE).write_bytes((index / TABLE).read_bytes()[:-2]),
    "gone": lambda index: (index / TABLE).unlink(),
    "order": lambda index: ((index / TABLE).write_bytes((index / TABLE).read_bytes()[::-1]), sign(index)),
}


@pytest.mark.parametrize("kind", BREAK)
def test_a_suffix_array_that_is_broken_is_named_and_made_again(whole: Path, tmp_path: Path, kind: str) -> None:
    index = copied(whole, tmp_path)
    BREAK[kind](index)
    assert str(index / TABLE) in " ".join(phrase_faults(index))
    cooc.build_phrases(index, memory="300MB")
    assert contents(index) == contents(whole)


def test_made_again_and_killed_it_is_an_index_without_a_suffix_array_or_with(whole: Path, tmp_path: Path) -> None:
    broken = copied(whole, tmp_path / "broken") if (tmp_path / "broken").mkdir() is None else whole
    BREAK["order"](broken)
    operations = count_operations(lambda: build_phrases(copied(broken, tmp_path), memory="300MB"))
    for at in moments(operations, 8):
        index = copied(broken, tmp_path)
        assert run_killed(lambda index=index: build_phrases(index, memory="300MB"), at)
        if cooc.open(index).digest != cooc.open(broken).digest:
            assert cooc.verify(index).problems == [], f"killed before operation {at}"
        cooc.build_phrases(index, memory="300MB")
        assert contents(index) == contents(whole), f"killed before operation {at}"


def test_of_a_token_store_that_is_broken_nothing_is_made(without: Path, tmp_path: Path) -> None:
    index = copied(without, tmp_path)
    flip(index / STORE, 99)
    with pytest.raises(DamagedIndex, match=r"tokenized\.0: bytes 0 to .* differ from their digest"):
        cooc.build_phrases(index)
    assert not (index / WORK).exists()


def test_the_command_makes_looks_and_checks(whole: Path, without: Path, tmp_path: Path) -> None:
    index, run = copied(without, tmp_path), CliRunner().invoke
    missing = run(app, ["phrases", str(index), "--check"])
    assert (missing.exit_code, missing.stdout) == (1, f"{index}: has no suffix array.\n")
    made = run(app, ["phrases", str(index), "--memory", "300MB"])
    assert (made.exit_code, made.stdout) == (0, f"{index}\n")
    assert made.stderr.endswith("the suffix array was made.\n")
    assert contents(index) == contents(whole)
    again = run(app, ["phrases", str(index)])
    assert again.stderr == "there is a suffix array, and it is sound.\n"
    assert run(app, ["phrases", str(index), "--check"]).stdout == f"{index}: the suffix array is sound.\n"
    flip(index / TABLE, 5)
    found = run(app, ["phrases", str(index), "--check"])
    assert (found.exit_code, str(index / TABLE) in found.stdout) == (1, True)


def test_what_is_no_index_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(NotAnIndex, match=r"is no cooc index: it has no manifest\.json"):
        cooc.build_phrases(tmp_path)
    assert list(tmp_path.iterdir()) == []
