"""One question as arrays: units with a density, their outcome, rivals, and what may be exchanged with what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cooc.errors import UsageError
from cooc.evidence.permute import Array, Scheme
from cooc.evidence.read import Row

GROUPS = ("experiment", "metric", "condition", "model", "seeds", "key")
"""Groups looked for where the caller names none."""


@dataclass(frozen=True)
class Study:
    """Rows are outcomes, units what has a density of its own. Crossed groups are adjusted for, nested are blocks."""

    names: tuple[str, ...]
    density: Array
    outcome: Array
    """Of each unit: the mean of its rows, as if each unit had met every level of the crossed groups equally."""
    rivals: Array
    rival_names: tuple[str, ...]
    scheme: Scheme
    block_names: tuple[str, ...]
    shares: Array
    units: Array
    groups: Array
    crossed: tuple[str, ...]
    nested: tuple[str, ...]
    weights: Array | None
    ends: tuple[Row, ...] = ()
    """Of each unit density_low, density_high, outcome_low, outcome_high; None where unknown."""
    notes: tuple[str, ...] = ()

    @property
    def proportion(self) -> bool:
        """All outcomes lie between 0 and 1."""
        return bool(((self.shares >= 0) & (self.shares <= 1)).all())

    @property
    def free(self) -> int:
        """Units less the blocks beyond one: what a correlation within blocks has to go on."""
        return len(self.names) - (len(np.unique(self.scheme.blocks)) - 1)


def make_study(
    pairs: Sequence[tuple[Row, int]], densities: Sequence[Row], *, column: str = "density",
    rivals: Sequence[str] = (), groups: Sequence[str] | None = None, series: bool | None = None,
) -> Study | None:  # fmt: skip
    """The study of joined rows; None where fewer than two units have a density and every rival.

    `series` says that units stand in order of their key; None: they do where the outcomes' unit is a year.
    """
    kept, notes = _complete(pairs, densities, (column, *rivals))
    numbers = sorted({k for _, k in kept})
    if len(numbers) < 2:
        return None
    outcomes = [row for row, _ in kept]
    place = {k: i for i, k in enumerate(numbers)}
    units = np.array([place[k] for _, k in kept])
    by_term = all(densities[k]["term"] is not None for k in numbers)  # the key then is what has a density
    known = [name for name in GROUPS if not (by_term and name == "key")] if groups is None else groups
    crossed, nested = _sorted_groups(outcomes, units, known)
    units, numbers, blocks, block_names, keep = _blocks(outcomes, units, numbers, nested)
    if len(numbers) < 2:
        return None
    outcomes = [row for row, good in zip(outcomes, keep, strict=True) if good]
    codes = _codes(outcomes, crossed)
    shares = np.array([float(row["value"]) for row in outcomes])
    outcome = _adjusted(shares, units, codes, len(numbers))
    several = len({densities[k]["seeds"] for k in numbers}) > 1
    names = [_unit_name(densities[k], several) for k in numbers]
    table = np.array([[_steady(densities[k][name]) for name in (column, *rivals)] for k in numbers])
    circular = _is_series(outcomes, [densities[k] for k in numbers]) if series is None else series
    order = np.argsort([_number(densities[k]) for k in numbers], kind="stable") if circular else slice(None)
    back = np.empty(len(names), int)
    back[np.arange(len(names))[order]] = np.arange(len(names))
    counts = [row["n"] for row in outcomes]
    return Study(
        tuple(np.array(names, object)[order]), table[order, 0], outcome[order], table[order, 1:], tuple(rivals),
        Scheme(blocks[order], circular), block_names, shares, back[units], codes, crossed, nested,
        None if None in counts else np.array(counts, float),
        tuple(_ends([row for row, unit in zip(outcomes, units, strict=True) if unit == i], densities[numbers[i]])
              for i in np.arange(len(names))[order].tolist()),
        tuple(notes),
    )  # fmt: skip


def _ends(outcomes: Sequence[Row], density: Row) -> Row:
    """Intervals for plots: the published one of a single row, else 1.96 standard errors over rows."""
    low, high = outcomes[0]["low"], outcomes[0]["high"]
    if len(outcomes) > 1:
        values = np.array([row["value"] for row in outcomes])
        mean, reach = float(values.mean()), float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))
        low, high = mean - reach, mean + reach
    ends = [each if isinstance(each, int | float) else None for each in (density.get("low"), density.get("high"))]
    return {"density_low": ends[0], "density_high": ends[1], "outcome_low": low, "outcome_high": high}


def _complete(
    pairs: Sequence[tuple[Row, int]], densities: Sequence[Row], columns: Sequence[str]
) -> tuple[list[tuple[Row, int]], list[str]]:
    """Pairs whose density row has a number in every column, and how many had none."""
    for name in columns:
        if not any(isinstance(row.get(name), int | float) for row in densities):
            raise UsageError(f'no density row has a number in the column "{name}"')
    lacking = {k for _, k in pairs if not all(isinstance(densities[k].get(name), int | float) for name in columns)}
    note = [f"{len(lacking)} units lack one of {', '.join(columns)} and are left out"] if lacking else []
    return [(row, k) for row, k in pairs if k not in lacking], note


def _sorted_groups(
    outcomes: Sequence[Row], units: Array, groups: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Groups that units meet several levels of, and groups that units lie in."""
    crossed, nested = [], []
    for name in dict.fromkeys(_column(outcomes, each) for each in groups):
        levels = [str(row.get(name)) for row in outcomes]
        of_unit: dict[int, set[str]] = {}
        for unit, level in zip(units.tolist(), levels, strict=True):
            of_unit.setdefault(unit, set()).add(level)
        distinct = len(set(levels))
        if distinct < 2 or (name == "key" and _only_repeats(outcomes)):
            continue
        if any(len(each) > 1 for each in of_unit.values()):
            if distinct < len(outcomes):  # a level for each row is no group
                crossed.append(name)
        elif distinct < len(of_unit):
            nested.append(name)
    return tuple(crossed), tuple(nested)


