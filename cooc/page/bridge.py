"""The bridge: verdicts, dose and response, effects over their rivals, and what was predicted while left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cooc.page.again import Known, again
from cooc.page.documents import Document, Row, several
from cooc.page.figures import ACCENT, COLORS, FAINT, INK, OTHER, SHAPES, STEP, altair, rows_axis, spec, tips
from cooc.page.parts import Control, Figure, Section, Table, slug

SHOWN = ("question", "target", "verdict", "units", "value", "low", "high", "p", "partial", "partial_p", "p_holm",
         "skill", "increment", "power")  # fmt: skip


def bridge_section(document: Document, known: Known) -> Section:
    """The section of a bridge: each question with its verdict, then the figures."""
    name = slug("bridge", document.index)
    figures = [_response(document, known, name), _effects(document, known, name), _predicted(document, known, name)]
    removed = document.more.get("removed") or {}
    tables = [
        Table(name, "Questions", document.rows, SHOWN),
        Table(f"{name}-points", "Units", document.part("points"), folded=True),
        Table(f"{name}-ordered", "Are the lists ordered as their outcomes?", document.part("ordered"), folded=True),
        Table(f"{name}-removed", "What taking items away did", [removed] if removed else [], folded=True),
        Table(f"{name}-unmatched", "Names without partner", document.part("unmatched"), folded=True),
    ]
    return Section(
        name, "Does density predict the outcome?",
        [verdict(row) for row in (*document.rows, *document.part("ordered"))],
        [each for each in figures if each], [each for each in tables if each.rows], _registered(document),
        again(document, known),
    )  # fmt: skip


def verdict(row: Row) -> str:
    """A verdict in words."""
    question = row.get("question") or f"The order of the lists of {row.get('experiment')}"
    target = f" → {row['target']}" if row.get("target") else ""
    told = f"{question}{target}: {str(row['verdict']).upper()}. {row['because']}."
    return f"{told} What would decide: {row['would_decide']}." if row.get("would_decide") else told


def _registered(document: Document) -> list[str]:
    held = document.more.get("registration") or {}
    if not isinstance(held, dict) or not held:
        return []
    deviations = held.get("deviations") or []
    if not deviations:
        return [f"As registered ({str(held.get('digest'))[:16]}): {held.get('hypothesis')}"]
    return ["NOT as registered: " + "; ".join(map(str, deviations))]


def _questions(points: Sequence[Row]) -> list[str]:
    return [str(name) for name in several(points, "question")]


def _choice(names: Sequence[str]) -> list[Control]:
    return [Control("of", "Question", [(each, each) for each in names], names[0])] if len(names) > 1 else []


def _response(document: Document, known: Known, name: str) -> Figure | None:
    """Outcome against density, with the intervals of both."""
    points = document.part("points")
    if not points:
        return None
    alt, names = altair(), _questions(points)
    points = [{**row, "block": row.get("block") or "units"} for row in points]
    base = alt.Chart().encode(
        x=alt.X("density:Q").scale(zero=False).title("density"), y=alt.Y("outcome:Q").scale(zero=False).title("outcome")
    )
    chart = alt.layer(
        base.mark_rule(color=FAINT, aria=False).encode(
            x=alt.X("density_low:Q").title("density"), x2="density_high:Q"
        ),
        base.mark_rule(color=FAINT, aria=False).encode(
            y=alt.Y("outcome_low:Q").title("outcome"), y2="outcome_high:Q"
        ),
        base.mark_point(filled=True, size=75, stroke=INK, strokeWidth=0.7).encode(
            color=alt.Color("block:N").scale(range=list(COLORS)).title("within"),
            shape=alt.Shape("block:N").scale(range=list(SHAPES)).title("within"),
            tooltip=tips(points[0], "unit", "block", "density", "outcome", "predicted"),
        ),
        base.mark_text(dy=-10, fontSize=11, aria=False).transform_filter("few").encode(
            text="unit:N", color=alt.value(INK)
        ),
        data=alt.NamedData("points"),
    ).add_params(alt.param(name="of", value=names[0]), alt.param(name="few", value=len(points) <= 24))
    return Figure(
        f"{name}-dose", "Dose and response",
        "Each unit with its density and its outcome, and the intervals of both where they are known.",
        spec(chart.transform_filter("datum.question === of"), {"points": points}, height=360),
        again(document, known, kind="dose", file=f"{name}-dose"), _choice(names),
    )  # fmt: skip


def _effects(document: Document, known: Known, name: str) -> Figure | None:
    """The correlation of density and outcome alone, and over the rivals."""
    rows: list[Row] = []
    for row in document.rows:
        told = str(row["question"]) + (f" → {row['target']}" if row.get("target") else "")
        for kind, prefix, value in (("alone", "", "value"), ("over rivals", "partial_", "partial")):
            if row.get(value) is not None:
                rows.append({"name": told, "kind": kind, "correlation": row[value], "verdict": row["verdict"],
                             **{key: row.get(prefix + key) for key in ("low", "high", "p")}})  # fmt: skip
    if not rows:
        return None
    alt, kinds = altair(), ["alone", "over rivals"]
    base = alt.Chart().encode(y=rows_axis("name"), yOffset=alt.YOffset("kind:N").sort(kinds))
    color = alt.Color("kind:N").scale(domain=kinds, range=["var(--c6)", ACCENT]).title("density")
    axis = alt.X("correlation:Q").scale(domain=[-1, 1]).title("correlation of density and outcome")
    chart = alt.layer(
        alt.Chart().mark_rule(color=INK, aria=False).encode(x=alt.datum(0)),
        base.mark_rule(strokeWidth=2, aria=False).encode(
            x=alt.X("low:Q").title("correlation of density and outcome"), x2="high:Q", color=color
        ),
        base.mark_point(filled=True, size=75, stroke=INK, strokeWidth=0.7).encode(
            x=axis, color=color, tooltip=tips(rows[0], "name", "kind", "correlation", "low", "high", "p", "verdict"),
            shape=alt.Shape("kind:N").scale(domain=kinds, range=["circle", "diamond"]).title("density"),
        ),
        data=alt.NamedData("effects"),
    )
    return Figure(
        f"{name}-forest", "Effects, alone and over their rivals",
        "The correlation of density and outcome with its interval: alone, and over log frequency and the other rivals.",
        spec(chart, {"effects": rows}, height=alt.Step(STEP)),
        again(document, known, kind="forest", file=f"{name}-forest"),
    )


def _predicted(document: Document, known: Known, name: str) -> Figure | None:
    """What was seen against what the other units predicted."""
    points = [row for row in document.part("points") if row.get("predicted") is not None]
    if not points:
        return None
    alt, names = altair(), _questions(points)
    ends: list[Any] = [value for row in points for value in (row["predicted"], row["outcome"])]
    line = [{"end": min(ends)}, {"end": max(ends)}]
    chart = alt.layer(
        alt.Chart(alt.NamedData("line")).mark_line(color=FAINT, aria=False).encode(x="end:Q", y="end:Q"),
        alt.Chart(alt.NamedData("points")).mark_point(filled=True, size=65, color=OTHER, stroke=INK, strokeWidth=0.7)
        .transform_filter("datum.question === of")
        .encode(
            x=alt.X("predicted:Q").scale(zero=False).title("predicted while left out"),
            y=alt.Y("outcome:Q").scale(zero=False).title("observed"),
            tooltip=tips(points[0], "unit", "predicted", "outcome"),
        ),
    ).add_params(alt.param(name="of", value=names[0]))  # fmt: skip
    return Figure(
        f"{name}-calibration", "Predicted and observed",
        "Each unit as the others predict it from density and rivals; on the line the prediction is right.",
        spec(chart, {"points": points, "line": line}, height=320),
        again(document, known, kind="calibration", file=f"{name}-calibration"), _choice(names),
    )  # fmt: skip
