"""What an index says of the terms of a page: counts, lines to read, and the measures of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cooc.clusters.naming import REACH, around, document_name
from cooc.index.reader import Index
from cooc.page.documents import Row
from cooc.page.figures import short
from cooc.query.counts import count
from cooc.query.hits import documents_of, find_hits, term_ids
from cooc.query.measures import evaluate
from cooc.query.rank import in_pairs, with_smoothed_total

LINES = 8
"""Lines of each term, a random sample of its occurrences."""

MEASURES = ("pmi", "npmi", "pmi_low", "log_dice", "g2", "t_score")


def counts_of(index: Index, terms: Sequence[str]) -> dict[str, Row]:
    """Occurrences and documents of each term that the index knows."""
    known = [term for term in terms if term_ids(index, term)]
    if not known:
        return {}
    rows = count(index, *known).rows()
    wanted = ("occurrences", "documents")
    return {term: {key: row[key] for key in wanted} for term, row in zip(known, rows, strict=True)}


def lines_of(index: Index, terms: Sequence[str], *, most: int = LINES, seed: int = 0) -> dict[str, list[Row]]:
    """Of each term up to `most` lines {left, node, right, document}, found for all terms at once."""
    ids = [term_ids(index, term) for term in terms]
    hits = find_hits(index, ids, most=most, seed=seed)
    found: dict[str, list[Row]] = {}
    for number, term in enumerate(terms):
        places = hits.of(number)
        numbers = documents_of(index, places).tolist() if len(places) else []
        found[term] = [_line(index, place, ids[number], document)
                       for place, document in zip(places.tolist(), numbers, strict=True)]  # fmt: skip
    return found


def _line(index: Index, place: int, ids: Sequence[int], document: int) -> Row:
    """One line. Fewer than `REACH` words stand before the term only where its document begins."""
    size = len(ids)
    terms = around(index, place, size)
    at = next(k for k in range(min(REACH, len(terms) - size), -1, -1) if terms[k : k + size] == list(ids))
    left, node, right = (" ".join(index.vocabulary.terms(part)) for part in
                         (terms[:at], terms[at : at + size], terms[at + size :]))  # fmt: skip
    return {"left": left, "node": node, "right": right, "document": document_name(index, document)}


def measured(index: Index, pairs: Sequence[tuple[str, str]], window: str) -> list[Row]:
    """Count and measures of pairs of terms in one window; nothing of a pair that the index does not hold."""
    matrix = index.pairs(window)
    options = with_smoothed_total(index, matrix, {})
    units = {term: index.units.find(term_ids(index, term)) for pair in pairs for term in pair}
    rows: list[Row] = []
    for a, b in pairs:
        row, column = units[a], units[b]
        if row is not None and column is not None and not matrix.has_row(row):
            row, column = column, row
        if row is None or column is None or not matrix.has_row(row):
            rows.append({})
            continue
        sums = int(matrix.row_sums[row]), int(matrix.column_sums[column]), matrix.total
        r1, c1, n = (in_pairs(value, matrix.unit) for value in sums)
        seen: Any = in_pairs(int(matrix.cell(row, column)), matrix.unit)
        values = evaluate(list(MEASURES), seen, r1, c1, n, **_taken(options))
        rows.append(short({"count": seen, **{name: float(values[name]) for name in MEASURES}}))
    return rows


def _taken(options: dict[str, float]) -> dict[str, float]:
    """Without what only measures take that are not shown."""
    return {name: value for name, value in options.items() if name != "smoothed_total"}
