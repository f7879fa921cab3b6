"""Sets of terms to compare a set with: as many terms, each as long in words and about as frequent, otherwise anything.

Frequency alone predicts much of what a model does with a word (Merullo et al. 2025), so a density says something only
against terms of the same frequency. Candidates come from the vocabulary (one word) and the n-gram tables (two words
and more); n-grams rarer than the table keeps, longer than it goes, or of a slice are found where they stand: at random
places of the corpus. Their occurrences are counted, and only then is matched, on these counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.doses import Phrases, read_doses
from cooc.index.reader import Index
from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES, TRAILS
from cooc.query.slices import Slice

Array = NDArray[Any]

NEAREST, FEWEST = 200, 20
"""At most and at least so many candidates stand for a term: the nearest to it in log frequency."""

CALIPER = 0.25
"""Beyond the fewest, only candidates within so many bits of the term's frequency are drawn."""

SPARE = 20
"""More candidates of a frequency than are drawn, since some may be excluded."""

SAMPLES = 2_000
"""Random places of the corpus whose n-grams are candidates, for each length that needs them."""


class Pool(NamedTuple):
    """Candidates: phrases of term ids, each once, none of them excluded."""

    phrases: list[tuple[int, ...]]
    words: Array
    """int64: how many words each has."""


class Matched(NamedTuple):
    """Sets drawn to match one set."""

    pool: Pool
    occurrences: Array
    """int64: of each candidate."""
    drawn: Array
    """int64 (sets, terms): the candidate that stands for each term in each set."""
    gaps: Array
    """float64 (terms): the mean of |log2| of a candidate's occurrences over the term's; NaN without candidates."""


def matched_sets(
    index: Index, terms: Phrases, *, sets: int = 1000, seed: int = 0, exclude: Phrases = (), where: Slice | None = None,
) -> Matched:  # fmt: skip
    """Sets matched to terms of term ids, each of which should occur; candidates are neither terms nor excluded.

    Reads the corpus twice. Within a set no candidate stands twice, unless there are too few. A term without any
    candidate of its length (an index without n-grams has only words) is matched with a shorter one.
    """
    counted = read_doses(index, terms, [], window=0, where=where).sums.occurrences
    pool = pool_of(index, terms, counted, seed=seed, exclude=exclude, where=where)
    occurrences = read_doses(index, pool.phrases, [], window=0, where=where, rows_of=0).sums.occurrences
    lengths = np.array([len(term) for term in terms], np.int64)
    drawn, gaps = draw_sets((lengths, counted), (pool.words, occurrences), sets=sets, seed=seed)
    return Matched(pool, occurrences, drawn, gaps)


def pool_of(
    index: Index, terms: Phrases, occurrences: Array, *, seed: int = 0, exclude: Phrases = (),
    where: Slice | None = None, nearest: int = NEAREST,
) -> Pool:  # fmt: skip
    """Candidates for terms that occur so often: at least `nearest` of about each frequency where there are so many."""
    out = {tuple(phrase) for phrase in (*terms, *exclude)}
    random = np.random.default_rng([seed, 1])
    found: dict[tuple[int, ...], None] = {}
    lengths = np.array([len(term) for term in terms], np.int64)
    for words in sorted(set(lengths.tolist()) - {0}):
        wanted = occurrences[lengths == words]
        wanted = np.unique(wanted[wanted > 0])
        if len(wanted):
            for phrase in _candidates(index, words, wanted, nearest + SPARE, random, where):
                if phrase not in out:
                    found.setdefault(phrase)
    phrases = list(found)
    return Pool(phrases, np.array([len(phrase) for phrase in phrases], np.int64))


def _candidates(
    index: Index, words: int, wanted: Array, nearest: int, random: np.random.Generator, where: Slice | None
) -> list[tuple[int, ...]]:
    """Phrases of so many words that occur about as often as wanted, and more."""
    if words == 1:
        counts = _word_counts(index, where)
        picked = _nearest(counts, wanted, nearest, random)
        return [(int(term),) for term in picked[counts[picked] > 0]]
    level = _level(index, words)
    share = 1.0 if where is None else max(where.share, 1e-9)
    found: list[tuple[int, ...]] = []
    if level is not None:
        counts = level.counts.all()
        picked = _nearest(counts, np.unique(np.round(wanted / share)), nearest, random)
        found = _phrases_of(index, words, picked)
    if level is None or where is not None or wanted[0] < level.minimum:
        found += _sampled(index, words, random, where)
    return found or ([] if words == 1 else _candidates(index, words - 1, wanted, nearest, random, where))


def draw_sets(
    terms: tuple[Array, Array], pool: tuple[Array, Array], *, sets: int, seed: int = 0, nearest: int = NEAREST
) -> tuple[Array, Array]:
    """Draw matched sets, given (words, occurrences) of the terms and of the candidates.

    Returns the candidates by number (sets, terms), and how far they lie from each term in |log2 frequency|, on
    average. A term is matched with one of up to `nearest` candidates of its length within `CALIPER`, or the `FEWEST`
    nearest; where there is none of its length, of the longest below it, then of any.
    """
    random = np.random.default_rng([seed, 2])
    lengths, occurrences = terms
    choices = [_choices(int(w), int(f), pool, nearest) for w, f in zip(lengths, occurrences, strict=True)]
    drawn = np.full((sets, len(choices)), -1, np.int64)
    for term, choice in enumerate(choices):
        if len(choice):
            drawn[:, term] = choice[random.integers(0, len(choice), sets)]
    _part_equals(drawn, choices, random)
    logs = np.log2(np.maximum(pool[1], 1))
    gaps = np.array([
        np.abs(logs[choice] - np.log2(max(f, 1))).mean() if len(choice) else np.nan
        for choice, f in zip(choices, occurrences.tolist(), strict=True)
    ])  # fmt: skip
    return drawn, gaps


