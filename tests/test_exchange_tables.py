"""Polars in, polars and pandas out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import cooc
from cooc.clusters.given import one_set, target_sets
from cooc.clusters.sets import named_sets
from cooc.evidence.densities import density_rows
from cooc.evidence.outcomes import outcomes
from cooc.index.reader import Index
from cooc.seeds.terms import spellings
from cooc.verbs import listed_terms
from tests.corpora import index_of

LIBRARIES = [pl, pd]
both = pytest.mark.parametrize("library", LIBRARIES, ids=["polars", "pandas"])


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Index:
    documents = [text.split() for text in ("the great auk and the great bustard", "the auk is great", "auk auk auk")]
    return index_of(tmp_path_factory.mktemp("birds"), documents, window=2, min_count=1)


# --- in


@both
def test_a_column_is_a_list_of_terms(library: Any) -> None:
    column = (
        library.Series(["great auk", "bustard"], name="birds")
        if library is pd
        else pl.Series("birds", ["great auk", "bustard"])
    )
    assert cooc.TermSet("x", column).terms == ("great auk", "bustard")
    assert [each.name for each in named_sets(column)] == ["birds"]
    assert listed_terms(column) == spellings(column) == ["great auk", "bustard"]


@both
def test_a_table_holds_one_set_or_several(library: Any) -> None:
    table = library.DataFrame({"set": ["a", "b", "a"], "term": ["auk", "diver", "plover"], "count": [1, 2, 3]})
    assert [(each.name, each.terms) for each in named_sets(table)] == [("a", ("auk", "plover")), ("b", ("diver",))]
    assert [each.name for each in target_sets([table])] == ["a", "b"]
    assert one_set(table[["term", "count"]], "seeds").terms == ("auk", "diver", "plover")
    assert [each.terms for each in target_sets([table[["term"]]])] == [("auk", "diver", "plover")]
    assert listed_terms(table) == ["auk", "plover", "diver"]


@both
def test_a_table_that_is_no_set_is_refused(library: Any) -> None:
    with pytest.raises(cooc.UsageError, match='has no column "term"; it has bird, n'):
        cooc.TermSet("x", library.DataFrame({"bird": ["auk"], "n": [1]}))
    with pytest.raises(cooc.UsageError, match='the table of "x" holds 2 sets; expected one'):
        cooc.TermSet("x", library.DataFrame({"set": ["a", "b"], "term": ["auk", "diver"]}))
    with pytest.raises(cooc.UsageError, match=r'term 2 of "x" is .*; expected a string'):
        cooc.TermSet("x", library.DataFrame({"term": ["auk", None]}))


@both
def test_a_build_takes_terms_as_a_table(tmp_path: Path, library: Any) -> None:
    (tmp_path / "a.txt").write_text("the great auk")
    index = cooc.build(
        tmp_path / "a.txt", tmp_path / "i", terms=library.DataFrame({"term": ["great auk"]}), workers=1
    )
    assert index.manifest.parameters.terms == ("great auk",)


@both
def test_outcomes_and_densities_come_as_tables(library: Any) -> None:
    table = library.DataFrame({"experiment": ["e", "e"], "seeds": ["s", "t"], "value": [0.5, 0.25], "n": [4.0, None]})
    rows = outcomes(table).rows()
    assert [(row["seeds"], row["value"], row["n"]) for row in rows] == [("s", 0.5, 4), ("t", 0.25, None)]
    densities = library.DataFrame({"seeds": ["s", "t"], "target": ["x", "x"], "density": [1.0, None]})
    assert [row["density"] for row in density_rows(densities)] == [1.0, None]
    sets = [f"s{k}" for k in range(6)]
    told = library.DataFrame({"experiment": ["e"] * 6, "seeds": sets, "value": [0.1 * k for k in range(6)]})
    found = cooc.bridge(told, library.DataFrame({"seeds": sets, "density": [float(k) for k in range(6)]}))
    assert found.rows()[0]["units"] == 6


# --- out


def test_every_result_is_a_table_of_pandas_too(birds: Index) -> None:
    for result in (
        cooc.count(birds, "auk", "dodo"),
        cooc.neighbors(birds, "auk", min_count=1),
        cooc.pair(birds, "auk", "the"),
    ):
        table = result.to_pandas()
        assert list(table.columns) == result.table.columns and len(table) == len(result)
        assert pl.from_pandas(table).equals(result.table.with_columns(pl.all()), null_equal=True)


def test_without_pandas_the_way_to_it_is_told(birds: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(cooc.UsageError, match="a pandas table needs pandas: pip install pandas"):
        cooc.count(birds, "auk").to_pandas()


def test_a_table_goes_in_and_out_again(birds: Index) -> None:
    found = cooc.neighbors(birds, "auk", min_count=1).table.filter(pl.col("count") > 2)
    assert cooc.TermSet("near", found).terms == tuple(found["term"])
