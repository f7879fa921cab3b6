"""What a cluster is called, and where in the corpus it can be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.graph import Walker
from cooc.index.reader import Index
from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES, TRAILS
from cooc.query.hits import documents_of, find_hits

Array = NDArray[Any]

LABELS = 3
"""Terms that a cluster is named by."""

CENTRAL = 5
"""Terms whose occurrences are looked through for examples."""

LOOKED_AT = 40
"""Occurrences of each of them, a random sample."""

REACH = 12
"""Words of an example to either side."""


def centrality(walker: Walker, members: Array) -> Array:
    """Of each member: its weight towards the others, times the third power of the share of its own that this is.

    The share is of the degree and the mean degree of the graph together, so that a word with two edges, both inside,
    does not name a cluster of hundreds; its power keeps words that go with everything from naming anything.
    """
    graph = walker.graph
    inside = np.zeros(graph.units, bool)
    inside[members] = True
    within = np.empty(len(members))
    for place, unit in enumerate(members.tolist()):
        columns, weights = walker.neighbors(unit)
        within[place] = weights[inside[columns]].sum()
    usual = graph.volume / max(int(np.count_nonzero(graph.degrees)), 1)
    return within * (within / np.maximum(graph.degrees[members] + usual, 1e-300)) ** 3


def by_centrality(walker: Walker, members: Array) -> Array:
    """The members, the most central first; ties by unit."""
    return members[np.lexsort((members, -centrality(walker, members)))]


class Example(NamedTuple):
    """A place of the corpus where a cluster's words stand together."""

    term: str
    text: str
    """Its words, as the index has them, `REACH` to either side of the term."""
    words: int
    """How many different members of the cluster are among them."""
    document: str
    """The id of the document, or its place in its source where it has none."""


def examples(index: Index, clusters: Sequence[Array], *, most: int = 3, seed: int = 0) -> list[list[Example]]:
    """For each cluster, units by centrality: the places around its first terms that hold most of its members.

    Of each cluster's `CENTRAL` first members `LOOKED_AT` occurrences are drawn; the best `most` places are given, each
    of another document.
    """
    heads = [list(map(int, members[:CENTRAL])) for members in clusters]
    wanted = sorted({unit for head in heads for unit in head})
    hits = find_hits(index, [index.units.term_ids(unit) for unit in wanted], most=LOOKED_AT, seed=seed)
    place_of = {unit: number for number, unit in enumerate(wanted)}
    return [
        _best(index, [(unit, hits.of(place_of[unit])) for unit in head], _words(index, members), most)
        for head, members in zip(heads, clusters, strict=True)
    ]


def _best(index: Index, found: list[tuple[int, Array]], words: set[int], most: int) -> list[Example]:
    ranked = []
    for unit, places in found:
        size = len(index.units.term_ids(unit))
        for place, document in zip(places.tolist(), documents_of(index, places).tolist(), strict=True):
            terms = around(index, place, size)
            ranked.append((-len(words.intersection(terms)), document, place, unit, terms))
    ranked.sort(key=lambda each: each[:3])
    chosen: dict[int, Example] = {}
    for score, document, _, unit, terms in ranked:
        if len(chosen) < most and document not in chosen:
            text = " ".join(index.vocabulary.terms(terms))
            chosen[document] = Example(index.units.name(unit), text, -score, document_name(index, document))
    return list(chosen.values())


def _words(index: Index, members: Array) -> set[int]:
    """The members that are words, as term ids."""
    return {ids[0] for ids in map(index.units.term_ids, members.tolist()) if len(ids) == 1}


def around(index: Index, place: int, size: int) -> list[int]:
    """The term ids of `size` terms at a place of the token store and of `REACH` to either side, in their document."""
    begin, end = max(0, place - 2 * REACH), min(len(index.tokens.codes) // 2, place + 2 * (size + REACH))
    codes = index.tokens.codes.slice(2 * begin, 2 * end).view("<u2").astype(np.int64).tolist()
    before = _decoded(codes[: place - begin], index.tokens.singles, last=True)[-REACH:]
    return before + _decoded(codes[place - begin :], index.tokens.singles)[: size + REACH]


def _decoded(codes: list[int], singles: int, *, last: bool = False) -> list[int]:
    """The terms of codes of one document: those up to a separator, or behind the `last` one."""
    terms: list[int] = []
    lead = -1
    for code in codes:
        if code == SEPARATOR:
            if not last:
                break
            terms.clear()
        elif code < singles:
            terms.append(code)
        elif code < FIRST_TRAIL:
            lead = code
        elif lead >= 0:
            terms.append(SINGLES + (lead - SINGLES) * TRAILS + code - FIRST_TRAIL)
    return terms


def document_name(index: Index, document: int) -> str:
    """The id of a document, or its path and line."""
    offsets = index.tokens.metadata_offsets.all().view("<u8")
    end = int(offsets[document + 1]) if document + 1 < len(offsets) else len(index.tokens.metadata)
    line = json.loads(index.tokens.metadata.slice(int(offsets[document]), end).tobytes())
    name = line.get("metadata", {}).get("id")
    return str(name) if name is not None else f"{line.get('path')}:{line.get('linenum')}"
