"""Which of two terms leans more towards a target, where one may simply have been seen more often than the other.

Shrunken lifts can't be ranked for that: of terms without a hit, the lift falls with every context, so a rank of the
lift is a rank of the frequency among them. Here a term is as high as its hits are among those that its own contexts
would give: hits x ~ negative binomial of the contexts and a prior (a, b) of the share, and the term's place is uniform
between P(X < x) and P(X ≤ x) (the randomised quantile residual of Dunn and Smyth 1996). Under the prior that place is
uniform on (0, 1) whatever the contexts, so of two terms either is higher with chance one half. Nothing is drawn at
random: what is wanted is a chance, and that of two uniform places is a formula.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.shrink import Beta

Array = NDArray[Any]


def ranges_of(hits: Array, contexts: Array, weights: Array, prior: Beta) -> tuple[Array, Array]:
    """P(X < x) and P(X ≤ x) of each term; in effective numbers, of which a hit is `weights`."""
    from scipy.special import betainc

    rate = (prior.a + prior.b) / (prior.a + prior.b + contexts * weights)
    high = betainc(prior.a, hits * weights + 1, rate)
    low = np.where(hits > 0, betainc(prior.a, np.maximum(hits - 1, 0) * weights + 1, rate), 0.0)
    return low, np.where(contexts > 0, np.maximum(high, low + 1e-12), 1.0)


def wins_of(low: Array, high: Array) -> Array:
    """The chance that term i stands above term j, places uniform between their limits: (i, j), wins + winsᵀ = 1."""

    def below(limit: Array) -> Array:
        """∫ P(place of j < t) dt up to each limit (i), (i, j)."""
        inside = np.clip(limit[:, None] - low, 0, high - low)
        beyond = np.maximum(limit[:, None] - high, 0)
        return np.asarray(inside**2 / (2 * (high - low)) + beyond)

    return np.asarray((below(high) - below(low)) / (high - low)[:, None])
