"""Which targets a list of terms leans on, against two controls: terms as frequent, and terms as close to its topic.

The density and its null are those of `cooc density` (measure.py). All targets are measured on the same matched sets, so
the largest z of a set over all targets is what chance alone would show to somebody who looks at all of them; the
adjusted p counts the sets whose largest z reaches the one found (Westfall & Young 1993, single step).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from cooc.clusters.doses import Phrases, Reading
from cooc.clusters.keyness import Array
from cooc.clusters.measure import Drawn, Measured, Question, candidates_of, drawn_of, measured, read_all
from cooc.index.reader import Index

LEVEL = 0.05

NEAR = 1.0
"""A control for the topic is at most so many bits more or less frequent than its term."""

CHOICES = 20
"""It is drawn from so many candidates: those as close to the topic as the term, or nearly."""


class Leaning(NamedTuple):
    """What was measured of a list of terms, for each target."""

    reading: Reading
    measured: list[Measured]
    z: Array
    p: Array
    adjusted: Array
    beyond_z: Array
    """NaN without a topic, and for targets that do not stand out without one."""
    beyond_p: Array
    topic_gap: float
    """Bits by which the terms are closer to the topic than their controls; NaN without one."""
    threshold: float
    """z that one in twenty matched sets reaches for some target."""


def lean(
    index: Index, terms: Phrases, targets: Sequence[Phrases], topic: Phrases, *,
    window: int | None, null: int, seed: int, draws: int = 200,
) -> Leaning:  # fmt: skip
    """Measure terms that occur, against targets of which some may not.

    Only targets that stand out against terms as frequent are held against the topic, and adjusted for these alone.
    """
    asked = Question(terms, [*targets, topic] if topic else list(targets), null, seed, draws, 0.95)
    pool, _ = candidates_of(index, asked, None)
    reading = read_all(index, asked, pool, window=window, where=None, progress=None)
    drawn = drawn_of(asked, pool, reading)
    places = list(range(len(targets)))
    found = _each(index, asked, drawn, reading, places)
    z, p, adjusted, threshold = _compared(found)
    beyond_z, beyond_p = (np.full(len(targets), np.nan) for _ in range(2))
    if not topic:
        return Leaning(reading, found, z, p, adjusted, beyond_z, beyond_p, float("nan"), threshold)
    close, gap = _as_close(asked, drawn, reading)
    left = [place for place in places if adjusted[place] <= LEVEL]
    beyond_z[left], _, beyond_p[left], _ = _compared(_each(index, asked, close, reading, left))
    return Leaning(reading, found, z, p, adjusted, beyond_z, beyond_p, gap, threshold)


def _each(index: Index, asked: Question, drawn: Drawn, reading: Reading, places: list[int]) -> list[Measured]:
    """The numbers of some targets, each by itself, so that none depends on how many threads there are."""

    def one(place: int) -> Measured:
        sums, doses = reading.sums, reading.doses
        column = slice(place, place + 1)
        part = reading._replace(
            doses=doses._replace(hits=doses.hits[:, column]), corpus=reading.corpus[:, [0, 1 + place]],
            sums=sums._replace(
                hits=sums.hits[:, column], hits_squared=sums.hits_squared[:, column],
                documents_hit=sums.documents_hit[:, column],
            ),
        )  # fmt: skip
        return measured(index, asked._replace(targets=[asked.targets[place]]), drawn, part)[0]

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(one, places))


def _compared(found: Sequence[Measured]) -> tuple[Array, Array, Array, float]:
    """z, p, p adjusted for all targets, and the z that adjusts to 0.05; NaN for targets that cannot be told."""
    z, p, adjusted = (np.full(len(found), np.nan) for _ in range(3))
    columns = []
    for target, each in enumerate(found):
        known = each.null[np.isfinite(each.null)] if len(each.null) else each.null
        if len(known) != len(each.null) or len(known) < 2 or not known.std() > 0 or not np.isfinite(each.density):
            continue
        z[target] = (each.density - known.mean()) / known.std(ddof=1)
        p[target] = (1 + np.count_nonzero(known >= each.density)) / (1 + len(known))
        columns.append((known - known.mean()) / known.std(ddof=1))
    if not columns:
        return z, p, adjusted, float("nan")
    largest = np.max(columns, axis=0)
    usable = np.isfinite(z)
    adjusted[usable] = [(1 + np.count_nonzero(largest >= value)) / (1 + len(largest)) for value in z[usable]]
    return z, p, adjusted, float(np.quantile(largest, 0.95))


def _as_close(asked: Question, drawn: Drawn, reading: Reading) -> tuple[Drawn, float]:
    """Sets matched in length, frequency and in the lift of the topic, which is the last target."""
    share = reading.corpus.sum(axis=0)
    share_of_topic = share[-1] / max(int(share[0]), 1)
    sums = reading.sums
    lifts = np.log2((sums.hits[:, -1] + 1) / (sums.contexts * share_of_topic + 1))
    logs = np.log2(np.maximum(sums.occurrences, 1))
    seeds = len(asked.seeds)
    random = np.random.default_rng([asked.seed, 7])
    sets, gaps = np.full_like(drawn.sets, -1), []
    usable = sums.occurrences[seeds:] > 0
    for column, term in enumerate(drawn.found.tolist()):
        near = usable & (drawn.pool.words == len(asked.seeds[term])) & (abs(logs[seeds:] - logs[term]) <= NEAR)
        if not near.any():
            near = usable
        choices = np.flatnonzero(near)
        choices = choices[np.argsort(abs(lifts[seeds:][choices] - lifts[term]), kind="stable")[:CHOICES]]
        sets[:, column] = choices[random.integers(0, len(choices), len(sets))]
        gaps.append(lifts[term] - lifts[seeds:][choices].mean())
    return drawn._replace(sets=sets), float(np.mean(gaps)) if gaps else float("nan")


def carriers(found: Leaning, target: int, terms: int, least: float = 1.0) -> Array:
    """The terms whose lift towards a target is surely above `least` bits, hit in two documents; strongest first."""
    lifts, hit = found.measured[target].terms, found.reading.sums.documents_hit[:terms, target]
    sure = np.flatnonzero((lifts.low[:terms] > least) & (hit >= 2))
    return np.asarray(sure[np.argsort(-lifts.low[sure], kind="stable")])


def holds(words: Sequence[int], phrases: set[tuple[int, ...]], longest: int) -> bool:
    """Whether one of the phrases stands among words."""
    spans = ((a, b) for a in range(len(words)) for b in range(a + 1, min(len(words), a + longest) + 1))
    return any(tuple(words[a:b]) in phrases for a, b in spans)


def examples(
    index: Index, terms: Phrases, target: Phrases, *, most: int = 3, seed: int = 0
) -> list[dict[str, Any]]:  # fmt: skip
    """Places of the corpus where a term stands near the target: a place for each term, each in another document."""
    from cooc.clusters.naming import around, document_name
    from cooc.query.hits import documents_of, find_hits

    phrases = {tuple(phrase) for phrase in target}
    longest = max(map(len, phrases), default=0)
    hits = find_hits(index, terms, most=300, seed=seed)
    found: list[dict[str, Any]] = []
    seen: set[int] = set()
    for number, term in enumerate(terms):
        places = hits.of(number)
        for place, document in zip(places.tolist(), documents_of(index, places).tolist(), strict=True):
            words = around(index, place, len(term))
            if document in seen or not holds(words, phrases, longest):
                continue
            seen.add(document)
            text = " ".join(index.vocabulary.terms(words))
            name = " ".join(index.vocabulary.terms(list(term)))
            found.append({"term": name, "text": text, "document": document_name(index, document)})
            break
        if len(found) == most:
            break
    return found
