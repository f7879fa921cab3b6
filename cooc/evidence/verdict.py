"""A finding in words: supported, contradicted or undecidable with these data, why, and what would decide it."""

from __future__ import annotations

from typing import NamedTuple

from cooc.evidence.analyse import Plan
from cooc.evidence.read import Row

SUPPORTED, CONTRADICTED, UNDECIDABLE = "supported", "contradicted", "undecidable"

WEAK = 0.5
"""With less power what is found is a lucky draw of what there is, and larger (Gelman & Carlin 2014)."""

ODDS = 4.0
"""How much likelier than chance alone an effect must make a finding: less is no support (Ioannidis 2005)."""


class Verdict(NamedTuple):
    """One of the three words, the reason, and what would decide (nothing where it is decided)."""

    verdict: str
    because: str
    would_decide: str = ""


def judge(found: Row, plan: Plan) -> Verdict:
    """The verdict on one finding, whose `p_holm` is corrected for the densities tried.

    The effect over the rivals decides where there are rivals, else the correlation itself. Supported: positive, p ≤ α
    after correction, with power of at least ODDS · α, an interval above 0, and a better prediction of left-out units.
    Contradicted: negative with p ≤ α, or the interval lies below the least effect that would count. Undecidable:
    anything else.
    """
    over = "partial" if found["rivals"] else "value"
    value, least, p = found[over], found["partial_least_p" if found["rivals"] else "least_p"], found["p_holm"]
    what = f"over {found['rivals']}" if found["rivals"] else plan.statistic
    lowest = max(each for each in (least, found["least_p"], 0.0) if each is not None)
    if lowest * found["tried"] > plan.alpha:
        decide = _fewer(lowest, found, plan) if lowest <= plan.alpha else _more_units(found, plan)
        return Verdict(UNDECIDABLE, _unattainable(found, lowest, plan), decide)
    if value is None or p is None:
        return Verdict(UNDECIDABLE, _no_value(found), _more_units(found, plan))
    says = f"{what} {value:+.2f}, p = {p:.2g}{_corrected(found)}"
    if p <= plan.alpha and value > 0:
        return _positive(found, plan, says)
    if p <= plan.alpha:
        return Verdict(CONTRADICTED, f"the outcome falls where density rises: {says}")
    high = found["partial_high" if found["rivals"] else "high"]
    if high is not None and high < plan.least:
        return Verdict(CONTRADICTED, f"{says}; the interval ends at {high:+.2f}, below the {plan.least:g} that counts")
    return Verdict(UNDECIDABLE, f"{says}; {_power(found)}", _more_units(found, plan))


def _positive(found: Row, plan: Plan, says: str) -> Verdict:
    gain = found["increment"]
    if found["power"] < ODDS * plan.alpha:
        little = f"where there is nothing {plan.alpha:g} of studies find as much, so that a finding says little"
        return Verdict(UNDECIDABLE, f"{says}, but {_power(found)}; {little}", _more_units(found, plan))
    low = found["partial_low" if found["rivals"] else "low"]
    if low is None or low <= 0:
        why = "there are too few units for an interval" if low is None else f"its interval starts at {low:+.2f}"
        return Verdict(UNDECIDABLE, f"{says}, but {why}; {_power(found)}", _more_units(found, plan))
    if gain is None:
        return Verdict(UNDECIDABLE, f"{says}, but there are too few units to leave any out", _more_units(found, plan))
    if gain <= 0:
        return Verdict(UNDECIDABLE, f"{says}, but left-out units are predicted no better", _more_units(found, plan))
    weak = "" if "frequency" in found["rivals"] else "; log frequency was not among the rivals, which can do as much"
    skill = f"left-out units are predicted with skill {found['skill']:.2f}, by rivals alone {found['skill_rivals']:.2f}"
    worth = f"; {_power(found)}, and what so few find is larger than what there is" if found["power"] < WEAK else ""
    return Verdict(SUPPORTED, f"{says}; {skill}{worth}{weak}")


def _no_value(found: Row) -> str:
    if found["units"] < 3:
        return f"{found['units']} units make no correlation"
    if found["value"] is None:
        return f"{found['units']} units do not vary enough for a correlation"
    return f"{found['units']} units are too few to tell density from {found['rivals']}"


def _unattainable(found: Row, least: float, plan: Plan) -> str:
    units = "blocks of units" if found["blocks"] > 1 else "units"
    count = f"{found['units']} units in {found['blocks']} {units}" if found["blocks"] > 1 else f"{found['units']} units"
    times = f" times {found['tried']} densities tried" if found["tried"] > 1 else ""
    return f"{count}: the least p attainable is {least:.2g}{times}, above {plan.alpha:g}, whatever the outcomes"


def _fewer(least: float, found: Row, plan: Plan) -> str:
    """The units can decide, but not so many questions of them."""
    most = int(plan.alpha / least + 1e-9)
    one = "one density" if most == 1 else f"at most {most} densities"
    return (
        f"{one} named before the outcomes are looked at (a registration; --toward says towards which target), instead "
        f"of {found['tried']}; or more units"
    )


def _corrected(found: Row) -> str:
    return f" (Holm, {found['tried']} densities tried)" if found["tried"] > 1 else ""


def _power(found: Row) -> str:
    return f"{found['units']} units find a correlation of {found['power_for']:g} with power {found['power']:.2f}"


def _more_units(found: Row, plan: Plan) -> str:
    needed = found["needed_units"]
    if needed is None:
        return "no number of units would"
    kind = "years or other units in order" if found["series"] else "seed sets, each with a density and an outcome"
    if found["units"] >= needed:
        return (
            f"a correlation above {plan.effect:g} would have shown with these {found['units']} units; a smaller one "
            f"needs more, or outcomes with less noise (cooc design says how many seeds)"
        )
    return (
        f"{needed} units ({kind}) find a correlation of {plan.effect:g} with power {plan.wanted:g}; these are "
        f"{found['units']}. cooc design writes arms that differ in density and in nothing else"
    )