def _choices(words: int, occurrences: int, pool: tuple[Array, Array], nearest: int) -> Array:
    """The candidates of a term: equally many words, nearest in log frequency; ties are all taken."""
    lengths, counts = pool
    usable = np.flatnonzero((lengths == words) & (counts > 0))
    if not len(usable):
        shorter = lengths[(lengths < words) & (counts > 0)]
        usable = np.flatnonzero((counts > 0) & ((lengths == shorter.max()) if len(shorter) else True))
    gaps = np.abs(np.log2(counts[usable]) - np.log2(max(occurrences, 1)))
    wanted = min(max(int((gaps <= CALIPER).sum()), FEWEST), nearest)
    if len(usable) <= wanted:
        return usable
    limit = np.partition(gaps, wanted - 1)[wanted - 1]
    return np.asarray(usable[gaps <= limit])


def _part_equals(drawn: Array, choices: Sequence[Array], random: np.random.Generator) -> None:
    """Draw anew what stands twice in a set, in place; after twenty rounds what still does is left so."""
    for _ in range(20):
        order = np.argsort(drawn, axis=1, kind="stable")
        ranked = np.take_along_axis(drawn, order, axis=1)
        again = np.zeros_like(drawn, bool)
        np.put_along_axis(again, order[:, 1:], (ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] >= 0), axis=1)
        if not again.any():
            return
        for term in np.flatnonzero(again.any(axis=0)).tolist():
            rows = np.flatnonzero(again[:, term])
            drawn[rows, term] = choices[term][random.integers(0, len(choices[term]), len(rows))]


def _nearest(counts: Array, wanted: Array, nearest: int, random: np.random.Generator) -> Array:
    """Numbers of the entries nearest in frequency to each wanted one; among many equal ones, some at random."""
    order = np.argsort(counts, kind="stable")
    ranked = counts[order]
    found = []
    for frequency in wanted.tolist():
        low, high = np.searchsorted(ranked, [frequency, frequency + 1])
        if high - low >= nearest:
            found.append(order[low + random.choice(high - low, nearest, replace=False)])
        else:
            middle = (low + high) // 2
            first = int(np.clip(middle - nearest // 2, 0, max(len(order) - nearest, 0)))
            found.append(order[first : first + nearest])
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def _level(index: Index, words: int) -> Any:
    """The n-gram table of an order, or None where the index has none, or nothing in it."""
    orders = [record.n for record in index.manifest.ngrams if record.kept]
    return index.ngrams(words) if words in orders else None


def _phrases_of(index: Index, words: int, numbers: Array) -> list[tuple[int, ...]]:
    """The n-grams of these numbers as term ids."""
    columns: list[Array] = []
    for order in range(words, 1, -1):
        level = index.ngrams(order)
        columns.append(level.last.all()[numbers])
        numbers = np.searchsorted(level.starts.all(), numbers, side="right") - 1
    columns.append(numbers)
    return [tuple(row) for row in np.stack(columns[::-1], axis=1).tolist()]


def _word_counts(index: Index, where: Slice | None) -> Array:
    """Occurrences of every word, in the corpus or a slice."""
    if where is None:
        return np.asarray(index.vocabulary.occurrences.all()).astype(np.int64)
    counts = np.zeros(index.manifest.terms, np.int64)
    for part in where.mapped(lambda codes: np.unique(_terms_in(codes, index.tokens.singles), return_counts=True)):
        counts[part[0]] += part[1]
    return counts


def _terms_in(codes: Array, singles: int) -> Array:
    """The term ids among codes, separators left out."""
    codes = codes[codes != SEPARATOR].astype(np.int64)
    if singles == SEPARATOR:
        return codes
    leads = np.flatnonzero((codes >= singles) & (codes < FIRST_TRAIL))
    codes[leads] = SINGLES + (codes[leads] - SINGLES) * TRAILS + codes[leads + 1] - FIRST_TRAIL
    whole = np.ones(len(codes), bool)
    whole[leads + 1] = False
    return codes[whole]


def _sampled(index: Index, words: int, random: np.random.Generator, where: Slice | None) -> list[tuple[int, ...]]:
    """The n-grams at random places of the corpus or the slice; so each is as likely as it is frequent."""
    starts = index.tokens.document_starts()
    sizes = np.diff(np.append(starts, len(index.tokens.codes) // 2))
    if where is not None:
        sizes = np.where(where.mask, sizes, 0)
    ends = np.cumsum(sizes)
    if not len(ends) or not ends[-1]:
        return []
    places = np.sort(random.integers(0, int(ends[-1]), SAMPLES))
    documents = np.searchsorted(ends, places, side="right")
    found = []
    for place, document in zip((places - ends[documents] + sizes[documents]).tolist(), documents.tolist(), strict=True):
        begin, stop = int(starts[document]) + place, int(starts[document] + sizes[document])
        codes = index.tokens.codes.slice(2 * begin, 2 * min(stop, begin + 2 * words + 1)).view("<u2")
        if index.tokens.singles != SEPARATOR and FIRST_TRAIL <= codes[0] < SEPARATOR:
            codes = codes[1:]  # the middle of a word; the phrase begins at the next
        ids = _whole(codes, index.tokens.singles)[:words]
        if len(ids) == words:
            found.append(tuple(ids))
    return found


def _whole(codes: Array, singles: int) -> list[int]:
    """The terms at the beginning of some codes, up to one that is cut off."""
    if singles != SEPARATOR and len(codes) and singles <= codes[-1] < FIRST_TRAIL:
        codes = codes[:-1]
    ids: list[int] = _terms_in(codes, singles).tolist()
    return ids
