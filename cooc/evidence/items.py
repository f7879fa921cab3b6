"""A density for each term of a pool, by the cluster module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cooc.evidence.read import Row
from cooc.terms import TermSet

FEW = 100
"""Matched sets and resamplings of the pool as a whole, which nobody asks for here."""


def item_densities(
    index: Any, terms: Sequence[str], target: Any, *, window: int | None, where: str | None, seed: int
) -> list[Row]:
    """Rows {term, target, density, log_frequency} of single terms: each its shrunken lift towards the target."""
    from cooc.clusters.density import density
    from cooc.evidence.densities import item_rows

    pool = TermSet("pool", terms)
    return item_rows(density(index, pool, target, window=window, where=where, null=FEW, draws=FEW, seed=seed))
