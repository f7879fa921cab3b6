"""The verb that writes what an index holds for other tools."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cooc.errors import UsageError
from cooc.exchange.graph import export_graph
from cooc.exchange.vectors import export_vectors
from cooc.index.reader import Index
from cooc.query.elsewhere import as_index
from cooc.query.export import write_glove, write_ngrams, write_npz, write_pairs

File = str | os.PathLike[str]

VECTOR_TERMS, GRAPH_TERMS = 20_000, 1_000
"""The most frequent terms that get vectors, and nodes of a graph, where no number is given."""


def export(
    index: Index,
    *,
    pairs: File | None = None,
    glove: File | None = None,
    npz: File | None = None,
    ngrams: File | None = None,
    vectors: File | None = None,
    graphml: File | None = None,
    window: int | str | None = None,
    measure: str | None = None,
    terms: int | None = None,
    min_pair_count: float | None = None,
    dimensions: int = 100,
    power: float = 0.5,
    edges: int = 10,
    least: float | None = None,
    seed: int = 0,
) -> list[Path]:
    """Write the counts for other tools; returns the paths written. A file that exists is replaced, as a whole.

    `pairs`: parquet, a row (term_a, term_b, count) for every stored cell of the window; terms are
    dictionary-encoded, counts int64, or double in a harmonic window.
    `glove`: the binary records (int32, int32, double) of GloVe's `cooccur`, ids from 1 in the order of
    FILE.vocab, whose lines are "term occurrences"; phrases are joined by "_".
    `npz`: a CSR matrix for `scipy.sparse.load_npz`; row and column k is line k of FILE.terms.txt.
    `ngrams`: parquet, a row (ngram, n, count) for every n-gram the index holds, single terms included.
    `vectors`: word vectors in word2vec's format, binary in a .bin, else text; gensim's
    `KeyedVectors.load_word2vec_format` loads them. They are U·S^power of the truncated SVD with so many `dimensions`
    of the matrix of a `measure` (ppmi), for the `terms` (20,000) most frequent ones.
    `graphml`: a graph of the `terms` (1,000) most frequent ones for networkx, igraph and others. An edge is a pair
    among the `edges` strongest of one of its ends by a `measure` (npmi), from a value of `least` on.

    `window` is one of `index.windows`, the first if not given. The first four take memory for a few million cells and
    for the vocabulary, whatever the size of the index, vectors and graph 24 bytes for each cell between their terms,
    from `min_pair_count` (1; of the graph 5) on. Below the index's --min-pair-count a pair has no cell.
    """
    index = as_index(index)
    matrix = index.pairs(window)

    wanted: list[tuple[File | None, Callable[[Path], list[Path]]]] = [
        (pairs, lambda path: write_pairs(index, matrix, path)),
        (glove, lambda path: write_glove(index, matrix, path)),
        (npz, lambda path: write_npz(index, matrix, path)),
        (ngrams, lambda path: write_ngrams(index, path)),
        (vectors, lambda path: export_vectors(
            index, matrix, path, terms=terms or VECTOR_TERMS, name=measure or "ppmi",
            min_pair_count=min_pair_count or 1, dimensions=dimensions, power=power, seed=seed,
        )),
        (graphml, lambda path: export_graph(
            index, matrix, path, terms=terms or GRAPH_TERMS, name=measure or "npmi",
            min_pair_count=5 if min_pair_count is None else min_pair_count, edges=edges, least=least,
        )),
    ]  # fmt: skip
    asked = [(Path(file), write) for file, write in wanted if file is not None]
    if not asked:
        raise UsageError("nothing to export: name a file for pairs, glove, npz, ngrams, vectors or graphml.")
    for path, _ in asked:
        if not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent} to write into.")
    return [written for path, write in asked for written in write(path)]
