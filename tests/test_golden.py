"""The golden indexes open and answer as when they were made; `tests/golden/make.py` says how that was."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import cooc
from cooc.index.files import files_below
from cooc.index.manifest import FORMAT, MANIFEST

GOLDEN = Path(__file__).parent / "golden"
VERSIONS = sorted(path.name for path in GOLDEN.glob("v*"))
KINDS = ["symmetric", "right"]


@pytest.fixture(scope="module")
def recipe() -> ModuleType:
    """The script that makes them."""
    spec = importlib.util.spec_from_file_location("golden_make", GOLDEN / "make.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_is_one_of_every_version_and_kind(recipe: ModuleType) -> None:
    assert [f"v{version}" for version in range(1, FORMAT + 1)] == VERSIONS
    assert list(recipe.OPTIONS) == KINDS


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_opens_and_is_whole(version: str, kind: str) -> None:
    index = cooc.open(GOLDEN / version / kind)
    assert index.manifest.version == int(version[1:])
    assert cooc.verify(index).problems == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_symmetric_one_answers_as_ever(version: str) -> None:
    index = cooc.open(GOLDEN / version / "symmetric")
    unit, vocabulary = index.units.unit, index.vocabulary
    assert (index.manifest.documents, index.manifest.tokens, index.manifest.absent) == (5, 43, ["dodo"])
    assert vocabulary.terms([0, 1, 2, 7, 13, 20]) == ["the", "a", "auk", "königsberg", "naturalist's", "о"]
    assert vocabulary.occurrences.all().tolist() == [8, 4, 4, 4] + [2] * 6 + [1] * 11
    assert index.windows == ["2", "10", "document"]
    assert [index.pairs(window).total for window in index.windows] == [148, 432, 450]
    auk = unit("great auk")
    assert [index.pairs(window).cell(auk, unit("the")) for window in index.windows] == [3, 8, 8]
    assert [index.pairs(window).cell(auk, auk) for window in index.windows] == [2, 4, 4]
    assert [index.pairs(window).row_sums[auk] for window in index.windows] == [13, 34, 34]
    assert index.pairs(2).cell(unit("гагарка"), unit("великая")) == 2
    assert index.ngrams(2).count(vocabulary.ids("Great auk")) == 4
    assert index.ngrams(3).count(vocabulary.ids("the great auk")) == 2
    assert index.tokens.metadata.all().tobytes().startswith(
        b'{"path":"corpus.jsonl","linenum":1,"metadata":{"id":"shore","year":1840}}\n')  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_the_directed_harmonic_one_answers_as_ever(version: str) -> None:
    index = cooc.open(GOLDEN / version / "right")
    unit, pairs = index.units.unit, index.pairs(3)
    assert (pairs.total, pairs.unit, pairs.record.cells, pairs.record.min_pair_count) == (104, 6, 11, 4)
    assert pairs.cell(unit("great"), unit("auk")) == 26
    assert pairs.cell(unit("the great auk"), unit("the")) == 5
    assert pairs.cell(unit("the"), unit("the great auk")) == 0
    assert pairs.row_sums.all().tolist() == [35, 14, 16, 31, 8, 7]
    assert index.units.names(list(range(6))) == ["the", "a", "auk", "great", "boat", "the great auk"]
    assert index.pairs("document").total == 116


def test_what_is_built_today_has_the_bytes_of_the_latest(recipe: ModuleType, tmp_path: Path) -> None:
    """Of all files but the manifest, which names the versions of what built it. A difference is a new format."""
    recipe.make(tmp_path)
    for kind in KINDS:
        latest = GOLDEN / f"v{FORMAT}" / kind
        assert list(files_below(latest)) == list(files_below(tmp_path / kind))
        for name in set(files_below(latest)) - {MANIFEST}:
            assert (latest / name).read_bytes() == (tmp_path / kind / name).read_bytes(), name
