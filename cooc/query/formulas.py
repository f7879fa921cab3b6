"""The measures' formulas: how much more often than by chance do two terms occur together?

All are functions of one 2×2 table in Evert's notation (see contingency.py): O11 is how often a and b were
counted together, R1 and C1 are their marginals, N is the number of all counted pairs, E11 = R1·C1/N what
chance would give. Logarithms are binary (bits), except in G², which is published with the natural one.

A measure that isn't defined for a table is NaN: the PMI family for a pair never seen (O11 = 0), the tests
where a marginal is 0 or all of N, everything where the table can't be (a negative cell, N = 0, a count that
is NaN, as for a pair pruned from the index). In the tables users see, NaN is null.
"""

import math

import numpy as np

from cooc.query.contingency import Array, Table, log2, share
from cooc.query.exact import log_likelihood, minus_log10_p
from cooc.query.interval import poisson_limits


def pmi(t: Table) -> Array:
    """log2(O11 / E11), pointwise mutual information (Church & Hanks 1990, after Fano 1961)."""
    return log2(share(t.o11, t.e11))


def npmi(t: Table) -> Array:
    """PMI / −log2(O11/N), normalised PMI (Bouma 2009): 1 if a and b only occur together, 0 by chance."""
    return np.clip(share(pmi(t), -log2(share(t.o11, t.n))), -1, 1)


def ppmi(t: Table) -> Array:
    """max(PMI, 0), positive PMI (Church & Hanks 1990; Niwa & Nitta 1994; Bullinaria & Levy 2007)."""
    return np.maximum(pmi(t), 0)


def sppmi(t: Table, *, k: float = 5.0) -> Array:
    """max(PMI − log2 k, 0), shifted positive PMI; k is word2vec's negative samples (Levy & Goldberg 2014)."""
    return np.maximum(pmi(t) - math.log2(k), 0)


def ppmi_cds(t: Table, *, smoothed_total: float, alpha: float = 0.75) -> Array:
    """max(log2((O11/R1) / (C1^α/Σ C1^α)), 0), PPMI with a smoothed context distribution.

    `smoothed_total` is Σ C1^α over all contexts b of the index (Levy, Goldberg & Dagan 2015).
    """
    smoothed = t.c1**alpha / smoothed_total
    return np.maximum(log2(share(share(t.o11, t.r1), smoothed)), 0)


def pmi2(t: Table) -> Array:
    """log2(P(a,b)² / (P(a)·P(b))) = log2(O11² / (R1·C1)), PMI² (Daille 1994): 0 if never apart."""
    return np.minimum(log2(share(t.o11, t.r1) * share(t.o11, t.c1)), 0)


def mi3(t: Table) -> Array:
    """log2(O11³ / E11), MI³ on counts as corpus tools print it (Daille 1994; Oakes 1998)."""
    return log2(share(t.o11**3, t.e11))


def local_mi(t: Table) -> Array:
    """O11·log2(O11/E11), local mutual information (Evert 2005): the pair's part of the mutual information."""
    return t.o11 * pmi(t)


def pmi_low(t: Table, *, confidence: float = 0.95) -> Array:
    """log2(L / E11), L the lower exact Poisson limit of O11 (Garwood 1936): PMI that is safe to claim.

    E11 is held fixed, which errs on the wide side: by the delta method the variance of PMI (in nats) is
    1/O11 − 1/R1 − 1/C1 + (2·O11/E11 − 1)/N, never above the 1/O11 used here.
    """
    return log2(share(poisson_limits(t.o11, confidence)[0], t.e11))


def pmi_high(t: Table, *, confidence: float = 0.95) -> Array:
    """log2(U / E11), U the upper exact Poisson limit of O11 (Garwood 1936).

    Not cut at log2(N / max(R1, C1)), PMI's maximum: these marginals are a sample's too, and a pair that is
    never apart would lie beyond its own limit every other time.
    """
    upper = np.where(t.o11 > 0, poisson_limits(t.o11, confidence)[1], np.nan)
    return log2(share(upper, t.e11))


