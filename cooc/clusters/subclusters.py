"""Clusters inside a neighbourhood: HDBSCAN on the truncated SVD of its rows of weights.

Two words belong together if they stand beside the same words, so each member is its whole row of the graph, not only
its edges inside. The rows are cut down to a few dimensions by a truncated SVD (Deerwester and others 1990) and set to
length 1; HDBSCAN (Campello, Moulavi and Sander 2013) finds what is dense there and leaves the rest as noise. The
rows are taken in the order of the units and every step runs on one thread with a fixed seed: the same neighbourhood
gives the same clusters on any machine with the same libraries.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.graph import Walker
from cooc.errors import UsageError

Array = NDArray[Any]

DIMENSIONS = 20
NOISE = -1

SAMPLES = 5
"""Neighbours that a vector's density is measured by (HDBSCAN's min_samples)."""

LINKED = 5
"""Edges that a word must have: of fewer, those that happen to stand beside one common word would be a cluster."""


def labels_of(vectors: Array, fewest: int) -> Array:
    """The cluster of each vector, numbered by their first members; `NOISE` for none. `fewest` members make one.

    None holds more than half of all: that the neighbourhood is one cluster is known, and here it is what it falls into.
    """
    from sklearn.cluster import HDBSCAN
    from threadpoolctl import threadpool_limits

    if len(vectors) < 2 * fewest:
        return np.full(len(vectors), NOISE)
    with threadpool_limits(1):
        found = HDBSCAN(
            min_cluster_size=fewest, min_samples=min(fewest, SAMPLES), max_cluster_size=max(len(vectors) // 2, fewest),
            copy=True,
        ).fit(vectors).labels_  # fmt: skip
    firsts = {label: place for place, label in reversed(list(enumerate(found.tolist()))) if label != NOISE}
    number_of = {label: number for number, label in enumerate(sorted(firsts, key=lambda label: firsts[label]))}
    return np.array([number_of.get(label, NOISE) for label in found.tolist()], np.int64)


def vectors_of(walker: Walker, members: Array, dimensions: int = DIMENSIONS, seed: int = 0) -> Array:
    """Each unit of `members`, ascending, as a vector of length 1."""
    from scipy.sparse import csr_array
    from sklearn.decomposition import TruncatedSVD
    from threadpoolctl import threadpool_limits

    if dimensions < 1:
        raise UsageError(f"dimensions is {dimensions}; expected at least 1.")
    rows = [walker.neighbors(int(unit)) for unit in members]
    starts = np.cumsum([0, *(len(columns) for columns, _ in rows)])
    columns = np.concatenate([np.zeros(0, np.int64), *(columns for columns, _ in rows)])
    weights = np.concatenate([np.zeros(0), *(weights for _, weights in rows)])
    met, places = np.unique(columns, return_inverse=True)
    matrix = csr_array((weights, places, starts), shape=(len(members), max(len(met), 1)))
    most = min(dimensions, *(side - 1 for side in matrix.shape))
    if most < 1:
        return np.ones((len(members), 1))
    with threadpool_limits(1):
        reduced: Array = TruncatedSVD(most, algorithm="arpack", random_state=seed).fit_transform(matrix)
    lengths = np.linalg.norm(reduced, axis=1, keepdims=True)
    return reduced / np.where(lengths > 0, lengths, 1)
