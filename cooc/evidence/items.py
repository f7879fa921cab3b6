"""A density for each term of a pool, by the cluster module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cooc.errors import UsageError
from cooc.evidence.read import Row


def item_densities(
    index: Any, terms: Sequence[str], target: Any, *, window: int | None, where: str | None, seed: int
) -> list[Row]:
    """Rows {term, target, density, log_frequency} of single terms: each its shrunken lift towards the target."""
    raise UsageError("densities of single terms are not computed yet; give them as items")