def _column(outcomes: Sequence[Row], name: str) -> str:
    """The column that a group is in: a kind of unit (question) is in `key`, a list or dataset in `seeds`."""
    if any(name in row for row in outcomes):
        return name
    if name in ("list", "dataset"):
        return "seeds"
    if any(row.get("unit") == name for row in outcomes):
        return "key"
    raise UsageError(f'no outcome has a column "{name}" to group by; they have {", ".join(outcomes[0])}')


def _only_repeats(outcomes: Sequence[Row]) -> bool:
    """The key numbers training seeds: the same number in two units means nothing."""
    return all(str(row.get("unit")) in ("seed", "replicate", "run") for row in outcomes)


def _blocks(
    outcomes: Sequence[Row], units: Array, numbers: list[int], nested: Sequence[str]
) -> tuple[Array, list[int], Array, tuple[str, ...], Array]:
    """The block of each unit; a unit alone in its block can't be compared with any and is left out."""
    names = [" / ".join(str(row.get(name)) for name in nested) for row in outcomes]
    levels, row_codes = np.unique(names, return_inverse=True)
    blocks = np.zeros(len(numbers), int)
    blocks[units] = row_codes
    alone = np.bincount(blocks, minlength=len(levels))[blocks] < 2
    keep = ~alone[units]
    new = np.cumsum(~alone) - 1
    kept_blocks, codes = np.unique(blocks[~alone], return_inverse=True)
    left = [k for k, lost in zip(numbers, alone, strict=True) if not lost]
    return new[units[keep]], left, codes, tuple(str(levels[b]) for b in kept_blocks), keep


def _codes(outcomes: Sequence[Row], crossed: Sequence[str]) -> Array:
    columns = [np.unique([str(row.get(name)) for row in outcomes], return_inverse=True)[1] for name in crossed]
    return np.column_stack(columns) if columns else np.zeros((len(outcomes), 0), int)


def _adjusted(shares: Array, units: Array, codes: Array, count: int) -> Array:
    """Means of units in an additive model of units and crossed groups, groups summing to zero over the rows."""
    columns = [(units[:, None] == np.arange(count)).astype(float)]
    for group in codes.T:
        dummies = (group[:, None] == np.unique(group)).astype(float)
        columns.append(dummies - dummies.mean(axis=0))
    return np.asarray(np.linalg.lstsq(np.column_stack(columns), shares, rcond=None)[0][:count])


def _is_series(outcomes: Sequence[Row], densities: Sequence[Row]) -> bool:
    """Years were asked, and it is the year that has a density: a set that was asked of several years is no series."""
    years = all("year" in str(row.get("unit")) for row in outcomes)
    return years and all(str(row["term"]).lstrip("-").isdigit() for row in densities)


def _steady(value: float) -> float:
    """Without the last digits, in which one set counted twice may differ."""
    return float(f"{float(value):.12g}")


def _unit_name(density: Row, several: bool) -> str:
    if density["term"] is not None:
        return f"{density['seeds']}: {density['term']}" if several and density["seeds"] else str(density["term"])
    return f"{density['seeds']} → {density['target']}" if density["target"] else str(density["seeds"])


def _number(density: Row) -> float:
    try:
        return float(density["term"])
    except (TypeError, ValueError):
        name = _unit_name(density, False)
        raise UsageError(f'"{name}" is no number, so these outcomes are no series; say series=False') from None
