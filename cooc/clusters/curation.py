"""Did a curator choose terms by what stands around them? A pool against what was chosen from it, at equal frequency.

Each item of the pool that occurs has a lift towards the target (shrunk as in density: shrink.py, with the prior of
background terms as long and as frequent). Items are put into strata of equal size by how often they occur, and only
items of one stratum are compared, so that a curator who merely knows the frequent names does not seem to choose by
meaning:

    AUC         of all pairs (chosen, rejected) of one stratum, the chance that the chosen leans more (ranks.py)
    difference  of the lifts: Σ w (mean of the chosen − mean of the rejected) / Σ w over the strata,
                w = n₁ n₀ / (n₁ + n₀)

The AUC holds the hits of each item against what its own contexts would give, under one prior for the whole pool, so
that it is one half where nobody chose by the target, also where chosen items are the rarer ones within a stratum.
Intervals resample items within (stratum, chosen or not); p permutes who was chosen within strata, two-sided, for either
number. Both take the items for what varies: they say whether these choices go with the target, not whether another
corpus would say the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.doses import read_doses
from cooc.clusters.matched import pool_of
from cooc.clusters.pagerank import ids_of
from cooc.clusters.ranks import ranges_of, wins_of
from cooc.clusters.sets import Named, named_set, named_sets
from cooc.clusters.shrink import Shrunk, clumping, fit_beta, shrink, weights
from cooc.clusters.window import window_of
from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.query.elsewhere import as_index
from cooc.query.results import Column, Provenance, Result
from cooc.terms import TermSet

Array = NDArray[Any]
Sets = Named | Sequence[Named]

STRATA = 5
FEWEST = 8
"""Items of a stratum, at least, on average."""

PERMUTATIONS = 9_999
DRAWS = 2_000


class Items(NamedTuple):
    """The items of a pool that occur, and the strata they are in."""

    names: list[str]
    occurrences: Array
    documents: Array
    stratum: Array


class Leaning(NamedTuple):
    """How items lean towards one target."""

    lifts: Shrunk
    wins: Array
    """(items, items): the chance that one leans more than the other."""


class Permuted(NamedTuple):
    """Two-sided p of both numbers, and the smallest p there can be."""

    difference: float
    auc: float
    least: float


@dataclass(frozen=True, eq=False, repr=False)
class Curation(Result):
    """A row for each curator and target; `items` has a row for each item and target."""

    items: Result

    label = "curator"

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "items": self.items.rows()}

    def plot(self, top: int = 12) -> Any:
        """A matplotlib figure: the lifts of chosen and rejected items of each row, by frequency."""
        from cooc.clusters.figures import new_figure

        rows: list[dict[str, Any]] = self.rows()[:top]
        items: list[dict[str, Any]] = self.items.rows()
        figure, axes = new_figure(8, 0.6 + 3 * max(1, len(rows)), max(1, len(rows)), 1, squeeze=False)
        for axis, row in zip(axes[:, 0], rows, strict=False):
            mine = [each for each in items if each["target"] == row["target"] and each["lift"] is not None]
            for chosen, color, mark in ((False, "0.5", "o"), (True, "tab:red", "^")):
                some = [each for each in mine if (row["curator"] in each["chosen_by"].split("; ")) == chosen]
                axis.plot(
                    [each["occurrences"] for each in some], [each["lift"] for each in some], mark, color=color,
                    markersize=5, markerfacecolor="none", label=f"{'chosen' if chosen else 'rejected'} ({len(some)})",
                )  # fmt: skip
            axis.set_xscale("log")
            auc = "undefined" if row["auc"] is None else f"{row['auc']:.2f} ({row['low']:.2f}–{row['high']:.2f})"
            axis.set_title(f"{row['curator']} → {row['target']}: AUC {auc}", fontsize="medium", loc="left")
            axis.set_xlabel("occurrences")
            axis.set_ylabel("shrunken lift, bits")
            axis.legend(fontsize="small")
        return figure


def curation(
    index: Index,
    pool: Named | Sequence[str],
    selected: Sets,
    target: Sets,
    *,
    window: int | str | None = None,
    strata: int = STRATA,
    permutations: int = PERMUTATIONS,
    draws: int = DRAWS,
    confidence: float = 0.9,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Curation:
    """Whether the items that curators chose from a pool have a larger lift towards targets than those they left.

    `selected` is one set or several, a curator each; `target` likewise. A chosen term that is not in the pool is
    counted (`n_outside`) and left out, and so is an item that never occurs: `found_chosen` and `found_rejected` are
    the shares that do. A row's `auc` (with `low`, `high`, `p_auc`) and `difference` (with `p`) compare within strata of
    frequency, `auc_unmatched` and `difference_unmatched` without; all are null where no stratum holds both kinds.
    `p_least` is the smallest p there can be. Raises `UsageError` for a curator who chose none of the pool, or all.
    """
    index = as_index(index)
    for name, value in (("strata", strata), ("permutations", permutations), ("draws", draws)):
        if value < 1:
            raise UsageError(f"{name} is {value}; expected at least 1.")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence}; it must lie between 0 and 1, like 0.9.")
    every = _pool(pool)
    curators, targets = named_sets(selected), named_sets(target)
    phrases = _phrases(index, every)
    chosen = [_chosen(index, each, every) for each in curators]
    size = window_of(index, window)
    items, leanings, found = _measured(index, every, phrases, targets, (size, strata, confidence, seed), progress)
    random = np.random.default_rng([seed, 3])
    rows = []
    for curator, (marks, outside) in zip(curators, chosen, strict=True):
        for place, aim in enumerate(targets):
            row = {"curator": curator.name, "target": aim.name, "n_pool": len(every), "n_chosen": int(marks.sum()),
                   "n_outside": outside, "found_chosen": float(found[marks].mean()),
                   "found_rejected": float(found[~marks].mean())}  # fmt: skip
            compared = _compared(leanings[place], marks[found], items, (permutations, draws, confidence), random)
            rows.append({**row, **compared})
    parameters = {
        "window": "document" if size is None else str(size), "strata": int(items.stratum.max(initial=0)) + 1,
        "permutations": permutations, "draws": draws, "confidence": confidence, "seed": seed,
    }  # fmt: skip
    source = Provenance("curation", index.name, index.digest, every.terms, None, parameters)
    names = [each.name for each in curators]
    lifts = [each.lifts for each in leanings]
    table = _item_rows(every, (items, lifts, found), targets, names, [marks for marks, _ in chosen])
    return Curation(_columns(rows), source, PoolItems(_columns(table), source))


class PoolItems(Result):
    """The items of a pool."""

    label = "item"


def _pool(given: Named | Sequence[str]) -> TermSet:
    if isinstance(given, str | PathLike | TermSet):
        return named_set(given)
    return TermSet("pool", given)


def _phrases(index: Index, every: TermSet) -> list[tuple[int, ...]]:
    return [tuple(ids_of(index, term)) for term in every]


def _chosen(index: Index, curator: TermSet, every: TermSet) -> tuple[Array, int]:
    """Which items a curator chose, and how many chosen terms are no items; terms are what the index cuts them to."""
    keys = {_key(index, term): place for place, term in reversed(list(enumerate(every)))}
    places = [keys.get(_key(index, term)) for term in curator]
    marks = np.zeros(len(every), bool)
    marks[[place for place in places if place is not None]] = True
    if not marks.any():
        raise UsageError(f'none of the {len(curator):,} terms of "{curator.name}" is in the pool "{every.name}".')
    if marks.all():
        raise UsageError(f'"{curator.name}" chose all of the pool "{every.name}": there is nothing to compare with.')
    return marks, sum(place is None for place in places)


def _key(index: Index, term: str) -> tuple[bytes, ...]:
    return tuple(index.tokenizer.words(term))


def _measured(
    index: Index, every: TermSet, phrases: list[tuple[int, ...]], targets: Sequence[TermSet],
    how: tuple[int | None, int, float, int], progress: Any,
) -> tuple[Items, list[Leaning], Array]:  # fmt: skip
    """The items that occur, how they lean towards each target, and which of the pool they are."""
    window, strata, confidence, seed = how
    aims = [_phrases(index, target) for target in targets]
    counted = read_doses(index, phrases, [], window=0, mask=phrases, rows_of=0).sums.occurrences
    found = counted > 0
    if not found.any():
        raise UsageError(f'no item of the pool "{every.name}" occurs in {index.name}.')
    present = [phrase for phrase, there in zip(phrases, found.tolist(), strict=True) if there]
    exclude = [*phrases, *(phrase for aim in aims for phrase in aim)]
    others = pool_of(index, present, counted[found], seed=seed, exclude=[phrase for phrase in exclude if phrase])
    reading = read_doses(
        index, [*present, *others.phrases], aims, window=window, mask=present, rows_of=0, progress=progress
    )
    sums, shares = reading.sums, reading.corpus.sum(axis=0)
    size, found_leanings = len(present), []
    for k, target in enumerate(targets):
        share = float(shares[1 + k]) / max(int(shares[0]), 1)
        if not share:
            raise UsageError(f'no term of the target "{target.name}" occurs in {index.name}.')
        back = slice(size, None)
        v = clumping(
            (sums.contexts[back], sums.hits[back, k], sums.contexts_squared[back], sums.hits_squared[back, k])
        )
        weight = weights(sums.contexts, sums.contexts_squared, v, share)
        hits, contexts = sums.hits[:, k] * weight, sums.contexts * weight
        prior = fit_beta(hits[back], contexts[back], share)
        lifts = shrink(hits[:size], contexts[:size], prior, share=share, confidence=confidence)
        own = fit_beta(hits[:size], contexts[:size], share)
        wins = wins_of(*ranges_of(sums.hits[:size, k], sums.contexts[:size], weight[:size], own))
        found_leanings.append(Leaning(lifts, wins))
    names = [term for term, there in zip(every, found.tolist(), strict=True) if there]
    stratum = strata_of(sums.occurrences[:size], strata)
    return Items(names, sums.occurrences[:size], sums.documents[:size], stratum), found_leanings, found


def strata_of(occurrences: Array, strata: int) -> Array:
    """The stratum of each item: as many as asked for, of about equal size; items as frequent are in one.

    There are fewer where there would be fewer than `FEWEST` items in each.
    """
    number = max(1, min(strata, len(occurrences) // FEWEST))
    edges = np.quantile(occurrences, np.arange(1, number) / number, method="higher") if number > 1 else np.zeros(0)
    found = np.searchsorted(np.unique(edges), occurrences, side="right")
    return np.asarray(np.unique(found, return_inverse=True)[1])


def statistics(lift: Array, marks: Array, stratum: Array, wins: Array | None = None) -> tuple[float, float]:
    """AUC and difference within strata; NaN where no stratum holds both kinds. Without `wins` lifts are ranked."""
    won = pairs = gaps = weight = 0.0
    for number in np.unique(stratum).tolist():
        chosen, left = np.flatnonzero((stratum == number) & marks), np.flatnonzero((stratum == number) & ~marks)
        if len(chosen) and len(left):
            size = len(chosen) * len(left)
            own = size / (len(chosen) + len(left))
            won, pairs = won + float(_above(lift, wins, chosen, left).sum()), pairs + size
            gaps, weight = gaps + own * float(lift[chosen].mean() - lift[left].mean()), weight + own
    return (won / pairs, gaps / weight) if pairs else (math.nan, math.nan)


def _above(lift: Array, wins: Array | None, some: Array, others: Array) -> Array:
    """The chance that each of some items leans more than each of others."""
    if wins is not None:
        return np.asarray(wins[np.ix_(some, others)])
    one, other = lift[some][:, None], lift[others]
    return np.asarray((one > other) + 0.5 * (one == other))


def _compared(
    leaning: Leaning, marks: Array, items: Items, how: tuple[int, int, float], random: np.random.Generator
) -> dict[str, Any]:
    """All numbers of a row that are made of how items lean."""
    permutations, draws, confidence = how
    stratum, one = items.stratum, np.zeros(len(marks), np.int64)
    lift, wins = leaning.lifts.lift, leaning.wins
    auc, difference = statistics(lift, marks, stratum, wins)
    raw = statistics(lift, marks, one, wins)
    both = [number for number in np.unique(stratum).tolist() if len(np.unique(marks[stratum == number])) == 2]
    row: dict[str, Any] = {
        "n_matched": int(np.isin(stratum, both).sum()), "auc": auc, "low": math.nan, "high": math.nan,
        "p_auc": math.nan, "difference": difference, "difference_low": math.nan, "difference_high": math.nan,
        "p": math.nan, "p_least": math.nan, "auc_unmatched": raw[0], "difference_unmatched": raw[1],
        "log_frequency_difference": statistics(np.log2(items.occurrences), marks, one)[1],
    }  # fmt: skip
    if both:
        tails = (1 - confidence) / 2, (1 + confidence) / 2
        drawn = _resampled(leaning, marks, stratum, draws, random)
        (row["low"], row["high"]), (row["difference_low"], row["difference_high"]) = (
            np.quantile(column, tails).tolist() for column in drawn
        )
        row["p"], row["p_auc"], row["p_least"] = permuted(lift, marks, stratum, permutations, random, wins)
    return row


def _resampled(
    leaning: Leaning, marks: Array, stratum: Array, draws: int, random: np.random.Generator
) -> tuple[Array, Array]:
    """AUC and difference of each resampling of the items within (stratum, chosen or not)."""
    won, gaps, pairs, weight = np.zeros(draws), np.zeros(draws), 0, 0.0
    lift = leaning.lifts.lift
    for number in np.unique(stratum).tolist():
        cells = [np.flatnonzero((stratum == number) & (marks == mark)) for mark in (True, False)]
        sizes = [len(cell) for cell in cells]
        if all(sizes):
            many, others = (random.multinomial(size, np.full(size, 1 / size), draws) for size in sizes)
            won += ((many @ leaning.wins[np.ix_(*cells)]) * others).sum(axis=1)
            own = sizes[0] * sizes[1] / sum(sizes)
            gaps += own * (many @ lift[cells[0]] / sizes[0] - others @ lift[cells[1]] / sizes[1])
            pairs, weight = pairs + sizes[0] * sizes[1], weight + own
    return won / pairs, gaps / weight


def permuted(
    lift: Array, marks: Array, stratum: Array, permutations: int, random: np.random.Generator,
    wins: Array | None = None,
) -> Permuted:  # fmt: skip
    """p of difference and AUC under permutation of the marks within strata."""
    observed = statistics(lift, marks, stratum, wins)
    won, gaps, pairs, weight, ways = np.zeros(permutations), np.zeros(permutations), 0, 0.0, 1.0
    for number in np.unique(stratum).tolist():
        here = np.flatnonzero(stratum == number)
        values, chosen = lift[here], int(marks[here].sum())
        left = len(here) - chosen
        if chosen and left:
            own = chosen * left / len(here)
            order = np.argsort(random.random((permutations, len(here))), axis=1)[:, :chosen]
            drawn = np.zeros((permutations, len(here)))
            np.put_along_axis(drawn, order, 1.0, axis=1)
            sums = drawn @ values
            gaps += own * (sums / chosen - (values.sum() - sums) / left)
            won += ((drawn @ _above(lift, wins, here, here)) * (1 - drawn)).sum(axis=1)
            pairs, weight, ways = pairs + chosen * left, weight + own, ways * math.comb(len(here), chosen)
    least = max(1 / ways, 1 / (1 + permutations))
    return Permuted(_p(gaps / weight, observed[1]), _p(won / pairs - 0.5, observed[0] - 0.5), least)


def _p(drawn: Array, seen: float) -> float:
    """The share of permutations as far from 0 as what was seen, which is one of them."""
    return (1 + int(np.count_nonzero(np.abs(drawn) >= abs(seen) - 1e-12))) / (1 + len(drawn))


def _item_rows(
    every: TermSet, measured: tuple[Items, list[Shrunk], Array], targets: Sequence[TermSet], names: Sequence[str],
    marks: Sequence[Array],
) -> list[dict[str, Any]]:  # fmt: skip
    """A row for each target and item, those that do not occur too."""
    items, lifts, found = measured
    place = np.cumsum(found) - 1
    rows = []
    for k, target in enumerate(targets):
        for number, item in enumerate(every):
            at = int(place[number]) if found[number] else None
            by = [name for name, each in zip(names, marks, strict=True) if each[number]]
            row: dict[str, Any] = {
                "item": item, "target": target.name, "occurrences": 0, "documents": 0, "lift": None, "low": None,
                "high": None, "stratum": None, "n_curators": len(by), "chosen_by": "; ".join(by),
            }  # fmt: skip
            if at is not None:
                row |= {
                    "occurrences": int(items.occurrences[at]), "documents": int(items.documents[at]),
                    "lift": float(lifts[k].lift[at]), "low": float(lifts[k].low[at]),
                    "high": float(lifts[k].high[at]), "stratum": int(items.stratum[at]) + 1,
                }  # fmt: skip
            rows.append(row)
    return rows


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, Column]:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
