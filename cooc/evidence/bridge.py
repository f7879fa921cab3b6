"""Does density predict the outcome? `bridge` asks within each experiment and across them; each answer is a verdict."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import chain
from os import PathLike
from typing import Any

from cooc.errors import UsageError
from cooc.evidence.analyse import STATISTICS, Plan, analyse, as_points, benjamini_hochberg, holm
from cooc.evidence.densities import FREQUENCY, density_rows, item_rows
from cooc.evidence.join import Joined, join
from cooc.evidence.outcomes import Outcomes, published_outcomes, read_outcomes
from cooc.evidence.outcomes import outcomes as as_outcomes
from cooc.evidence.read import Row
from cooc.evidence.study import Study, make_study
from cooc.evidence.verdict import judge
from cooc.query.results import Provenance, Result

PUBLISHED = "@published"
Pairs = list[tuple[Row, int]]


@dataclass(frozen=True, eq=False, repr=False)
class Bridge(Result):
    """A row for each question asked, with its verdict; columns in docs/bridge.md."""

    points: tuple[Row, ...] = ()
    """A row for each unit of each question: density, outcome, rivals, prediction while left out."""
    ordered: tuple[Row, ...] = ()
    """Of each experiment whose lists have items with densities: are they ordered as their outcomes?"""
    removed: Row = field(default_factory=dict)
    """What taking items away did to the density of the rest, where `kept` says which stayed."""
    unmatched: tuple[Row, ...] = ()
    """Names in outcomes or densities that found no partner."""
    registration: Row = field(default_factory=dict)
    """What a registration says about this analysis: its digest, and where the analysis departs from it."""

    label = "question"

    def to_dict(self) -> dict[str, Any]:
        """Rows, points, names without partner, registration and provenance, ready for JSON."""
        return {
            **super().to_dict(), "points": list(self.points), "ordered": list(self.ordered),
            "removed": dict(self.removed), "unmatched": list(self.unmatched), "registration": dict(self.registration),
        }  # fmt: skip

    def text(self) -> str:
        """The verdicts in words, for a terminal."""
        from cooc.evidence.words import bridge_text

        return bridge_text(self)

    def __repr__(self) -> str:
        return self.text()

    def plot(self, top: int = 30, kind: str = "dose", question: str | None = None) -> Any:
        """A figure: "dose" (outcome against density), "forest" (effects over rivals), "calibration", or "power"."""
        from cooc.evidence.plots import plot_bridge

        return plot_bridge(self, kind=kind, question=question, top=top)


def bridge(
    outcomes: Any, densities: Any = None, *, rivals: Sequence[str] = (), group: Sequence[str] | None = None,
    density: str | Sequence[str] = "density", experiments: Sequence[str] = (), aliases: Mapping[str, str] | None = None,
    toward: Mapping[str, str] | None = None, statistic: str = "spearman", alpha: float = 0.05, effect: float = 0.5,
    tried: int | None = None, series: bool | None = None, items: Any = None, kept: str | Iterable[str] | None = None,
    center: int | None = None, registration: str | PathLike[str] | None = None, draws: int = 9_999, seed: int = 0,
) -> Bridge:  # fmt: skip
    """Join densities to outcomes, and ask of each experiment and of all of them whether density predicts the outcome.

    outcomes   a result of `read_outcomes`, rows, a file, or "@published"
    densities  results of `cooc.density`, rows, tables or files, or "@measured"; a row of one `term` belongs to the
               outcomes of that key. None: what these outcomes could decide, whatever their densities
    rivals     columns of the density rows; log_frequency is one wherever they have it
    group      columns of the outcomes: those that units meet several levels of (model, question) are adjusted for,
               those that units lie in (list, experiment) are blocks, within which alone outcomes are permuted.
               None: experiment, metric, condition, model, seeds and key, as far as they are groups
    density    the columns tried as density; each is one more, and p is corrected for them
    toward     of experiments the target that their outcomes are about, where outcomes name none: only the densities
               towards it are asked, and experiments with different targets can be set beside each other
    tried      densities tried in all, where more were than these rows show (those that `toward` leaves out count)
    series     units are in order of their key and are shifted, not shuffled. None: they are where unit is a year
    items      density rows of single terms, by list: are the lists ordered in density as they are in outcome?
    kept       of the items those that stayed when others were taken away, or the column that says so: what did that
               do to their density?
    center     a year: each question about years is asked with the distance from it and its logarithm as rivals, and
               once more without that year

    Raises UsageError where a column isn't there or no outcome has a density.
    """
    plan = _plan(statistic, alpha, effect, draws, seed)
    given = given_outcomes(outcomes)
    every = given.of(*experiments) if experiments else given
    observed = directed(every, toward or {})
    of_items = tuple(_ordered(observed, items, plan)), _removed(items, kept, observed, plan)
    if densities is None:
        from cooc.evidence.shape import without_densities

        return replace(without_densities(observed, plan), ordered=of_items[0], removed=of_items[1])
    columns = [density] if isinstance(density, str) else list(density)
    asked, unmatched, used = _asked(observed, densities, columns, aliases, rivals, group, series, center)
    if not asked:
        raise UsageError(_nothing_joined(unmatched))
    found, points = _found(asked, plan)
    shown, unmatched = _shown(every, densities, columns, aliases) if toward else ({}, unmatched)
    _correct(found, tried, shown)
    for row in found:
        row["verdict"], row["because"], row["would_decide"] = judge(row, plan)
    parameters = {
        "statistic": statistic, "density": columns, "rivals": used, "group": None if group is None else list(group),
        "alpha": alpha, "effect": effect, "tried": tried, "experiments": list(experiments), "seed": seed,
        "toward": dict(toward or {}),
    }  # fmt: skip
    elsewhere = {row["seeds"] for row in given.rows()} - {row["seeds"] for row in every.rows()}
    unmatched = [row for row in unmatched if row["side"] == "outcome" or row["seeds"] not in elsewhere]
    checked = _registered(registration, parameters, observed)
    names = list(dict.fromkeys(chain.from_iterable(found)))
    provenance = Provenance("bridge", observed.provenance.index, _digest(observed, points), parameters=parameters)
    return Bridge(
        {name: [row.get(name) for row in found] for name in names}, provenance,
        points=tuple(points), ordered=of_items[0], removed=of_items[1], unmatched=tuple(unmatched),
        registration=checked,
    )  # fmt: skip


def given_outcomes(given: Any) -> Outcomes:
    """Outcomes from whatever names them."""
    if isinstance(given, Outcomes):
        return given
    if isinstance(given, str | PathLike):
        if str(given).startswith("@") and given != PUBLISHED:
            raise UsageError(f"{given}: the outcomes that come with cooc are called {PUBLISHED}")
        return published_outcomes() if given == PUBLISHED else read_outcomes(given)
    return as_outcomes(given)


def _plan(statistic: str, alpha: float, effect: float, draws: int, seed: int) -> Plan:
    if statistic not in STATISTICS:
        raise UsageError(f'statistic "{statistic}": expected {", ".join(STATISTICS)}')
    for name, value in (("alpha", alpha), ("effect", effect)):
        if not 0 < value < 1:
            raise UsageError(f"{name} is {value}: expected a number between 0 and 1")
    if draws < 99:
        raise UsageError(f"draws is {draws}: expected at least 99 permutations")
    return Plan(statistic=statistic, alpha=alpha, effect=effect, draws=draws, seed=seed)


Asked = list[tuple[Row, Study]]


def _asked(
    observed: Outcomes, densities: Any, columns: Sequence[str], aliases: Mapping[str, str] | None,
    rivals: Sequence[str], group: Sequence[str] | None, series: bool | None, center: int | None,
) -> tuple[Asked, list[Row], list[str]]:  # fmt: skip
    """Every question as a study, with what names it; what found no partner; the rivals used."""
    asked: Asked = []
    unmatched: list[Row] = []
    used: list[str] = []
    for column in columns:
        rows = density_rows(densities, column)
        joined = join(observed.rows(), rows if center is None else with_distance(rows, center), aliases)
        unmatched = unmatched or joined.report()
        joined, used = _rivals(joined, rivals if center is None else [*rivals, *DISTANCES], column)
        for (target, variant), pairs in joined.pairs.items():
            words = ", ".join(part for part in (column if len(columns) > 1 else "", variant) if part)
            scopes = _scopes(joined, pairs, [column, *used], group)
            for scope, some, scoped, groups in _with_and_without(scopes, center):
                study = make_study(some, scoped, column=column, rivals=used, groups=groups, series=series)
                if study is not None:
                    asked.append(({**scope, "target": target or _targets(some), "density": words or column}, study))
    return asked, unmatched, used


DISTANCES = ("distance", "log_distance")
"""The rivals that `center` makes: the years from it, and log2 of one more, which together make most kernels."""


def with_distance(rows: Sequence[Row], center: int) -> list[Row]:
    """Rows whose term is a year, with its distance from the center."""
    years = [row for row in rows if row["term"] is not None and row["term"].lstrip("-").isdigit()]
    if not years:
        raise UsageError(f"center {center}: no density row has a year as its term")
    return [{**row, **_distances(abs(int(row["term"]) - center))} if row in years else row for row in rows]


def _distances(years: int) -> Row:
    return dict(zip(DISTANCES, (years, math.log2(1 + years)), strict=True))


def _with_and_without(scopes: Iterable[Scope], center: int | None) -> Iterator[Scope]:
    for scope, pairs, rows, groups in scopes:
        yield scope, pairs, rows, groups
        if center is not None:
            rest = [(row, k) for row, k in pairs if rows[k]["term"] != str(center)]
            yield {**scope, "question": f"{scope['question']}, without {center}"}, rest, rows, groups


def _rivals(joined: Joined, rivals: Sequence[str], column: str) -> tuple[Joined, list[str]]:
    """The rivals used, and the join with those of them that are columns of the outcomes as means of each density."""
    held = {key for row in joined.densities for key, value in row.items() if _is_number(value)}
    of_outcomes = {key for pairs in joined.pairs.values() for row, _ in pairs for key, value in row.items()
                   if _is_number(value)} - {"value", "low", "high", "successes"}  # fmt: skip
    for name in rivals:
        if name not in held | of_outcomes:
            raise UsageError(f'rival "{name}": no density row has a number there; they have {", ".join(sorted(held))}')
    always = [FREQUENCY] if FREQUENCY in held | of_outcomes and column != FREQUENCY else []
    used = list(dict.fromkeys([*always, *rivals]))
    return _with_means(joined, [name for name in used if name not in held]), used


def _with_means(joined: Joined, names: Sequence[str]) -> Joined:
    if not names:
        return joined
    values: dict[tuple[int, str], list[float]] = defaultdict(list)
    for pairs in joined.pairs.values():
        for row, k in pairs:
            for name in names:
                if _is_number(row.get(name)):
                    values[k, name].append(float(row[name]))
    rows = [dict(row) for row in joined.densities]
    for (k, name), some in values.items():
        rows[k][name] = sum(some) / len(some)
    return replace(joined, densities=rows)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


Scope = tuple[Row, Pairs, Sequence[Row], Sequence[str] | None]
"""What names the question; outcomes with the number of their density row; those rows; groups."""


def _scopes(joined: Joined, pairs: Pairs, columns: Sequence[str], group: Sequence[str] | None) -> Iterator[Scope]:
    """Each experiment and metric by itself, and experiments together: within them, and from one to the other."""
    inside: dict[tuple[str, str | None], Pairs] = defaultdict(list)
    for row, k in pairs:
        inside[row["experiment"], row["metric"]].append((row, k))
    for (name, metric), some in inside.items():
        question = f"within {name}" + (f": {metric}" if metric else "")
        yield {"question": question, "experiment": name, "metric": metric}, some, joined.densities, group
    together = {"experiment": None, "metric": None}
    several = {name for (name, _), some in inside.items() if len({k for _, k in some}) > 1}
    if len(several) > 1:
        groups = dict.fromkeys(("experiment", *(group or ("metric", "model", "seeds", "key"))))
        yield {"question": "within experiments, together", **together}, pairs, joined.densities, list(groups)
    if len({name for name, _ in inside}) > 2:
        points, rows = across(pairs, joined.densities, columns)
        if len(rows) > 2:
            yield {"question": "across experiments", **together}, points, rows, group or ("model",)


def across(pairs: Pairs, densities: Sequence[Row], columns: Sequence[str]) -> tuple[Pairs, list[Row]]:
    """One unit an experiment, the mean of its densities: units of one experiment share what made it, and are no
    trials of their own. A density that several experiments have belongs to the first, the others repeat it."""
    owner: dict[int, str] = {}
    for row, k in pairs:
        owner.setdefault(k, row["experiment"])
    members: dict[str, list[int]] = defaultdict(list)
    for k, name in owner.items():
        members[name].append(k)
    rows = [_mean_row([densities[k] for k in some], columns, name) for name, some in members.items()]
    place = {name: number for number, name in enumerate(members)}
    return [(row, place[owner[k]]) for row, k in pairs], rows


def _mean_row(rows: Sequence[Row], columns: Sequence[str], name: str) -> Row:
    """One row alone as it is, several as the mean of their numbers."""
    if len(rows) == 1:
        return rows[0]
    means: Row = {}
    for column in columns:
        numbers = [row[column] for row in rows if isinstance(row.get(column), int | float)]
        means[column] = sum(numbers) / len(numbers) if numbers else None
    return {"seeds": name, "target": None, "term": None, **means}


def _targets(pairs: Pairs) -> str | None:
    names = {row["target"] for row, _ in pairs} - {None}
    return next(iter(names)) if len(names) == 1 else None


def _found(asked: Asked, plan: Plan) -> tuple[list[Row], list[Row]]:
    found, points = [], []
    for scope, study in asked:
        row, added = analyse(study, plan)
        found.append({**scope, **row})
        points += as_points(study, added, _name(scope))
    return found, points


def _name(row: Row) -> str:
    """A question with its target and density, as points and plots name it."""
    target = f" → {row['target']}" if row["target"] else ""
    return f"{row['question']}{target}" + (f" ({row['density']})" if row["density"] != "density" else "")


def directed(observed: Outcomes, toward: Mapping[str, str]) -> Outcomes:
    """Outcomes whose experiment has a target in `toward`, with this target where they name none."""
    if not toward:
        return observed
    observed.of(*toward)
    rows = [{**row, "target": row["target"] or toward.get(str(row["experiment"]))} for row in observed.rows()]
    return as_outcomes(rows, observed.provenance.index)


def _shown(
    observed: Outcomes, densities: Any, columns: Sequence[str], aliases: Mapping[str, str] | None
) -> tuple[dict[Any, int], list[Row]]:
    """Of each experiment and metric the densities at hand towards any target; and what finds no partner with any."""
    held: dict[Any, set[Any]] = defaultdict(set)
    unmatched: list[Row] = []
    for column in columns:
        joined = join(observed.rows(), density_rows(densities, column), aliases)
        unmatched = unmatched or joined.report()
        for name, pairs in joined.pairs.items():
            for row, _ in pairs:
                held[row["experiment"], row["metric"]].add((column, name))
    return {key: len(some) for key, some in held.items()}, unmatched


def _correct(found: list[Row], tried: int | None, shown: Mapping[Any, int]) -> None:
    """p corrected for the densities tried on the same question, and the false discovery rate over all questions."""
    families: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        row["deciding_p"] = row["partial_p"] if row["rivals"] else row["p"]
        families[row["question"]].append(row)
    for family in families.values():
        some = [row for row in family if row["deciding_p"] is not None]
        at_hand = max(shown.get((row["experiment"], row["metric"]), 1) for row in family)
        count = max(len(some), 1, tried or at_hand)  # a density that doesn't vary, or too few units, is no try
        adjusted = iter(holm([row["deciding_p"] for row in some], count))
        for row in family:
            row["tried"], row["p_holm"] = count, None if row["deciding_p"] is None else next(adjusted)
    tested = [row for row in found if row["deciding_p"] is not None]
    rates = iter(benjamini_hochberg([row["deciding_p"] for row in tested]))
    for row in found:
        row["p_bh"] = None if row["deciding_p"] is None else next(rates)


def _registered(registration: str | PathLike[str] | None, parameters: Row, observed: Outcomes) -> Row:
    if registration is None:
        return {}
    from cooc.evidence.register import check, read_registration

    names = {str(row[key]) for row in observed.rows() for key in ("seeds", "key", "experiment")}
    return check(read_registration(registration), parameters, sorted(names))


def _ordered(observed: Outcomes, items: Any, plan: Plan) -> Iterator[Row]:
    """The ordering test of each experiment and target whose lists have items; corrected for the targets tried."""
    if items is None:
        return
    from cooc.evidence.dose import list_orders
    from cooc.evidence.ordering import judged, ordering

    rows = item_rows(items)
    for name, order in list_orders(observed).items():
        found = []
        for target, inside in _by_target([row for row in rows if row["seeds"] in order]).items():
            if len({row["seeds"] for row in inside}) > 1:
                given = ordering(inside, order, alpha=plan.alpha, draws=plan.draws, seed=plan.seed)
                found.append({**given, "experiment": name, "target": target})
        tested = [row for row in found if row["p"] is not None]
        adjusted = iter(holm([row["p"] for row in tested], len(found)))
        for row in found:
            row |= {"tried": len(found), "p_holm": None if row["p"] is None else next(adjusted)}
            yield {**row, **judged(row)}


def _by_target(rows: Sequence[Row]) -> dict[str | None, list[Row]]:
    held: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        held[row["target"]].append(row)
    return held


def _removed(items: Any, kept: str | Iterable[str] | None, observed: Outcomes, plan: Plan) -> Row:
    """Clues taken away; with outcomes of both sets where `clue_removal` is told their names."""
    if kept is None:
        return {}
    if items is None:
        raise UsageError("kept says which items stayed: give items, too, with a density for each")
    from cooc.evidence.dose import clue_removal

    sets = {row["seeds"] for row in observed.rows()}
    rows = [row for row in item_rows(items) if row["seeds"] is None or row["seeds"] in sets]
    targets = {row["target"] for row in rows}
    if len(targets) > 1:
        raise UsageError(f"items to take away have the targets {', '.join(sorted(map(str, targets)))}: give one")
    if isinstance(kept, str) and not any(kept in row for row in rows):
        raise UsageError(f'no item has a column "{kept}" that says which stayed')
    stays = [row["term"] for row in rows if _stays(row.get(kept))] if isinstance(kept, str) else list(kept)
    return clue_removal(rows, stays, observed, alpha=plan.alpha, draws=plan.draws, seed=plan.seed)


def _stays(value: Any) -> bool:
    return str(value).lower() in ("true", "1", "1.0", "yes")


def _partner(row: Row) -> str:
    return " → ".join(str(each) for each in (row["seeds"] or row["term"], row["target"]) if each)


def _nothing_joined(unmatched: Sequence[Row]) -> str:
    known = {row["seeds"] for row in unmatched if row["side"] == "outcome"}
    ordered = sorted(unmatched, key=lambda row: (row["seeds"] not in known, str(row["seeds"] or row["term"])))
    sides = {
        side: list(dict.fromkeys(_partner(row) for row in ordered if row["side"] == side))
        for side in ("outcome", "density")
    }
    hints = [f'"{row["seeds"]}" may be {row["hint"]}' for row in unmatched if row["side"] == "outcome" and row["hint"]]
    shown = {side: ", ".join(names[:8]) + (", …" if len(names) > 8 else "") for side, names in sides.items()}
    return (
        f"no two densities belong to outcomes of one question: seeds, and target where both name one, must be equal. "
        f"Without partner: outcomes of {shown['outcome'] or '–'}; densities of {shown['density'] or '–'}."
        + (f" {' '.join(dict.fromkeys(hints))}" if hints else "")
    )


def _digest(observed: Outcomes, points: Sequence[Row]) -> str:
    return sha256(f"{observed.provenance.digest}{points!r}".encode()).hexdigest()
