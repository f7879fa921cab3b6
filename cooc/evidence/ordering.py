"""Are lists ordered in density as they are in outcome? Items change places between lists.

Three lists give an ordering and no more: whether the outcomes follow density can't be tested with three. What can be
is whether the lists differ in density in that order at all, over their items; if they don't, density is no
explanation of the order.

An item's lift hangs on how often it occurs: with no hit a rare item stays near 0, a frequent one falls far below. So
where items bring their counts, each counts by the hits it has above those that a share common to all lists gives its
contexts, x = (hits - E) / (1 + φE), which is 0 on average whatever the contexts (φ: how much shares vary between
items, by moments; the score of a gamma-Poisson model). And items change places among those of about as many contexts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from cooc.errors import UsageError
from cooc.evidence.correlate import TINY, associate, controls, residuals, scaled
from cooc.evidence.densities import FREQUENCY, item_rows
from cooc.evidence.permute import CLOSE, MOST_EXACT, Array, Scheme, p_value
from cooc.evidence.read import Row

SUPPORTED, CONTRADICTED, UNDECIDABLE = "supported", "contradicted", "undecidable"
STRATUM = 12
"""Items of about so many change places with each other."""


class _Items(NamedTuple):
    """Items of the lists that belong to one list alone."""

    places: Array
    scores: Array
    blocks: Array
    rivals: Array
    ratios: Array
    """Of each list log2 of its hits over those expected at its contexts; NaN where items have no counts."""
    counted: bool


def ordering(
    items: Any, order: Sequence[str], *, column: str = "density", rivals: Sequence[str] = (), alpha: float = 0.05,
    draws: int = 9_999, seed: int = 0,
) -> Row:  # fmt: skip
    """Are lists ordered in density as they are in outcome? Items change places between lists.

    items   rows {"seeds": list, "term", and `contexts` and `hits` (as `cooc density` has them) or `column`, and rivals}
    order   the lists, from the least outcome to the largest

    The statistic is the correlation of an item's score (see this module) with the place of its list, among items of
    about as many contexts; of ranks of `column` where there are no counts, among items of about equal log_frequency
    where there is that. p is exact where the arrangements are few, else from `draws` of them. Terms in more than one
    list tell nothing of the difference and are left out, as are those without a density.

    Gives one row: lists, items, means (of `column`), ratios (bits, at equal contexts), shared, value, p, least_p,
    exact, partial and partial_p (over the rivals), verdict, because.
    """
    rows = [row for row in item_rows(items, column) if row["seeds"] in order]
    lists = Counter(row["term"] for row in rows)
    alone = [row for row in rows if lists[row["term"]] == 1 and all(_number(row.get(key)) for key in (column, *rivals))]
    held = Counter(row["seeds"] for row in alone)
    if len(held) < 2:
        raise UsageError(f"items of at least two of the lists {', '.join(order)} need a density; found {dict(held)}")
    names = [name for name in order if held[name]]
    made = _items(alone, names, column, rivals)
    found: Row = {
        "question": "items of lists, in the order of outcomes", "lists": names, "items": [held[name] for name in names],
        "means": [float(np.mean([row[column] for row in alone if row["seeds"] == name])) for name in names],
        "ratios": [None if np.isnan(each) else float(each) for each in made.ratios], "counted": made.counted,
        "strata": len(np.unique(made.blocks)), "shared": sum(count > 1 for count in lists.values()),
        "rivals": list(rivals), "alpha": alpha, **_tested(made, draws, seed), **_partial(made, draws, seed),
    }  # fmt: skip
    return {**found, **judged(found)}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _items(rows: Sequence[Row], names: Sequence[str], column: str, rivals: Sequence[str]) -> _Items:
    places = np.array([names.index(row["seeds"]) for row in rows])
    others = np.array([[float(row[name]) for name in rivals] for row in rows], float).reshape(len(rows), len(rivals))
    if column == "density" and all(_number(row.get("contexts")) and _number(row.get("hits")) for row in rows):
        contexts, hits = (np.array([float(row[key]) for row in rows]) for key in ("contexts", "hits"))
        blocks = strata(contexts)
        expected = _expected(hits, contexts, blocks)
        sums = [(hits[places == k].sum(), expected[places == k].sum()) for k in range(len(names))]
        ratios = np.array([math.log2((h + 0.5) / (e + 0.5)) for h, e in sums])
        return _Items(places, _scores(hits, expected), blocks, others, ratios, True)
    blocks = np.zeros(len(rows), int)
    if all(_number(row.get(FREQUENCY)) for row in rows):
        blocks = strata(np.array([float(row[FREQUENCY]) for row in rows]))
    values = scaled(np.array([float(row[column]) for row in rows]), blocks, "ranks")
    return _Items(places, values, blocks, others, np.full(len(names), np.nan), False)


def strata(values: Array) -> Array:
    """Of each item its stratum: neighbours in value, about STRATUM of them."""
    count = max(1, len(values) // STRATUM)
    strata_of = np.empty(len(values), int)
    strata_of[np.argsort(values, kind="stable")] = np.arange(len(values)) * count // len(values)
    return strata_of


def _expected(hits: Array, contexts: Array, blocks: Array) -> Array:
    """The hits of each item if its stratum had one share."""
    sums = np.bincount(blocks, hits), np.bincount(blocks, contexts)
    return np.asarray((sums[0] / np.maximum(sums[1], 1.0))[blocks] * contexts)


def _scores(hits: Array, expected: Array) -> Array:
    over = max(0.0, float(((hits - expected) ** 2 - expected).sum() / max((expected**2).sum(), TINY)))
    return np.asarray((hits - expected) / (1 + over * expected))


def _tested(made: _Items, draws: int, seed: int) -> Row:
    """The correlation of places and scores within strata, with its p over exchanges of the places."""
    basis = controls(made.blocks)
    score = residuals(made.scores, basis)
    arranged, exact = exchanges(made.places, made.blocks, draws, seed)
    moved = residuals(arranged.astype(float), basis)
    sizes = np.sqrt((moved * moved).sum(axis=1) * (score @ score))
    if sizes[0] < TINY or score @ score < TINY:
        return {"value": None, "p": None, "least_p": None, "exact": exact}
    values = np.divide(moved @ score, sizes, out=np.zeros(len(moved)), where=sizes > TINY)
    least = float(np.mean(np.abs(values) >= np.abs(values).max() - CLOSE)) if exact else 1 / len(values)
    return {"value": float(values[0]), "p": p_value(values), "least_p": least, "exact": exact}


def _partial(made: _Items, draws: int, seed: int) -> Row:
    if not made.rivals.size:
        return {"partial": None, "partial_p": None}
    given = associate(made.places.astype(float), made.scores, Scheme(made.blocks), rivals=made.rivals, draws=draws,
                      seed=seed)  # fmt: skip
    return {"partial": given.value, "partial_p": given.p}


def exchanges(places: Array, blocks: Array, draws: int, seed: int) -> tuple[Array, bool]:
    """Arrangements of places within blocks (the first is the data's own): all that differ where they are few."""
    inside = [np.flatnonzero(blocks == block) for block in np.unique(blocks)]
    if math.prod(_ways(places[where]) for where in inside) <= MOST_EXACT:
        return _all(places, inside), True
    rng = np.random.default_rng(seed)
    arranged = np.tile(places, (draws + 1, 1))
    for where in inside:
        arranged[1:, where] = rng.permuted(arranged[1:, where], axis=1)
    return arranged, False


def _ways(places: Array) -> int:
    return math.factorial(len(places)) // math.prod(math.factorial(n) for n in Counter(places.tolist()).values())


def _all(places: Array, inside: Sequence[Array]) -> Array:
    arranged = places[None, :]
    for where in inside:
        own = np.array(_orders(Counter(sorted(places[where].tolist())), len(where)))
        first = int(np.flatnonzero((own == places[where]).all(axis=1))[0])
        own[[0, first]] = own[[first, 0]]
        arranged = np.repeat(arranged, len(own), axis=0)
        arranged[:, where] = np.tile(own, (len(arranged) // len(own), 1))
    return arranged


def _orders(left: Counter[int], length: int) -> list[list[int]]:
    """All different orders of a multiset."""
    if length == 0:
        return [[]]
    return [[each, *rest] for each in sorted(left) if left[each]
            for rest in _orders(left - Counter([each]), length - 1)]  # fmt: skip


def judged(found: Row) -> Row:
    """Verdict and reason; `p_holm` decides where several targets were tried."""
    over = "partial" if found["rivals"] else "value"
    value, p = found[over], found["partial_p" if found["rivals"] else "p"]
    p = p if found.get("p_holm") is None else found["p_holm"]
    says = _shown(found)
    if value is None or p is None:
        return {"verdict": UNDECIDABLE, "because": f"{says}: too few items, or no variation"}
    beyond = f" over {', '.join(found['rivals'])}" if found["rivals"] else ""
    tried = f" (Holm, {found['tried']} targets tried)" if found.get("tried", 1) > 1 else ""
    says += f"; correlation of an item's density with the place of its list{beyond} {value:+.2f}, p = {p:.2g}{tried}"
    steps = found["ratios"] if found["counted"] else found["means"]
    monotone = all(a < b for a, b in pairwise(steps))
    if p <= found["alpha"] and value > 0 and monotone:
        points = f"{len(found['lists'])} lists are {len(found['lists'])} points"
        because = f"{says}. This is an ordering of lists and no dose-response: {points}"
        return {"verdict": SUPPORTED, "because": because}
    if p <= found["alpha"] and value < 0:
        return {"verdict": CONTRADICTED, "because": f"{says}: the order is the other way"}
    if p <= found["alpha"]:
        return {"verdict": UNDECIDABLE, "because": f"{says}, but the lists are not in the order of the outcomes"}
    return {"verdict": UNDECIDABLE, "because": says}


def _shown(found: Row) -> str:
    """The lists, from the least outcome: bits above what their contexts give, or mean densities."""
    steps, what = (found["ratios"], "bits at equal frequency") if found["counted"] else (found["means"], "mean density")
    lists = ", ".join(f"{name} {each:+.2f}" for name, each in zip(found["lists"], steps, strict=True))
    return f"{what}: {lists}"
