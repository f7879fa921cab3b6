"""Shares of a target shrunk towards what terms of the corpus usually have: empirical Bayes.

A term's *effective* contexts are fewer than its contexts, since those of one document are alike: if the share of the
target varies between documents with a squared coefficient of variation v, the hits of n contexts in one document have
the variance nθ + v·(nθ)², and Σn contexts weigh like Σn / (1 + v·θ·(Σn²/Σn − 1)) independent ones (the design effect
of Kish 1965, with the variance of Williams 1982). v is estimated from the pairs of contexts within a document against
pairs between documents, over all background terms.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MOST_FITTED = 50_000
"""Background terms that a prior is fitted to. All that there usually are: a rare target is seen around few of them, and
a prior fitted to a part would hang on which part it is."""


class Beta(NamedTuple):
    """A distribution of shares, with the mean a/(a + b)."""

    a: float
    b: float


class Shrunk(NamedTuple):
    """Lifts by the posterior of a share, in bits over the share in the corpus."""

    lift: Array
    low: Array
    high: Array


def clumping(sums: tuple[Array, Array, Array, Array]) -> float:
    """v, from the sums over documents of contexts, hits, squared contexts and squared hits of background terms.

    Two contexts of a term in one document are both hits with chance θ²(1 + v), two in different documents with θ².
    Terms weigh by their pairs within documents over their contexts. 0 where nothing can be told.
    """
    contexts, hits, contexts_squared, hits_squared = (np.asarray(each, np.float64) for each in sums)
    apart = contexts**2 - contexts_squared
    known = (apart > 0) & (contexts_squared > contexts)
    n, x, nn, xx = contexts[known], hits[known], contexts_squared[known], hits_squared[known]
    expected = (x**2 - xx) / apart[known] * (nn - n) / n
    if not expected.sum() > 0:
        return 0.0
    return max(0.0, float(((xx - x) / n).sum() / expected.sum()) - 1.0)


def weights(contexts: Array, contexts_squared: Array, v: float, share: float) -> Array:
    """Effective contexts as a part of the contexts, (0, 1]."""
    alike = contexts_squared / np.maximum(contexts, 1) - 1
    return np.asarray(1 / (1 + v * share * np.maximum(alike, 0)))


def fit_beta(hits: Array, contexts: Array, share: float) -> Beta:
    """The Beta prior under which these (effective) counts are likeliest: the beta-binomial's marginal likelihood.

    Searched over log mean and log(a); without terms, or without a hit among them, Beta(1, (1 − share)/share).
    """
    from scipy.optimize import minimize
    from scipy.special import gammaln

    mean = min(max(share, 1e-9), 0.5)
    usable = np.flatnonzero(contexts > 0)
    step = max(1, len(usable) // MOST_FITTED)
    x, n = hits[usable[::step]], contexts[usable[::step]]
    if not x.sum() > 0:
        return Beta(1.0, (1 - mean) / mean)

    def loss(point: Array) -> float:
        prior = _beta(point)
        whole = gammaln(prior.a + prior.b) - gammaln(prior.a) - gammaln(prior.b)
        each = gammaln(prior.a + x) + gammaln(prior.b + n - x) - gammaln(prior.a + prior.b + n)
        # a weak pull to a = 1, within a few octaves, keeps few terms from giving a prior of no width
        return float(-(each.sum() + len(x) * whole) + 0.5 * (point[1] / 2) ** 2)

    best = minimize(loss, np.array([np.log(mean), 0.0]), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-4})
    return _beta(best.x)


def _beta(point: Array) -> Beta:
    # an a below 0.05 would have its mean above the upper limit of a 90 % interval: a lift outside of what it may be
    mean, a = min(float(np.exp(point[0])), 0.999), float(np.exp(np.clip(point[1], -3, 12)))
    return Beta(a, a * (1 - mean) / mean)


def shrink(hits: Array, contexts: Array, prior: Beta, *, share: float, confidence: float = 0.9) -> Shrunk:
    """log2 of the mean and of the credible limits of θ/share, θ ~ Beta(a + hits, b + contexts − hits) of effective
    counts.

    The mean is taken of shares, not of their logarithms: the mean of log2(θ) falls without limit as a does, so that a
    term of which nothing is known would seem to shun the target. It has the lift of the prior's mean instead, about 0.
    """
    from scipy.special import betaincinv

    a, b = prior.a + hits, prior.b + np.maximum(contexts - hits, 0)
    tail = (1 - confidence) / 2
    lift = np.log2(a / (a + b)) - np.log2(share)
    tiny = np.finfo(np.float64).tiny
    low, high = (np.log2(np.maximum(betaincinv(a, b, q), tiny)) - np.log2(share) for q in (tail, 1 - tail))
    return Shrunk(lift, low, high)