def g2(t: Table) -> Array:
    """2·Σ O·ln(O/E) over the four cells, log-likelihood ratio (Dunning 1993); natural logarithm, never < 0.

    It is as large for a pair that shuns each other: the direction is the sign of O11 − E11.
    """
    return _tested(t, log_likelihood(t.delta, (t.e11, t.e12, t.e21, t.e22)))


def chi2(t: Table) -> Array:
    """Σ (O − E)²/E over the four cells, Pearson's χ² without correction (Pearson 1900; Evert 2005).

    It is as large for a pair that shuns each other: the direction is the sign of O11 − E11.
    """
    square = t.delta**2
    return share(square, t.e11) + share(square, t.e12) + share(square, t.e21) + share(square, t.e22)


def fisher(t: Table) -> Array:
    """−log10 P(X ≥ O11), X hypergeometric: Fisher's exact test, one-sided (Fisher 1935; Pedersen 1996).

    In log space, so it never underflows. Counts in fractions (harmonic windows) have no exact test: NaN.
    """
    return _tested(t, minus_log10_p(t))


def t_score(t: Table) -> Array:
    """(O11 − E11) / √O11, t-score (Church, Gale, Hanks & Hindle 1991)."""
    return share(t.delta, np.sqrt(t.o11))


def z_score(t: Table) -> Array:
    """(O11 − E11) / √E11, z-score (Berry-Rogghe 1973; Evert 2005)."""
    return share(t.delta, np.sqrt(t.e11))


def poisson_stirling(t: Table) -> Array:
    """O11·(log2(O11/E11) − 1), Poisson likelihood by Stirling's formula (Quasthoff & Wolff 2002).

    They write it with the natural logarithm; with the binary one it is NLTK's measure of this name.
    """
    return t.o11 * (pmi(t) - 1)


def dice(t: Table) -> Array:
    """2·O11 / (R1 + C1), Dice's coefficient (Dice 1945)."""
    return share(2 * t.o11, t.r1 + t.c1)


def log_dice(t: Table) -> Array:
    """14 + log2(Dice), logDice (Rychlý 2008): at most 14, one more for twice as tight a pair."""
    return 14 + log2(dice(t))


def jaccard(t: Table) -> Array:
    """O11 / (O11 + O12 + O21), Jaccard's index (Jaccard 1901)."""
    return share(t.o11, t.o11 + t.o12 + t.o21)


def min_sensitivity(t: Table) -> Array:
    """min(O11/R1, O11/C1) = min(P(b|a), P(a|b)), minimum sensitivity (Pedersen & Bruce 1996; Evert 2005)."""
    return share(t.o11, np.maximum(t.r1, t.c1))


def p_b_given_a(t: Table) -> Array:
    """O11/R1, the share of a's contexts that are b (conditional probability; Evert 2008)."""
    return share(t.o11, t.r1)


def p_a_given_b(t: Table) -> Array:
    """O11/C1, the share of b's contexts that are a (conditional probability; Evert 2008)."""
    return share(t.o11, t.c1)


def delta_p_ba(t: Table) -> Array:
    """P(b|a) − P(b|¬a) = O11/R1 − O21/R2, ΔP: how much a foretells b (Allan 1980; Gries 2013)."""
    return share(t.o11, t.r1) - share(t.o21, t.r2)


def delta_p_ab(t: Table) -> Array:
    """P(a|b) − P(a|¬b) = O11/C1 − O12/C2, ΔP: how much b foretells a (Allan 1980; Gries 2013)."""
    return share(t.o11, t.c1) - share(t.o12, t.c2)


def log_odds_ratio(t: Table, *, discount: float = 0.5) -> Array:
    """log2((O11+½)(O22+½) / ((O12+½)(O21+½))), odds ratio with discount (Haldane 1956; Anscombe 1956)."""
    return log2((t.o11 + discount) / (t.o12 + discount)) + log2((t.o22 + discount) / (t.o21 + discount))


def expected(t: Table) -> Array:
    """E11 = R1·C1/N, the count that chance would give (Evert 2005)."""
    return t.e11


def _tested(t: Table, statistic: Array) -> Array:
    """The statistic where there is something to test: no marginal is empty."""
    return np.where((t.r1 > 0) & (t.r2 > 0) & (t.c1 > 0) & (t.c2 > 0), statistic, np.nan)
