"""Merging indexes gives, byte for byte, the index of all their sources at once."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.create.merge import merge
from cooc.create.pipeline import build
from cooc.errors import BuildError, UsageError
from tests.corpora import write_jsonl
from tests.test_counting import documents_of

OPTIONS: dict[str, Any] = {"window": [2, 5], "ngrams": 4, "min_count": 2, "terms": ["a b", "c"], "memory": "64MB"}


def files_of(index: Path) -> dict[str, bytes]:
    """Every file of an index but its log, which tells of the machine and the time."""
    return {
        path.relative_to(index).as_posix(): path.read_bytes()
        for path in sorted(index.rglob("*"))
        if path.is_file() and path.name != "build.jsonl"
    }


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(documents_of, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_merged_is_the_same_as_built_at_once(parts: list[list[list[str]]], random: Any) -> None:
    folder = Path(tempfile.mkdtemp())
    sources = [write_jsonl(folder / f"{number}.jsonl", part) for number, part in enumerate(parts)]
    groups = [random.randrange(3) for _ in sources]
    indexes = [
        build([source for source, group in zip(sources, groups, strict=True) if group == number],
              folder / f"part-{number}", workers=1, **OPTIONS)
        for number in sorted(set(groups))
    ]  # fmt: skip
    random.shuffle(indexes)
    together = build(sources, folder / "together", workers=2, **OPTIONS)
    assert files_of(merge(indexes, folder / "merged", workers=2)) == files_of(together)


def test_merging_refuses_indexes_that_were_counted_otherwise(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", [["a", "b"]])
    other = write_jsonl(tmp_path / "b.jsonl", [["a", "b"]])
    one, two = build([source], tmp_path / "one", window=2), build([other], tmp_path / "two", window=3)
    with pytest.raises(UsageError, match=r"one was built with windows \(2,\), .*two with \(3,\): they can't be merged"):
        merge([one, two], tmp_path / "out")


def test_merging_refuses_to_count_a_source_twice(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", [["a", "b"]])
    one, two = build([source], tmp_path / "one"), build([source], tmp_path / "two")
    with pytest.raises(
        UsageError, match=r"a\.jsonl is a source of both .*one and .*two: its documents would count twice"
    ):
        merge([one, two], tmp_path / "out")


def test_merging_refuses_a_directory_that_is_taken(tmp_path: Path) -> None:
    one = build([write_jsonl(tmp_path / "a.jsonl", [["a", "b"]])], tmp_path / "one")
    with pytest.raises(BuildError, match="one is an index already"):
        merge([one], one)
