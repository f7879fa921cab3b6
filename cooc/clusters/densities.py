"""What `density` gives back: a row for each target and window, the dose of each seed, rivals, and figures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.figures import dots_with_intervals, new_figure
from cooc.clusters.itself import ITSELF
from cooc.errors import UsageError
from cooc.query.layout import WIDTH, cut, text_table
from cooc.query.results import Provenance, Result

Array = NDArray[Any]
Row = dict[str, Any]
KINDS = ("null", "dose", "rivals")
MOSTLY = 0.5
"""One term of a target that makes so much of its hits is worth a note."""

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
SHOWN = ("seeds", "target", "window", "density", "low", "high", "null_mean", "z", "p", "n_found", "n_terms")


class Known(NamedTuple):
    """The rows of one slice, with the draws and the null's values behind each row."""

    rows: list[Row]
    terms: list[Row]
    rivals: list[Row]
    nulls: list[Row]
    draws: list[Array]
    targets: list[Row]


class Doses(Result):
    """The dose of each seed: its contexts, what of them is the target, and its lift."""

    def _plotted(self) -> str:
        return "lift"


class TargetTerms(Result):
    """Which terms of a target make its hits; `part` of them."""

    label = "target_term"

    def _plotted(self) -> str:
        return "hits"


class Rivals(Result):
    """Differences of the densities of two targets, in bits."""

    label = "target"

    def _plotted(self) -> str:
        return "difference"


