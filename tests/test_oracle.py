"""An independent oracle, a database: what SQL counts in the same documents is what the index holds (F16).

The queries are written from the rules of counting in indexes/FORMAT.md, section 9, and share no code with cooc.
Chunks, blocks and workers are drawn too: none of them may make a difference.
"""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import cooc
from cooc.create import pipeline, plan
from cooc.create.pipeline import build
from cooc.index.reader import Index
from tests.corpora import cells_of, ngrams_of, sums_of
from tests.faults.disk import contents
from tests.faults.told import ALL, tell

duckdb = pytest.importorskip("duckdb", reason="DuckDB is the oracle")

CORPORA, WITH_WORKERS, SCANNED = (500, 20, 60) if ALL else (50, 1, 3)
"""Corpora that are counted, those that are counted in processes, by two and by four, and those that are scanned."""

WORDS = ["the", "of", "auk", "great", "dodo", "königsberg", "жук", "x1", "saw", "egg", "nest", "一", "é", "last"]

TOKENS = """
    create table tokens as
    with documents as (
        select row_number() over () as doc, regexp_split_to_array(lower(text), '[ .,]+') as words
        from read_json(?, format = 'newline_delimited', columns = {text: 'VARCHAR'})
    ), pieces as (
        select doc, unnest(words) as word, generate_subscripts(words, 1) as number from documents
    )
    select doc, word, row_number() over (partition by doc order by number) as place from pieces where word <> ''
"""


class Case(NamedTuple):
    """A corpus and how it is counted."""

    sources: list[Path]
    window: int
    options: dict[str, Any]


def a_case(number: int, folder: Path) -> Case:
    chance = random.Random(number)
    words = chance.sample(WORDS, chance.randint(2, len(WORDS)))
    weights = [1 / (k + 1) for k in range(len(words))]
    sources = []
    for name in range(chance.randint(1, 3)):
        texts = [sentence(chance, words, weights) for _ in range(chance.randint(1, 12))]
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        sources.append(path)
    window = chance.choice([1, 2, 3, 5, 12])
    options = {
        "window": window, "ngrams": chance.randint(1, 5), "min_count": chance.choice([1, 1, 2, 3]),
        "direction": chance.choice(["symmetric", "right", "left"]),
        "weighting": chance.choice(["uniform", "harmonic"]), "min_pair_count": chance.choice([1, 1, 2]),
    }  # fmt: skip
    return Case(sources, window, options)


def sentence(chance: random.Random, words: list[str], weights: list[float]) -> str:
    """Words with capitals and punctuation between them."""
    some = chance.choices(words, weights, k=chance.choice([0, 1, 3, 10, 30]))
    return chance.choice([" ", ", ", ". "]).join(chance.choice([word, word, word.title()]) for word in some)


class Oracle:
    """The counts of a case, by SQL."""

    def __init__(self, case: Case) -> None:
        self.case, self.database = case, duckdb.connect()
        self.database.execute(TOKENS, [list(map(str, case.sources))])

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.database.execute(query, list(values)).fetchall()  # type: ignore[no-any-return]

    def vocabulary(self) -> dict[str, tuple[int, int]]:
        """Occurrences and distinct documents."""
        found = self.rows("select word, count(*), count(distinct doc) from tokens group by word")
        return {word: (occurrences, documents) for word, occurrences, documents in found}

    def pairs(self) -> Counter[tuple[str, str]]:
        """Cells in the units that the index counts in."""
        window, options = self.case.window, self.case.options
        sees = {"right": "b.place > a.place", "left": "b.place < a.place", "symmetric": "b.place <> a.place"}
        unit = math.lcm(*range(1, window + 1))
        weight = f"{unit} // abs(b.place - a.place)" if options["weighting"] == "harmonic" else "1"
        found = self.rows(
            f"""select a.word, b.word, sum({weight}) from tokens a join tokens b using (doc)
            where abs(b.place - a.place) <= ? and {sees[options["direction"]]} group by all""", window)  # fmt: skip
        return Counter({(a, b): int(count) for a, b, count in found})

    def ngrams(self, n: int) -> Counter[tuple[str, ...]]:
        words = ", ".join(f"lead(word, {k}) over here as w{k}" for k in range(n))
        found = self.rows(
            f"""select {", ".join(f"w{k}" for k in range(n))}, count(*) from
            (select {words} from tokens window here as (partition by doc order by place))
            where w{n - 1} is not null group by all"""
        )
        return Counter({row[:-1]: row[-1] for row in found})


@pytest.fixture(params=range(CORPORA))
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    yield a_case(request.param, tmp_path)
    if request.param == CORPORA - 1:
        tell("F16", corpora=CORPORA, with_workers=WITH_WORKERS, scanned=SCANNED)


