"""How dense a set is in itself: do its terms stand near each other, and near little else?

Counted in the text as it is, but an occurrence inside a longer seed's is none, and two occurrences that lie over each
other are no pair. NPMI of two terms is log2(O·N / (R1·R2)) / −log2(O/N): O pairs of their occurrences in each other's
window, R1 and R2 the context tokens of each, N those of all tokens. A pair never seen has no NPMI; in the mean it
counts as 0, for of two rare terms it says nothing that they were never seen together.

- `density`: the mean NPMI over all pairs;
- `pairs_seen`, `pairs_above`: the shares of pairs seen at all, and with an NPMI above `THRESHOLD`;
- `conductance`: the part of the set's contexts that is not the set, 1 − ΣO / ΣR; low where they stand among themselves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters import doses
from cooc.clusters.matched import Pool, draw_sets
from cooc.clusters.measure import Question
from cooc.clusters.rivals import z_and_p
from cooc.index.reader import Index
from cooc.kernels.doses import list_doses, pair_up
from cooc.query.scan import ENDLESS
from cooc.query.slices import Slice

Array = NDArray[Any]

ITSELF = "itself"
"""The target of a row that says how dense a set is in itself."""
THRESHOLD = 0.5
"""About what two words have that were seen ten times each, once together: below it a pair of rare words says only that
it was seen."""
BLOCK = 50
"""Draws made at a time."""


class Pairs(NamedTuple):
    """What one reading says of terms and of pairs of them."""

    occurrences: Array
    """(terms)."""
    contexts: Array
    """(terms), R."""
    keys: Array
    """int64, ascending: a·terms + b for each pair seen, a < b."""
    counts: Array
    """O of each."""
    total: int
    """N."""
    rows: Array
    """(term, group, contexts) of the seeds, (3, rows)."""
    events: Array
    """(a, b, group, O) of pairs of seeds, (4, events)."""
    by_group: Array
    """N by group of documents."""


def in_itself(
    index: Index, asked: Question, pool: Pool, *, window: int | None, where: Slice | None
) -> tuple[dict[str, Any], Array, Array]:
    """The row of a set in itself, the null's densities, and the density in each draw of documents."""
    seeds = len(asked.seeds)
    pairs = pairs_of(index, [*asked.seeds, *pool.phrases], seeds, window=window, where=where)
    found = np.flatnonzero(pairs.occurrences[:seeds] > 0)
    lengths = np.array([len(asked.seeds[k]) for k in found.tolist()], np.int64)
    drawn, _ = draw_sets(
        (lengths, pairs.occurrences[found]), (pool.words, pairs.occurrences[seeds:]), sets=asked.null, seed=asked.seed
    )
    own = numbers_of(pairs, found[None, :])[0]
    null = numbers_of(pairs, drawn + seeds) if len(found) else np.zeros((0, 4))
    draws = _resampled(pairs, found, asked)
    draws += own[0] - draws.mean()  # weighted documents say a little less of each pair, on average
    tail = (1 - asked.confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail]).tolist()
    mean, deviation, z, p = z_and_p(float(own[0]), null[:, 0])
    row = {
        "density": float(own[0]), "low": low, "high": high, "null_mean": mean, "null_sd": deviation, "z": z, "p": p,
        "n_terms": seeds, "n_found": len(found), "coverage": len(found) / seeds,
        "pairs_seen": float(own[1]), "pairs_above": float(own[2]), "conductance": float(own[3]),
    }  # fmt: skip
    for place, name in ((1, "pairs_seen"), (2, "pairs_above"), (3, "conductance")):
        row[f"null_{name}"], _, row[f"z_{name}"], _ = z_and_p(float(own[place]), null[:, place])
    return row, null[:, 0], draws


