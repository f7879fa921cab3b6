"""Years around terms: what of them stands in the contexts, what in the corpus, and the lift."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cooc.page.again import Known, again
from cooc.page.documents import Document, Row, several
from cooc.page.figures import FAINT, INK, OTHER, altair, intervals, rows_axis, spec, tips
from cooc.page.parts import Control, Figure, Section, Table, slug

LEAST = 0.001
"""Share of the years below which bins at either end are not drawn."""

HEIGHT = 260


def years_section(document: Document, known: Known) -> Section:
    """The section of the years around term sets."""
    by = str(document.parameters.get("by", "decade"))
    rows = [row for row in document.rows if row["level"] == "set"]
    sets = [str(name) for name in several(rows, "set")]
    name = slug("years", document.index, *sets[:2])
    shown = [row for each in sets for row in drawn([row for row in rows if row["set"] == each], by)]
    figures = [_shares(shown, sets, by), _lifts(shown, sets, by), _centuries(document)] if shown else []
    told = "The years beside the terms" if len(sets) > 1 else f"The years beside {sets[0]}" if sets else "Years"
    figures = [Figure(f"{name}-{each.name}", each.title, each.text, each.spec, again(document, known, file=name),
                      each.controls) for each in figures]  # fmt: skip
    return Section(
        name, told, ["A token of four digits is taken for a year, in the contexts as in the corpus; so is many a "
                     "quantity, which is why only the lift speaks."], figures,
        [Table(name, f"By {by}", document.rows, folded=True),
         Table(f"{name}-centuries", "By century", document.part("summary"), folded=True)],
        again=again(document, known),
    )  # fmt: skip


def drawn(rows: Sequence[Row], by: str) -> list[Row]:
    """The rows of one set with their shares, from the first bin to the last that matter."""
    total, corpus = (max(1, sum(row[key] for row in rows)) for key in ("count", "corpus"))
    told = [{**row, "share": row["count"] / total, "corpus_share": row["corpus"] / corpus} for row in rows]
    places = [k for k, row in enumerate(told) if max(row["share"], row["corpus_share"]) >= LEAST]
    kept = told[places[0] : places[-1] + 1] if places else told
    return [{**row, "end": row[by] + STEPS.get(by, 1)} for row in kept]


STEPS = {"year": 1, "decade": 10, "century": 100}
NONE: Any = None


def _choice(sets: Sequence[str]) -> list[Control]:
    return [Control("of", "Terms", [(each, each) for each in sets], sets[0])] if len(sets) > 1 else []


def _years_axis(by: str) -> Any:
    alt = altair()
    return alt.X(f"{by}:Q").axis(format="d").scale(zero=False, nice=False).title(by)


def _shares(rows: Sequence[Row], sets: Sequence[str], by: str) -> Figure:
    alt = altair()
    tip = tips(rows[0], by, "count", "expected", "share", "corpus_share", "documents")
    bars = alt.Chart().mark_bar(color="var(--c6)", stroke=INK, strokeWidth=0.5).encode(
        x=_years_axis(by), x2="end:Q", y=alt.Y("share:Q").title("share of the years"), y2=alt.datum(0), tooltip=tip
    )
    corpus = alt.Chart().mark_line(interpolate="step-after", color=INK, strokeWidth=2, aria=False).encode(
        x=_years_axis(by), y="corpus_share:Q"
    )
    chart = alt.layer(bars, corpus, data=alt.NamedData("years")).add_params(alt.param(name="of", value=sets[0]))
    return Figure(
        "share", "Years in the contexts and in the corpus",
        "Bars: the share of each bin among the years in the contexts of the terms. Line: its share among those of the "
        "whole corpus.",
        spec(chart.transform_filter("datum.set === of"), {"years": rows}, height=HEIGHT), NONE, _choice(sets),
    )  # fmt: skip


def _lifts(rows: Sequence[Row], sets: Sequence[str], by: str) -> Figure:
    alt = altair()
    base = alt.Chart().encode(x=_years_axis(by))
    dots = base.mark_point(filled=True, size=45, color=OTHER, stroke=INK, strokeWidth=0.7).encode(
        y=alt.Y("lift:Q").title("lift in bits"), tooltip=tips(rows[0], by, "lift", "low", "high", "count", "documents")
    )
    chart = alt.layer(
        alt.Chart().mark_rule(color=FAINT, aria=False).encode(y=alt.datum(0)),
        base.mark_rule(color=OTHER, strokeWidth=1.5, aria=False).encode(y="low:Q", y2="high:Q"), dots,
        data=alt.NamedData("years"),
    ).add_params(alt.param(name="of", value=sets[0]))  # fmt: skip
    return Figure(
        "lift", "Lift of the years",
        "log2 of the share of a bin in the contexts over its share in the corpus, with intervals that take documents "
        "for the units. Above 0: more than in the corpus.",
        spec(chart.transform_filter("datum.set === of"), {"years": rows}, height=HEIGHT), NONE, _choice(sets),
    )  # fmt: skip


def _centuries(document: Document) -> Figure:
    alt = altair()
    rows = [{**row, "name": f"{row['century']} {row['set']}"} for row in document.part("summary")
            if row.get("level") == "set"]  # fmt: skip
    if not rows:
        rows = [{"name": "", "share": None, "low": None, "high": None, "corpus_share": None}]
    tip = tips(rows[0], "set", "century", "share", "low", "high", "corpus_share", "years", "documents")
    chart = intervals("centuries", rows_axis("name"), ("share", "low", "high"), "share of the years", tip)
    marks = alt.Chart(alt.NamedData("centuries")).mark_tick(color=INK, thickness=3, height=16, aria=False).encode(
        x="corpus_share:Q", y=rows_axis("name")
    )
    return Figure(
        "centuries", "Shares of the centuries",
        "Dot and line: the share of a century among the years in the contexts, with its interval. Upright stroke: its "
        "share in the corpus.",
        spec(chart + marks, {"centuries": rows}, height=alt.Step(20)), NONE,
    )  # fmt: skip
