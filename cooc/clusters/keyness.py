"""Which terms set one collection of texts apart from another: G², log ratio, and an interval that knows documents.

G² (Dunning 1993) says how sure a difference is, the log ratio (Hardie 2014) how large; a ranking by the first alone
is one of function words, by the second alone one of rarities. Both take tokens to be independent, and they come in
bursts: a name that fills one book is neither rare nor typical. So the interval of the log ratio takes the *document*
as the unit: the rate Σc/ΣL is a ratio estimator, its variance that of its residuals (Cochran 1977, ch. 6):

    var(r) = D/(D − 1) · Σ (c − r·L)² / (ΣL)²,    var(log2 r) = var(r) / (r·ln 2)²

never taken as below that of a Poisson count, 1/(c + ½), and ½ is added to each count so that 0 has a logarithm.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.kernels.spread import COUNT, CROSSED, DOCUMENTS, LARGEST, SQUARES
from cooc.query.measures import evaluate

Array = NDArray[Any]


class Side(NamedTuple):
    """One collection: the sums of kernels/spread.py (5, terms) over its documents, and the tokens L of these."""

    sums: Array
    tokens: int
    size: int
    lengths_squared: int

    def at(self, places: Array) -> Side:
        """The same for some terms."""
        return self._replace(sums=self.sums[:, places])

    @property
    def counts(self) -> Array:
        """Σc, the occurrences."""
        return np.asarray(self.sums[COUNT])

    @property
    def documents(self) -> Array:
        """How many documents hold the term."""
        return np.asarray(self.sums[DOCUMENTS])

    @property
    def largest_share(self) -> Array:
        """Of the occurrences, those in the document that has most of them; NaN where there are none."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.sums[LARGEST] / self.sums[COUNT])

    @property
    def rate(self) -> Array:
        """(c + ½) / (tokens + 1)."""
        return np.asarray((self.counts + 0.5) / (self.tokens + 1))

    @property
    def variance(self) -> Array:
        """Of the rate's natural logarithm."""
        poisson = 1 / (self.counts + 0.5)
        if self.size < 2 or not self.tokens:
            return np.asarray(poisson)
        rate = self.counts / self.tokens
        residuals = self.sums[SQUARES] - 2.0 * rate * self.sums[CROSSED] + rate**2 * float(self.lengths_squared)
        clustered = self.size / (self.size - 1) * residuals / (self.rate * self.tokens) ** 2
        return np.asarray(np.maximum(clustered, poisson))


class Keyness(NamedTuple):
    """Of each term; NaN where a side holds no token."""

    g2: Array
    log_ratio: Array
    low: Array
    high: Array


def keyness(one: Side, other: Side, confidence: float = 0.95) -> Keyness:
    """How each term sets `one` apart from `other`; log ratios above 0 are of what `one` has more of."""
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence}; it must lie between 0 and 1, like 0.95.")
    g2 = g2_of(one.counts, one.tokens, other.counts, other.tokens)
    difference = np.log2(one.rate) - np.log2(other.rate)
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * np.sqrt(one.variance + other.variance) / math.log(2)
    empty = not (one.tokens and other.tokens)
    values = (np.where(empty, np.nan, part) for part in (g2, difference, difference - reach, difference + reach))
    return Keyness(*values)


def g2_of(count: Array, tokens: int, other: Array, other_tokens: int) -> Array:
    """2·Σ O·ln(O/E) of the table term/other terms by one/other."""
    return evaluate(["g2"], count, np.float64(tokens), count + other, np.float64(tokens + other_tokens))["g2"]
