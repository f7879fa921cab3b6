"""Word vectors from the pair counts: PPMI, its truncated singular value decomposition, and files that gensim reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.index.reader import Index, PairMatrix
from cooc.query.cells import cells_of, unit_names
from cooc.query.export import whole_file
from cooc.query.measures import evaluate, measure
from cooc.query.rank import ALPHA, in_pairs, smoothed_total

Array = NDArray[Any]


class Chosen(NamedTuple):
    """The units that take part, ascending, their plain names and occurrences."""

    units: Array
    names: list[str]
    occurrences: Array


class Weights(NamedTuple):
    """Cells between chosen units by their places, their counts, and their weights."""

    rows: Array
    columns: Array
    counts: Array
    values: Array


def export_vectors(
    index: Index, matrix: PairMatrix, path: Path, *, terms: int, name: str, min_pair_count: float, dimensions: int,
    power: float, seed: int,
) -> list[Path]:  # fmt: skip
    """Make vectors of the most frequent terms and write them."""
    chosen = chosen_units(index, terms)
    cells = weighted_cells(matrix, chosen, name, min_pair_count=min_pair_count)
    vectors = svd_vectors(cells, len(chosen.units), dimensions, power=power, seed=seed)
    return write_vectors(path, chosen.names, vectors)


def chosen_units(index: Index, terms: int) -> Chosen:
    """The `terms` most frequent units; of equals the first."""
    if terms < 2:
        raise UsageError(f"--terms {terms}: expected at least 2.")
    units = index.units
    words = np.asarray(index.vocabulary.occurrences.all())[units.word_terms]
    occurrences = np.concatenate([words, units.phrase_occurrences.all()])
    best = np.sort(np.argsort(-occurrences, kind="stable")[:terms])
    best = best[occurrences[best] > 0]
    names = unit_names(index, plain=True)
    return Chosen(best, [names[unit] for unit in best.tolist()], occurrences[best])


def weighted_cells(
    matrix: PairMatrix, chosen: Chosen, name: str, *, min_pair_count: float = 1, upper: bool = False
) -> Weights:
    """The cells between chosen units with their weights by a measure; marginals are those of the whole index.

    Cells without a weight, or of weight 0, are left out; with `upper` also those below the diagonal and on it. Takes 24
    bytes a cell kept, and the longest column of it twice for a moment.
    """
    measure(name)
    places = np.full(matrix.rows, -1, np.int32)
    places[chosen.units] = np.arange(len(chosen.units), dtype=np.int32)
    r1, c1 = (in_pairs(sums.all(), matrix.unit) for sums in (matrix.row_sums, matrix.column_sums))
    parameters = {"smoothed_total": smoothed_total(np.asarray(c1), ALPHA)} if name == "ppmi_cds" else {}
    total = in_pairs(matrix.total, matrix.unit)
    parts: tuple[list[Array], ...] = tuple([each] for each in _nothing())
    for cells in cells_of(matrix):
        rows, columns = places[cells.rows], places[cells.columns]
        kept = (rows >= 0) & (columns >= 0) & (cells.counts >= min_pair_count)
        kept &= (rows < columns) if upper else True
        counts = cells.counts[kept]
        values = evaluate(
            [name], counts, r1[cells.rows[kept]], c1[cells.columns[kept]], total, **parameters
        )[name]  # fmt: skip
        there = np.isfinite(values) & (values != 0)
        kinds: tuple[Array, ...] = (rows[kept], columns[kept], counts, values)
        for part, found in zip(parts, kinds, strict=True):
            part.append(found[there])
    return Weights(*(_joined(part) for part in parts))


def _joined(parts: list[Array]) -> Array:
    """One array of several, which are let go of: so not all that is held is held twice."""
    whole = np.concatenate(parts)
    parts.clear()
    return whole


def _nothing() -> Weights:
    return Weights(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0))


def svd_vectors(weights: Weights, size: int, dimensions: int, *, power: float = 0.5, seed: int = 0) -> Array:
    """Vectors U·S^power of the truncated SVD (Levy, Goldberg & Dagan 2015), float32, of `size` units.

    The sign of a dimension is such that its largest entry is above 0; `seed` starts the iteration (ARPACK).
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import svds

    if not 1 <= dimensions < size:
        raise UsageError(f"--dimensions {dimensions}: expected 1 to {size - 1}, fewer than there are terms.")
    if not len(weights.rows):
        raise UsageError("there is nothing to make vectors of: no pair of these terms has a weight.")
    table = csr_matrix((weights.values.astype(np.float32), (weights.rows, weights.columns)), shape=(size, size))
    start = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    left, values, _ = svds(table, k=dimensions, v0=start, return_singular_vectors="u")
    order = np.argsort(-values, kind="stable")
    left, values = left[:, order], np.maximum(values[order], 0)
    signs = np.sign(left[np.argmax(np.abs(left), axis=0), np.arange(dimensions)])
    vectors: Array = (left * np.where(signs == 0, 1, signs) * values**power).astype(np.float32)
    return vectors


def write_vectors(path: Path, names: list[str], vectors: Array) -> list[Path]:
    """Write word2vec's format: binary where the file ends in .bin, else text; gensim and others load both."""
    write = _binary if path.suffix == ".bin" else _text
    with whole_file(path) as file:
        file.write(f"{len(names)} {vectors.shape[1]}\n".encode())
        for line in write(names, vectors):
            file.write(line)
    return [path]


def _binary(names: list[str], vectors: Array) -> Iterator[bytes]:
    for name, vector in zip(names, vectors.astype("<f4"), strict=True):
        yield name.encode() + b" " + vector.tobytes() + b"\n"


def _text(names: list[str], vectors: Array) -> Iterator[bytes]:
    for name, vector in zip(names, vectors.tolist(), strict=True):
        yield (name + " " + " ".join(f"{value:.8g}" for value in vector) + "\n").encode()
