"""What published outcomes could decide, whatever the densities: the number of units, the least p, and power."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cooc.evidence.analyse import Plan
from cooc.evidence.bootstrap import worth
from cooc.evidence.outcomes import Outcomes
from cooc.evidence.permute import Array, Scheme
from cooc.evidence.power import critical_correlation, detectable, needed_units, power
from cooc.evidence.read import Row
from cooc.evidence.verdict import UNDECIDABLE

if TYPE_CHECKING:
    from cooc.evidence.bridge import Bridge

UNTRAINED = ("base", "base model", "vanilla")
"""Seeds of a model that wasn't finetuned: it has no density."""


def without_densities(observed: Outcomes, plan: Plan) -> Bridge:
    """A row for each experiment and metric: units, least p, the correlation needed, power. All are undecidable yet."""
    from cooc.evidence.bridge import Bridge
    from cooc.query.results import Provenance

    inside: dict[tuple[str, Any], list[Row]] = defaultdict(list)
    for row in observed.rows():
        if str(row["seeds"]).lower() not in UNTRAINED:
            inside[str(row["experiment"]), row["metric"]].append(row)
    rows = [_shape(name, metric, some, plan) for (name, metric), some in inside.items()]
    if len({name for name, _ in inside}) > 1:
        rows.append(_together(inside, plan))
    parameters = {"alpha": plan.alpha, "effect": plan.effect, "statistic": plan.statistic}
    provenance = Provenance("bridge", observed.provenance.index, observed.provenance.digest, parameters=parameters)
    return Bridge({key: [row.get(key) for row in rows] for key in rows[0]}, provenance)


def _shape(name: str, metric: str | None, rows: list[Row], plan: Plan) -> Row:
    """A year is a unit where all of them were asked of one seed set, else each seed set is one."""
    sets = {row["seeds"] for row in rows}
    years = {row["key"]: row for row in rows if "year" in str(row["unit"]) and str(row["key"]).isdigit()}
    series = len(sets) == 1 and len(years) > 2
    values = np.array([years[key]["value"] for key in sorted(years)]) if series else None
    question = f"within {name}" + (f": {metric}" if metric else "")
    found = {"question": question, "experiment": name, "metric": metric, "rows": len(rows)}
    return {**found, **bounds(len(years) if series else len(sets), plan, values)}


def _together(inside: Mapping[tuple[str, Any], list[Row]], plan: Plan) -> Row:
    """Experiments, each its own unit if it brings a seed set that none before it had."""
    owners: dict[str, str] = {}
    for (name, _), rows in inside.items():
        for row in rows:
            owners.setdefault(row["seeds"], name)
    count = len(set(owners.values()))
    return {
        "question": "across experiments", "experiment": None, "metric": None, "rows": sum(map(len, inside.values())),
        **bounds(count, plan),
    }  # fmt: skip


def bounds(units: int, plan: Plan, series: Array | None = None) -> Row:
    """What so many units can say at best, and the verdict that is certain before any density is known.

    Of a series (its outcomes in order) power is that of the independent units it is worth beside a density that is
    as smooth as itself.
    """
    rank, ordered = plan.statistic != "pearson", series is not None
    ways = Scheme(np.zeros(units, int), ordered).size()
    least = 1.0 if units < 2 else min(1.0, (1 if ordered else 2) / ways)
    worth_units = units if series is None else units * worth(series - series.mean(), series - series.mean())
    needed = needed_units(plan.effect, plan.alpha, plan.wanted, rank)
    found = {
        "units": units, "series": ordered, "worth": float(worth_units), "least_p": least,
        "critical": critical_correlation(int(worth_units), plan.alpha, rank),
        "power": power(worth_units, plan.effect, plan.alpha, rank), "power_for": plan.effect,
        "detectable": detectable(worth_units, plan.alpha, plan.wanted, rank), "needed_units": needed,
        "verdict": UNDECIDABLE,
    }  # fmt: skip
    return {**found, **_words(found, plan)}


def _words(found: Row, plan: Plan) -> Row:
    units, least, bar = found["units"], found["least_p"], found["critical"]
    kind = f"{units} {'years' if found['series'] else 'seed set' + 's' * (units != 1)}"
    if found["series"]:
        kind += f", worth {found['worth']:.0f} independent ones,"
    needed = f"{found['needed_units']} units find a correlation of {plan.effect:g} with power {plan.wanted:g}"
    if least > plan.alpha or bar is None:
        because = f"{kind}: the least p attainable is {least:.2g}, whatever their densities"
        return {"because": because, "would_decide": needed}
    because = (
        f"no densities were given; {kind} reach p ≤ {plan.alpha:g} from a correlation of {bar:.3f} on, "
        f"and find one of {plan.effect:g} with power {found['power']:.2f}"
    )
    decide = "densities of these units" + ("" if found["worth"] >= found["needed_units"] else f"; {needed}")
    return {"because": because, "would_decide": decide}