def at_least(cells: Counter[Any], least: int) -> Counter[Any]:
    return Counter({cell: count for cell, count in cells.items() if count >= least})


def test_an_index_holds_what_a_database_counts(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(str(case))
    size = chance.choice([7, 16, 100, 1 << 20])
    monkeypatch.setattr(pipeline, "block_size", lambda *_: size)
    monkeypatch.setattr(plan, "PART_BYTES", chance.choice([200, 1 << 20]))
    index = Index(build(case.sources, tmp_path / "index", workers=1, memory="256MB", **case.options))
    oracle, vocabulary = Oracle(case), index.vocabulary
    held = {vocabulary.term(k): (vocabulary.occurrences[k], vocabulary.documents[k]) for k in range(len(vocabulary))}
    assert held == oracle.vocabulary()
    pairs, options = oracle.pairs(), case.options
    # the least count of a cell is in units of the matrix, as its counts are
    assert cells_of(index, case.window) == at_least(pairs, options["min_pair_count"])
    rows, columns = sums_of(index, case.window)
    assert rows == Counter(sum_by(pairs, 0))
    assert columns == Counter(sum_by(pairs, 1))
    assert index.pairs(case.window).total == pairs.total()
    for n in range(2, options["ngrams"] + 1):
        every = oracle.ngrams(n)
        assert ngrams_of(index, n) == at_least(every, options["min_count"])
        assert index.ngrams(n).total == every.total()


def sum_by(cells: Counter[tuple[str, str]], place: int) -> Counter[str]:
    sums: Counter[str] = Counter()
    for cell, count in cells.items():
        sums[cell[place]] += count
    return sums


@pytest.mark.parametrize("number", range(WITH_WORKERS))
def test_any_number_of_workers_gives_what_a_database_counts(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = a_case(1000 + number, tmp_path)
    one = build(case.sources, tmp_path / "one", workers=1, **case.options)
    pairs = at_least(Oracle(case).pairs(), case.options["min_pair_count"])
    assert cells_of(Index(one), case.window) == pairs
    monkeypatch.setattr(pipeline, "SMALL_BYTES", 0)
    for workers in (2, 4):
        several = build(case.sources, tmp_path / str(workers), workers=workers, memory="1GB", **case.options)
        assert contents(several) == contents(one)


def occurrences_of(oracle: Oracle, phrases: list[str]) -> None:
    """A table of where each phrase begins and ends."""
    oracle.rows("create or replace table found (term varchar, doc bigint, first bigint, last bigint)")
    for phrase in phrases:
        words = phrase.split()
        joins = " ".join(
            f"join tokens t{k} on t{k}.doc = t0.doc and t{k}.place = t0.place + {k}" for k in range(1, len(words))
        )
        where = " and ".join(f"t{k}.word = ?" for k in range(len(words)))
        last = len(words) - 1
        places = f"select ?, t0.doc, t0.place, t0.place + {last} from tokens t0 {joins} where {where}"
        oracle.rows(f"insert into found {places}", phrase, *words)


@pytest.mark.parametrize("number", range(SCANNED))
def test_a_scan_and_a_count_find_what_a_database_finds(tmp_path: Path, number: int) -> None:
    case = a_case(2000 + number, tmp_path)
    oracle, window, direction = Oracle(case), case.window, case.options["direction"]
    grams = [" ".join(gram) for n in (1, 2, 3) for gram in sorted(oracle.ngrams(n))]
    phrases = random.Random(number).sample(grams, min(9, len(grams)))
    occurrences_of(oracle, phrases)
    sees = {"right": "t.place > o.last", "left": "t.place < o.first", "symmetric": "true"}[direction]
    expected = oracle.rows(
        f"""select o.term, t.word, count(*), count(distinct doc) from found o join tokens t using (doc)
        where (t.place > o.last or t.place < o.first) and greatest(t.place - o.last, o.first - t.place) <= ? and {sees}
        group by all""", window)  # fmt: skip
    scanned = cooc.scan(case.sources, phrases, tmp_path / "scan.parquet", window=window, direction=direction, workers=1)
    columns = ["term", "context", f"count_{window}", f"documents_{window}"]
    assert sorted(scanned.table.select(columns).filter(scanned.table[columns[2]] > 0).rows()) == sorted(expected)
    index = Index(build(case.sources, tmp_path / "index", workers=1, **case.options))
    totals = dict(oracle.rows("select term, (count(*), count(distinct doc)) from found group by term"))
    counted = cooc.count(index, *phrases).table
    assert counted.select("occurrences", "documents").rows() == [totals[phrase] for phrase in phrases]
