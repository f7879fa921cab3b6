"""Small corpora for tests, and what an index of them says, as plain dictionaries."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cooc.create.pipeline import build
from cooc.index.reader import Index


def write_jsonl(path: Path, documents: Sequence[Sequence[str]]) -> Path:
    """One document a line; words joined by spaces."""
    lines = [
        json.dumps({"id": f"d{k}", "text": " ".join(words)}, ensure_ascii=False) for k, words in enumerate(documents)
    ]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def index_of(folder: Path, documents: Sequence[Sequence[str]], **options: Any) -> Index:
    """Build an index of documents below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    source = write_jsonl(folder / "corpus.jsonl", documents)
    return Index(build([source], folder / "index", **{"workers": 1, "memory": "256MB", **options}))


def cells_of(index: Index, window: int | str) -> Counter[tuple[str, str]]:
    """Every stored cell by the names of its units."""
    matrix = index.pairs(window)
    names = index.units.names(list(range(len(index.units))))
    cells: Counter[tuple[str, str]] = Counter()
    for row, name in enumerate(names):
        columns, counts = matrix.row(row)
        for column, count in zip(columns.tolist(), counts.tolist(), strict=True):
            cells[name, names[column]] = count
    return cells


def sums_of(index: Index, window: int | str) -> tuple[Counter[str], Counter[str]]:
    """Row sums and column sums by unit, zeros left out."""
    matrix = index.pairs(window)
    names = index.units.names(list(range(len(index.units))))
    rows = dict(zip(names, matrix.row_sums.all().tolist(), strict=True))
    columns = dict(zip(names, matrix.column_sums.all().tolist(), strict=True))
    return +Counter(rows), +Counter(columns)


def ngrams_of(index: Index, n: int) -> Counter[tuple[str, ...]]:
    """Every kept n-gram by its words."""
    rows: list[tuple[str, ...]] = [(word,) for word in index.vocabulary.terms(list(range(index.manifest.terms)))]
    terms = [row[0] for row in rows]
    counts: list[int] = index.vocabulary.occurrences.all().tolist()
    for order in range(2, n + 1):
        level = index.ngrams(order)
        starts, last = level.starts.all().tolist(), level.last.all().tolist()
        rows = [(*row, terms[last[k]]) for r, row in enumerate(rows) for k in range(starts[r], starts[r + 1])]
        counts = level.counts.all().tolist()
    return Counter(dict(zip(rows, counts, strict=True)))
