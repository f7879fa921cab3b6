"""Which n-grams are there, and which hold together?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.index.reader import Index, NgramLevel
from cooc.query.elsewhere import as_index
from cooc.query.rank import ALPHA, Tables, best, check_ranking, ranked, smoothed_total
from cooc.query.results import Ngrams, Provenance

Array = NDArray[Any]

CHUNK = 1 << 18
"""n-grams ranked at a time."""


def ngrams(
    index: Index,
    prefix: str | Iterable[str] = (),
    *,
    n: int = 2,
    measure: str = "g2",
    top: int = 20,
    min_count: int | None = None,
    **parameters: float,
) -> Ngrams:
    """The n-grams of order `n`, or those that begin with `prefix`: the `top` by a measure, with all measures.

    The measures compare an n-gram with what its first n-1 words and its last would give by chance: O11 is
    its count, R1 the occurrences of all n-grams that begin so, C1 of all that end so. `measure` is one of
    `MEASURES` or "count"; single terms (n = 1) have a count only, and are ranked by it. The index holds
    n-grams from its --min-count on; `min_count` asks for more. The whole table is ranked, in little memory:
    about a second for ten million n-grams.
    """
    index = as_index(index)
    check_ranking(measure, top)
    words = prefix if isinstance(prefix, str) else " ".join(prefix)
    start = index.vocabulary.ids(words) if words else []
    if n < 1 or len(start) >= n:
        more = f'"{words}" has {len(start)}; ask for n of {len(start) + 1} or more' if start else "they begin at 1"
        raise UsageError(f"n-grams of order {n}: {more}.")
    options = {"n": n, **({} if min_count is None else {"min_count": min_count}), **parameters}
    if n == 1:
        source = Provenance("ngrams", index.name, index.digest, (), "count", options)
        return Ngrams(_frequent_terms(index, top, min_count or 1), source)
    level = index.ngrams(n)
    source = Provenance("ngrams", index.name, index.digest, (words,) if words else (), measure, options)
    complete = {**parameters, "smoothed_total": _smoothed(level, parameters)}
    numbers = _best_numbers(level, measure, top, min_count or 1, complete, numbers_from(index, n, start))
    names = [" ".join(index.vocabulary.terms(list(ids))) for ids in zip(*ngram_terms(index, n, numbers), strict=True)]
    return Ngrams({"ngram": names, **_tables(level, numbers).columns(complete)}, source)


def numbers_from(index: Index, n: int, prefix: Sequence[int]) -> range:
    """The numbers of the n-grams of order n that begin with the term ids; they lie together."""
    if not prefix:
        return range(index.ngrams(n).kept)
    first: int | None = prefix[0]
    if len(prefix) > 1:
        first = index.ngrams(len(prefix)).row_of(list(prefix))
    if first is None:
        return range(0)
    start, stop = first, first + 1
    for order in range(len(prefix) + 1, n + 1):
        starts = index.ngrams(order).starts
        start, stop = starts[start], starts[stop]
    return range(start, stop)


def ngram_terms(index: Index, n: int, numbers: Array) -> list[Array]:
    """The term ids of n-grams by their numbers: an array for each place in the n-gram."""
    ids: list[Array] = []
    for order in range(n, 1, -1):
        level = index.ngrams(order)
        ids.append(np.asarray(level.last.all()[numbers]))
        numbers = np.searchsorted(level.starts.all(), numbers, side="right") - 1
    return [numbers, *reversed(ids)]


def _best_numbers(
    level: NgramLevel, measure: str, top: int, min_count: int, parameters: dict[str, float], numbers: range
) -> Array:
    """The numbers of the first n-grams of a ranking, looked at a chunk at a time."""
    chosen, values, counts = np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64)
    for start in range(numbers.start, numbers.stop, CHUNK):
        chunk = np.arange(start, min(start + CHUNK, numbers.stop))
        tables = _tables(level, chunk)
        found = ranked(measure, tables, parameters)
        found[tables.o11 < min_count] = np.nan
        places = best(found, tables.o11, top)
        chosen = np.concatenate([chosen, chunk[places]])
        values = np.concatenate([values, found[places]])
        counts = np.concatenate([counts, tables.o11[places]])
        places = best(values, counts, top)
        chosen, values, counts = chosen[places], values[places], counts[places]
    return chosen


def _tables(level: NgramLevel, numbers: Array) -> Tables:
    """The tables (first n-1 words, last word) of n-grams."""
    rows = np.searchsorted(level.starts.all(), numbers, side="right") - 1
    return Tables(
        np.asarray(level.counts.all()[numbers]),
        level.prefix_sums.all()[rows],
        level.column_sums.all()[level.last.all()[numbers]],
        level.total,
    )


def _smoothed(level: NgramLevel, parameters: dict[str, float]) -> float:
    return smoothed_total(level.column_sums.all(), parameters.get("alpha", ALPHA))


def _frequent_terms(index: Index, top: int, min_count: int) -> dict[str, Any]:
    occurrences = np.asarray(index.vocabulary.occurrences.all())
    places = best(np.where(occurrences >= min_count, occurrences, np.nan), occurrences, top)
    return {"ngram": index.vocabulary.terms(places), "count": occurrences[places]}