@dataclass(frozen=True, eq=False, repr=False)
class Density(Result):
    """Densities, a row for each target and window."""

    terms: Doses = field(kw_only=True)
    targets: TargetTerms = field(kw_only=True)
    rivals: Rivals = field(kw_only=True)
    nulls: Sequence[Mapping[str, Any]] = field(kw_only=True, default=())
    """For each row its target, window, and `densities`, those of the matched sets; how far these lie from the seeds in
    log2 frequency on average (`gap`); the Beta prior of a seed's share, and how alike the contexts of a document are
    (`clumping`: the squared coefficient of variation of the target's share between documents)."""

    label = "target"

    @classmethod
    def made(cls, found: Sequence[Known], source: Provenance, confidence: float) -> Density:
        """The result of one slice, or of two side by side."""
        first = found[0]
        rows, terms, targets = first.rows, first.terms, first.targets
        if len(found) == 2:
            rows = [_beside(*both, confidence) for both in zip(rows, found[1].rows, first.draws, found[1].draws,
                                                               strict=True)]  # fmt: skip
            wheres = [str(part["where"]) for part in source.slices]
            parts = list(zip(found, wheres, strict=True))
            terms = [{**row, "where": where} for known, where in parts for row in known.terms]
            targets = [{**row, "where": where} for known, where in parts for row in known.targets]
        return cls(
            _columns(rows), source, terms=Doses(_columns(terms), source),
            targets=TargetTerms(_columns(targets), source), rivals=Rivals(_columns(first.rivals), source),
            nulls=tuple(first.nulls),
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The rows, the dose of each seed, the hits by term of the target, the rivals, and what the nulls look like."""
        return {
            **super().to_dict(), "terms": self.terms.rows(), "target_terms": self.targets.rows(),
            "rivals": self.rivals.rows(), "nulls": [_summary(null) for null in self.nulls],
        }  # fmt: skip

    def notes(self) -> list[str]:
        """What a reader of the rows should know beside them, a sentence each."""
        rows: list[Row] = self.rows()
        found = []
        if rows and rows[0]["n_found"] == 0:
            found.append(f"none of the {rows[0]['n_terms']} seeds occurs by itself: there is no density.")
        elif rows and rows[0]["n_found"] < rows[0]["n_terms"]:
            found.append(f"{rows[0]['n_terms'] - rows[0]['n_found']} of {rows[0]['n_terms']} seeds do not occur.")
        for row in rows:
            part, hits = row.get("top_term_part"), row.get("hits") or 0
            if part is not None and part >= MOSTLY and hits >= 2:
                found.append(
                    f'{row["target"]}, {_window(row)}: {part:.0%} of the {hits:,} hits are one term, '
                    f'"{row["top_term"]}". Look at its contexts before you believe the density.'
                )
        return found

    def plot(self, top: int = 30, *, kind: str = "null") -> Any:
        """A figure: densities against their null sets; with `kind` "dose" the lifts of the `top` seeds for the first
        target and window, or "rivals" the differences between targets."""
        if kind not in KINDS:
            raise UsageError(f'a density is plotted as {", ".join(KINDS)}; found "{kind}".')
        if kind == "dose":
            return self._dose(top)
        return self._rivals() if kind == "rivals" else self._against_null()

    def _against_null(self) -> Any:
        """A strip for each row: the matched sets, their middle 90 %, and the density with its interval."""
        both = list(zip(self.rows(), self.nulls, strict=True))
        parts = [[pair for pair in both if (pair[0]["target"] == ITSELF) == own] for own in (False, True)]
        parts = [part for part in parts if part] or [[]]
        heights = [max(1, len(part)) + 0.8 for part in parts]
        figure, axes = new_figure(
            8, 1.3 + 0.45 * sum(heights), len(parts), 1, squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        for axis, part in zip(axes[:, 0], parts, strict=True):
            _strips(axis, part)
            own = bool(part) and part[0][0]["target"] == ITSELF
            axis.set_xlabel("density among themselves, mean NPMI" if own else "density, bits over the corpus")
        axes[0, 0].set_title(f"{self._set()}: density and matched sets", fontsize="medium", loc="left", pad=22)
        axes[0, 0].legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize="small", frameon=False, borderaxespad=0.2
        )
        return figure

    def _set(self) -> str:
        """The seeds and the index, for a title."""
        rows: list[Row] = self.rows()
        return cut(f"{rows[0]['seeds'] if rows else 'seeds'} in {self.provenance.index}", 60)

    def _rivals(self) -> Any:
        if not len(self.rivals):
            raise UsageError("rivals are plotted where there are two targets or more.")
        rows: list[Row] = self.rivals.rows()
        names = [f"{row['target']} − {row['rival']}, {_window(row)}" for row in rows]
        columns = [[row[key] for row in rows] for key in ("difference", "low", "high")]
        return dots_with_intervals(
            names, *columns, what="difference of densities, bits", title=f"{self._set()}: rivals"
        )

    def _dose(self, top: int) -> Any:
        rows: list[Row] = self.terms.rows()
        if not rows:
            raise UsageError("doses are plotted where there is a target.")
        first = [row for row in rows if (row["target"], row["window"]) == (rows[0]["target"], rows[0]["window"])]
        known = sorted((row for row in first if row["lift"] is not None), key=lambda row: -row["lift"])
        shown = known[:top]
        names = [f"{row['term']} ({row['hits']}/{row['contexts']})" for row in shown]
        columns = [[row[key] for row in shown] for key in ("lift", "low", "high")]
        title = f"{self._set()} → {first[0]['target']}, {_window(first[0])}: {len(shown)} of {len(known)} seeds"
        return dots_with_intervals(names, *columns, what="dose: shrunken lift, bits (hits/contexts)", title=title)

    def _shown(self) -> dict[str, list[Any]]:
        columns = super()._shown()
        first = [name for name in SHOWN if name in columns]
        return {name: columns[name] for name in (*first, *(name for name in columns if name not in first))}

    def text(self, width: int = WIDTH) -> str:
        """The rows for a terminal, then the rivals."""
        parts = [text_table(self._shown(), rows=len(self), width=width)]
        if len(self.rivals):
            columns = {name: list(column) for name, column in self.rivals._plain().items()}
            parts.append(text_table(columns, width=width))
        return "\n\n".join(parts)


def _window(row: Row) -> str:
    return "document" if row["window"] == "document" else f"window {row['window']}"


def _strips(axis: Any, part: Sequence[tuple[Row, Mapping[str, Any]]]) -> None:
    """Rows one below the other, with z and p at the right."""
    for place, (row, null) in enumerate(part):
        values = np.asarray(null["densities"])
        values = values[np.isfinite(values)]
        said = [label if place == 0 else None for label in ("matched sets", "their middle 90 %", "seeds, interval")]
        if len(values):
            axis.plot(values, np.full(len(values), place), "|", color="0.6", markersize=9, alpha=0.25, label=said[0])
            ends = np.quantile(values, [0.05, 0.95])
            axis.plot(ends, [place, place], color="0.3", linewidth=3, alpha=0.6, label=said[1])
        if row["density"] is not None:
            at = place - 0.22  # above its matched sets, which would hide it
            axis.plot([row["low"], row["high"]], [at, at], color="tab:red", linewidth=1.5)
            axis.plot([row["density"]], [at], "o", color="tab:red", markersize=5, label=said[2])
        if row["p"] is not None:
            z = "" if row["z"] is None else f"z {row['z']:.1f}, "
            axis.annotate(f"{z}p {row['p']:.3g}", (1, place), xycoords=("axes fraction", "data"), xytext=(4, 0),
                          textcoords="offset points", va="center", fontsize="small", annotation_clip=False)  # fmt: skip
    axis.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    axis.set_yticks(range(len(part)), [f"{row['target']}, {_window(row)}" for row, _ in part])
    axis.set_ylim(max(len(part), 1) - 0.5, -0.5)


def _beside(one: Row, other: Row, draws: Array, others: Array, confidence: float) -> Row:
    """A row of one slice with that of the other, and their difference."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws - others, [tail, 1 - tail]).tolist()
    kept = ("density", "low", "high", "null_mean", "null_sd", "z", "p", "n_found", "contexts", "hits", "share")
    return {
        **one, **{f"{name}_against": other[name] for name in kept if name in other},
        "difference": one["density"] - other["density"], "difference_low": low, "difference_high": high,
    }  # fmt: skip


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Columns of all names that rows have, None where a row lacks one."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _summary(null: Mapping[str, Any]) -> Row:
    """A null as a few numbers."""
    values = np.asarray(null["densities"])
    values = values[np.isfinite(values)]
    levels = {str(level): float(np.quantile(values, level)) for level in LEVELS} if len(values) else {}
    rest = {name: value for name, value in null.items() if name != "densities"}
    plain = {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in rest.items()}
    return {**plain, "sets": len(values), "quantiles": levels}