def numbers_of(pairs: Pairs, sets: Array) -> Array:
    """Mean NPMI, shares of pairs seen and above the threshold, conductance, of each set, (sets, 4)."""
    from scipy.sparse import csr_array

    terms = len(pairs.contexts)
    a, b = pairs.keys // terms, pairs.keys % terms
    npmi = npmi_of(pairs.counts, pairs.contexts[a], pairs.contexts[b], pairs.total)
    each = (npmi, np.ones(len(a)), (npmi > THRESHOLD).astype(float), pairs.counts.astype(float))
    found = [csr_array((values, (a, b)), (terms, terms)) for values in each]
    sums = np.empty((len(sets), 4))
    for row, members in enumerate(sets):
        inside = np.zeros(terms, np.bool_)
        inside[members] = True
        sums[row] = [_inside(matrix, members, inside) for matrix in found]
    size = sets.shape[1]
    volume = pairs.contexts[sets].sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.column_stack([sums[:, :3] / (size * (size - 1) / 2), 1 - 2 * sums[:, 3] / volume])


def _inside(matrix: Any, members: Array, inside: Array) -> float:
    """The sum of the cells whose row and column are members."""
    begins, ends = matrix.indptr[members], matrix.indptr[members + 1]
    sizes = ends - begins
    cells = np.repeat(begins - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
    return float(matrix.data[cells][inside[matrix.indices[cells]]].sum())


def npmi_of(count: Array, r1: Array, r2: Array, total: Any) -> Array:
    """NPMI of pairs that were seen."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log2(count * (total / r1) / r2) / -np.log2(count / total))


def _resampled(pairs: Pairs, found: Array, asked: Question) -> Array:
    """The mean NPMI in each draw of documents."""
    from scipy.sparse import csr_array

    size, used = len(found), np.flatnonzero(pairs.by_group)
    if size < 2:
        return np.full(asked.draws, np.nan)
    a, b, group, count = pairs.events
    distinct, place = np.unique(a * (len(asked.seeds) + 1) + b, return_inverse=True)
    first, second = np.divmod(distinct, len(asked.seeds) + 1)
    seen = csr_array((count, (place, np.searchsorted(used, group))), (len(distinct), len(used)))
    term, of, contexts = pairs.rows
    around = csr_array((contexts, (term, np.searchsorted(used, of))), (len(asked.seeds), len(used)))
    random, means = np.random.default_rng([asked.seed, 6]), []
    for begin in range(0, asked.draws, BLOCK):
        drawn = random.standard_exponential((len(used), min(BLOCK, asked.draws - begin)))
        r = around @ drawn
        npmi = npmi_of(seen @ drawn, r[first], r[second], pairs.by_group[used] @ drawn)
        means.append(np.nansum(npmi, axis=0) / (size * (size - 1) / 2))
    return np.concatenate(means)


def pairs_of(
    index: Index, terms: doses.Phrases, seeds: int, *, window: int | None, where: Slice | None = None
) -> Pairs:
    """Read the pairs of terms, of which the first `seeds` are the seeds; these must be distinct phrases."""
    parts, place_of = doses.parts_of(terms, [], terms[:seeds])
    kept = None if where is None else where.mask
    groups = doses.group_count(index)
    contexts, occurrences = np.zeros(parts.terms, np.int64), np.zeros(parts.terms, np.int64)
    by_group = np.zeros(groups, np.int64)
    shown = int(place_of[:seeds].max(initial=-1)) + 1
    rows: list[Array] = [np.zeros((3, 0), np.int64)]
    events: list[Array] = [np.zeros((3, 0), np.int64)]
    keys: list[tuple[Array, Array]] = []

    def read(chunk: doses.Chunk) -> Any:
        ids, starts, numbers = doses.decoded(index, chunk, kept)
        return (*_chunk_pairs(ids, starts, parts, window), np.diff(starts), numbers)

    for term, document, counts, found, lengths, numbers in doses.in_order(read, list(doses.chunks_of(index, kept))):
        np.add.at(contexts, term, counts[1])
        np.add.at(occurrences, term, counts[0])
        group = doses.group_of(numbers, index.manifest.documents)
        np.add.at(by_group, group, _all_contexts(lengths, window))
        own = term < shown
        rows.append(np.stack([term[own], group[document[own]], counts[1][own]]))
        a, b, held = found
        own = b < shown
        events.append(np.stack([a[own], b[own], group[held[own]]]))
        keys.append(np.unique(a * parts.terms + b, return_counts=True))
        if len(keys) > 32:
            keys = [_added(keys)]
    distinct, counts = _added(keys)
    return _pairs(parts, place_of, contexts, occurrences, (distinct, counts), by_group, rows, events)


def _pairs(
    parts: doses.Parts, place_of: Array, contexts: Array, occurrences: Array, cells: tuple[Array, Array],
    by_group: Array, rows: list[Array], events: list[Array],
) -> Pairs:  # fmt: skip
    """All of it by the terms as they were asked for; a distinct one is asked for once."""
    back = np.zeros(parts.terms, np.int64)
    back[place_of[place_of >= 0]] = np.flatnonzero(place_of >= 0)
    terms = len(place_of)
    a, b = back[cells[0] // max(parts.terms, 1)], back[cells[0] % max(parts.terms, 1)]
    order = np.argsort(np.minimum(a, b) * terms + np.maximum(a, b))
    spread = np.zeros((2, terms), np.int64)
    spread[:, back] = contexts, occurrences
    held, of = np.concatenate(rows, axis=1), np.concatenate(events, axis=1)
    held[0], of[0], of[1] = back[held[0]], back[of[0]], back[of[1]]
    ones = np.ones((1, of.shape[1]), np.int64)
    return Pairs(
        spread[1], spread[0], (np.minimum(a, b) * terms + np.maximum(a, b))[order], cells[1][order],
        int(by_group.sum()), held, np.concatenate([of, ones]), by_group,
    )  # fmt: skip


def _chunk_pairs(ids: Array, starts: Array, parts: doses.Parts, window: int | None) -> tuple[Any, ...]:
    """Rows (term, document, (occurrences, contexts)) and pairs (a, b, document) of decoded documents."""
    positions, documents, phrases, is_nested = doses.occurrences_in(ids, starts, parts)
    sums = np.arange(len(ids) + 1, dtype=np.int64)[:, None]
    reach = np.int64(ENDLESS if window is None else window)
    term, held, occurrences = np.empty((3, len(positions)), np.int64)
    counts, latest = np.empty((len(positions), 1), np.int64), np.full(parts.terms, -1, np.int64)
    n = list_doses(
        starts, sums, positions, documents, phrases, parts.lengths, parts.term_of, is_nested, reach, latest,
        term, held, occurrences, counts,
    )  # fmt: skip
    room = 2 * len(positions) + 16
    while True:
        pairs = np.empty((3, room), np.int64)
        found = pair_up(positions, documents, phrases, parts.lengths, parts.term_of, is_nested, reach, *pairs)
        if found <= room:
            return term[:n], held[:n], (occurrences[:n], counts[:n, 0]), pairs[:, :found]
        room = int(found)


def _all_contexts(lengths: Array, window: int | None) -> Array:
    """The context tokens of all tokens of documents of these lengths."""
    if window is None:
        return np.asarray(lengths * (lengths - 1))
    near = np.minimum(window, np.maximum(lengths - 1, 0))
    return np.asarray(2 * near * lengths - near * (near + 1))


def _added(parts: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Counts of equal keys added up."""
    keys = np.concatenate([np.zeros(0, np.int64), *(key for key, _ in parts)])
    counts = np.concatenate([np.zeros(0, np.int64), *(count for _, count in parts)])
    distinct, place = np.unique(keys, return_inverse=True)
    return distinct, np.bincount(place, counts, len(distinct)).astype(np.int64)
