"""The graph of terms as GraphML, for networkx, igraph, Gephi and Cytoscape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.exchange.vectors import Chosen, Weights, chosen_units, weighted_cells
from cooc.index.reader import Index, PairMatrix
from cooc.query.export import whole_file

Array = NDArray[Any]

NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
)


def export_graph(
    index: Index, matrix: PairMatrix, path: Path, *, terms: int, name: str, min_pair_count: float, edges: int,
    least: float | None,
) -> list[Path]:  # fmt: skip
    """Choose the nodes and edges of a graph and write them."""
    if edges < 1:
        raise UsageError(f"--edges {edges}: expected at least 1.")
    chosen, directed = chosen_units(index, terms), matrix.record.direction != "symmetric"
    cells = weighted_cells(matrix, chosen, name, min_pair_count=min_pair_count, upper=not directed)
    return write_graph(path, chosen, strongest(cells, len(chosen.units), edges, least), name, directed=directed)


def strongest(weights: Weights, size: int, edges: int, least: float | None) -> Weights:
    """The edges that are among the `edges` strongest of one of their two ends, and reach `least`.

    Of equal weights the more frequent pair goes first, then the one of the lower numbers.
    """
    if least is not None:
        weights = Weights(*(each[weights.values >= least] for each in weights))
    order = np.lexsort((weights.columns, weights.rows, -weights.counts, -weights.values))
    ends = np.concatenate([weights.rows[order], weights.columns[order]])
    which = np.concatenate([order, order])
    strength = np.tile(np.arange(len(order)), 2)  # each edge twice, once for each end
    by_end = np.lexsort((strength, ends))
    starts = np.searchsorted(ends[by_end], np.arange(size))
    rank = np.arange(len(by_end)) - starts[ends[by_end]]
    kept = np.unique(which[by_end[rank < edges]])
    return Weights(*(each[kept] for each in weights))


def write_graph(path: Path, chosen: Chosen, weights: Weights, name: str, *, directed: bool) -> list[Path]:
    """Write nodes (term, occurrences) and edges (count, and the measure by its name and as weight)."""
    with whole_file(path) as file:
        for line in _lines(chosen, weights, name, directed):
            file.write(line.encode())
    return [path]


def _lines(chosen: Chosen, weights: Weights, name: str, directed: bool) -> Iterator[str]:
    yield HEAD
    whole = np.issubdtype(weights.counts.dtype, np.integer)
    for key, of, kind in (("term", "node", "string"), ("occurrences", "node", "long"),
                          ("count", "edge", "long" if whole else "double"), (name, "edge", "double"),
                          ("weight", "edge", "double")):  # fmt: skip
        yield f'  <key id="{key}" for="{of}" attr.name="{key}" attr.type="{kind}"/>\n'
    yield f'  <graph id="cooc" edgedefault="{"directed" if directed else "undirected"}">\n'
    for number, (term, occurrences) in enumerate(zip(chosen.names, chosen.occurrences.tolist(), strict=True)):
        told = f'<data key="term">{escape(legible(term))}</data><data key="occurrences">{occurrences}</data>'
        yield f"    <node id={quoteattr(f'n{number}')}>{told}</node>\n"
    for a, b, count, value in zip(*(each.tolist() for each in weights), strict=True):
        told = f'<data key="count">{count}</data><data key="{name}">{value!r}</data><data key="weight">{value!r}</data>'
        yield f'    <edge source="n{a}" target="n{b}">{told}</edge>\n'
    yield "  </graph>\n</graphml>\n"


def legible(term: str) -> str:
    """A term with what XML can't hold as \\uNNNN."""
    return NO_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", term)
