"""The measures by name, and how they are computed for many pairs at once. The formulas are in formulas.py."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cooc.errors import UsageError
from cooc.query import formulas
from cooc.query.contingency import Array, contingency


class Measure(NamedTuple):
    """What is known of a measure besides its formula."""

    name: str
    function: Callable[..., Array]
    title: str
    symmetric: bool = True
    low: float | None = None
    high: float | None = None
    zero_when_independent: float | None = None
    """Its value at O11 = E11, where that is the same for all tables."""
    two_sided: bool = False
    """Large for pairs that shun each other too: rank by `ranking_values`, which leaves these out."""
    needs: tuple[str, ...] = ()
    """Parameters without a default."""

    @property
    def options(self) -> tuple[str, ...]:
        """Parameters with a default."""
        return tuple(self.function.__kwdefaults__ or ())


MEASURES: Mapping[str, Measure] = MappingProxyType({m.name: m for m in (
    Measure("pmi", formulas.pmi, "PMI", zero_when_independent=0),
    Measure("npmi", formulas.npmi, "NPMI", low=-1, high=1, zero_when_independent=0),
    Measure("ppmi", formulas.ppmi, "PPMI", low=0, zero_when_independent=0),
    Measure("sppmi", formulas.sppmi, "shifted PPMI", low=0, zero_when_independent=0),
    Measure("ppmi_cds", formulas.ppmi_cds, "smoothed PPMI", symmetric=False, low=0,
            needs=("smoothed_total",)),
    Measure("pmi2", formulas.pmi2, "PMI²", high=0),
    Measure("mi3", formulas.mi3, "MI³"),
    Measure("local_mi", formulas.local_mi, "local MI", zero_when_independent=0),
    Measure("pmi_low", formulas.pmi_low, "PMI, lower limit"),
    Measure("pmi_high", formulas.pmi_high, "PMI, upper limit"),
    Measure("g2", formulas.g2, "G²", low=0, zero_when_independent=0, two_sided=True),
    Measure("chi2", formulas.chi2, "χ²", low=0, zero_when_independent=0, two_sided=True),
    Measure("fisher", formulas.fisher, "Fisher −log10 p", low=0),
    Measure("t_score", formulas.t_score, "t-score", zero_when_independent=0),
    Measure("z_score", formulas.z_score, "z-score", zero_when_independent=0),
    Measure("poisson_stirling", formulas.poisson_stirling, "Poisson–Stirling"),
    Measure("dice", formulas.dice, "Dice", low=0, high=1),
    Measure("log_dice", formulas.log_dice, "logDice", high=14),
    Measure("jaccard", formulas.jaccard, "Jaccard", low=0, high=1),
    Measure("min_sensitivity", formulas.min_sensitivity, "minimum sensitivity", low=0, high=1),
    Measure("p_b_given_a", formulas.p_b_given_a, "P(b|a)", symmetric=False, low=0, high=1),
    Measure("p_a_given_b", formulas.p_a_given_b, "P(a|b)", symmetric=False, low=0, high=1),
    Measure("delta_p_ba", formulas.delta_p_ba, "ΔP(b|a)", symmetric=False, low=-1, high=1,
            zero_when_independent=0),
    Measure("delta_p_ab", formulas.delta_p_ab, "ΔP(a|b)", symmetric=False, low=-1, high=1,
            zero_when_independent=0),
    Measure("log_odds_ratio", formulas.log_odds_ratio, "log odds ratio"),
    Measure("expected", formulas.expected, "expected", low=0),
)})
"""All measures, the PMI family first, then tests, overlap coefficients, and what has a direction."""


def evaluate(names: Sequence[str], o11: npt.ArrayLike, r1: npt.ArrayLike, c1: npt.ArrayLike, n: npt.ArrayLike,
             **parameters: float) -> dict[str, Array]:
    """The measures named, each over all pairs; the counts broadcast. NaN where a measure isn't defined.

    A parameter goes to the measures that take it (`k`, `alpha`, `smoothed_total`, `confidence`, `discount`).
    Counts of a harmonic window are to be divided by its unit first.

    >>> evaluate(["pmi", "log_dice"], 30, 100, 300, 1_000_000)
    {'pmi': array(9.96578428), 'log_dice': array(11.26303441)}
    """
    measures = [measure(name) for name in names]
    _check_parameters(measures, parameters)
    # whatever divides by 0 or overflows on the way has no finite value, and that is what NaN says
    with np.errstate(all="ignore"):
        table = contingency(o11, r1, c1, n)
        return {m.name: _finite(m.function(table, **_taken(m, parameters))) for m in measures}


def ranking_values(name: str, o11: npt.ArrayLike, r1: npt.ArrayLike, c1: npt.ArrayLike, n: npt.ArrayLike,
                   **parameters: float) -> Array:
    """The measure to rank neighbours by; for G² and χ² NaN where O11 ≤ E11: those shun each other."""
    values = evaluate([name], o11, r1, c1, n, **parameters)[name]
    if not MEASURES[name].two_sided:
        return values
    return np.where(evaluate(["t_score"], o11, r1, c1, n)["t_score"] > 0, values, np.nan)


def measure(name: str) -> Measure:
    """The measure of this name; a UsageError with near misses where there is none."""
    if name in MEASURES:
        return MEASURES[name]
    near = _did_you_mean(name, MEASURES)
    raise UsageError(f'there is no measure "{name}".{near} Measures: {", ".join(MEASURES)}.')


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name.lower(), list(known), n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def _check_parameters(measures: Sequence[Measure], parameters: Mapping[str, float]) -> None:
    known = sorted({p for m in MEASURES.values() for p in (*m.needs, *m.options)})
    for parameter in parameters:
        if parameter not in known:
            raise UsageError(f'no measure has a parameter "{parameter}".{_did_you_mean(parameter, known)} '
                             f"Parameters: {', '.join(known)}.")
    for m in measures:
        missing = [parameter for parameter in m.needs if parameter not in parameters]
        if missing:
            raise UsageError(f'the measure "{m.name}" needs the parameter "{missing[0]}".')
    confidence = parameters.get("confidence", 0.95)
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence}; it must lie between 0 and 1, like 0.95.")
    for parameter in ("k", "smoothed_total"):
        if parameters.get(parameter, 1.0) <= 0:
            raise UsageError(f"{parameter} is {parameters[parameter]}; it must be above 0.")
    if parameters.get("discount", 0.5) < 0:
        raise UsageError(f"discount is {parameters['discount']}; it must not be negative.")


def _taken(m: Measure, parameters: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in parameters.items() if name in m.needs or name in m.options}


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, np.nan)
