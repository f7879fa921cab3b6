"""The measures once more, one table at a time, in plain Python: the specification of cooc/query/formulas.py.

Where Python's integers allow, exactly: Fisher's p is a fraction of binomial coefficients, and a Poisson limit
is found by bisection on the sum of the probabilities.
"""

import math
from fractions import Fraction

NAN = math.nan


def table(o11, r1, c1, n):
    return o11, r1 - o11, c1 - o11, n - r1 - c1 + o11


def expected(o11, r1, c1, n):
    return r1 * c1 / n if n > 0 else NAN


def pmi(o11, r1, c1, n):
    return math.log2(o11 * n / (r1 * c1)) if o11 > 0 else NAN


def npmi(o11, r1, c1, n):
    return pmi(o11, r1, c1, n) / -math.log2(o11 / n) if 0 < o11 < n else NAN


def ppmi(o11, r1, c1, n):
    return max(pmi(o11, r1, c1, n), 0.0) if o11 > 0 else NAN


def sppmi(o11, r1, c1, n, k=5):
    return max(pmi(o11, r1, c1, n) - math.log2(k), 0.0) if o11 > 0 else NAN


def ppmi_cds(o11, r1, c1, n, smoothed_total, alpha=0.75):
    if o11 == 0:
        return NAN
    return max(math.log2((o11 / r1) / (c1**alpha / smoothed_total)), 0.0)


def pmi2(o11, r1, c1, n):
    return math.log2(Fraction(o11 * o11) / (r1 * c1)) if o11 > 0 else NAN


def mi3(o11, r1, c1, n):
    return math.log2(Fraction(o11**3 * n) / (r1 * c1)) if o11 > 0 else NAN


def local_mi(o11, r1, c1, n):
    return o11 * pmi(o11, r1, c1, n)


def pmi_low(o11, r1, c1, n, confidence=0.95):
    if o11 == 0:
        return NAN
    # the mean for which as much as was seen, or more, has a chance of (1 − confidence)/2
    limit = bisect(lambda mean: 1 - poisson_up_to(o11 - 1, mean), (1 - confidence) / 2, o11)
    return math.log2(limit * n / (r1 * c1))


def pmi_high(o11, r1, c1, n, confidence=0.95):
    if o11 == 0:
        return NAN
    limit = bisect(lambda mean: 1 - poisson_up_to(o11, mean), 1 - (1 - confidence) / 2, 10 * o11 + 100)
    return math.log2(limit * n / (r1 * c1))


def poisson_up_to(count, mean):
    return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))


def bisect(rising, target, high):
    low = 0.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return high


def cells_and_expected(o11, r1, c1, n):
    observed = table(o11, r1, c1, n)
    chance = [Fraction(r * c, n) for r in (r1, n - r1) for c in (c1, n - c1)]
    return list(zip(observed, chance, strict=True))


def testable(o11, r1, c1, n):
    return 0 < r1 < n and 0 < c1 < n


def g2(o11, r1, c1, n):
    if not testable(o11, r1, c1, n):
        return NAN
    return 2 * math.fsum(o * math.log(o / e) for o, e in cells_and_expected(o11, r1, c1, n) if o)


def chi2(o11, r1, c1, n):
    if not testable(o11, r1, c1, n):
        return NAN
    return float(sum((o - e) ** 2 / e for o, e in cells_and_expected(o11, r1, c1, n)))


def fisher(o11, r1, c1, n):
    if not testable(o11, r1, c1, n):
        return NAN
    ways = sum(math.comb(r1, k) * math.comb(n - r1, c1 - k) for k in range(o11, min(r1, c1) + 1))
    every = math.comb(n, c1)
    return (math.log2(every) - math.log2(ways)) * math.log10(2) if 2 * ways < every else -math.log1p(
        -float(Fraction(every - ways, every))) / math.log(10)


def t_score(o11, r1, c1, n):
    return (o11 - r1 * c1 / n) / math.sqrt(o11) if o11 > 0 else NAN


def z_score(o11, r1, c1, n):
    return (o11 - r1 * c1 / n) / math.sqrt(r1 * c1 / n) if r1 * c1 > 0 else NAN


def poisson_stirling(o11, r1, c1, n):
    return o11 * (pmi(o11, r1, c1, n) - 1)


def dice(o11, r1, c1, n):
    return 2 * o11 / (r1 + c1) if r1 + c1 > 0 else NAN


def log_dice(o11, r1, c1, n):
    return 14 + math.log2(2 * o11 / (r1 + c1)) if o11 > 0 else NAN


def jaccard(o11, r1, c1, n):
    return o11 / (r1 + c1 - o11) if r1 + c1 > 0 else NAN


def min_sensitivity(o11, r1, c1, n):
    return o11 / max(r1, c1) if r1 + c1 > 0 else NAN


def p_b_given_a(o11, r1, c1, n):
    return o11 / r1 if r1 > 0 else NAN


def p_a_given_b(o11, r1, c1, n):
    return o11 / c1 if c1 > 0 else NAN


def delta_p_ba(o11, r1, c1, n):
    return o11 / r1 - (c1 - o11) / (n - r1) if 0 < r1 < n else NAN


def delta_p_ab(o11, r1, c1, n):
    return o11 / c1 - (r1 - o11) / (n - c1) if 0 < c1 < n else NAN


def log_odds_ratio(o11, r1, c1, n, discount=0.5):
    a, b, c, d = (cell + discount for cell in table(o11, r1, c1, n))
    return math.log2(a * d / (b * c))
