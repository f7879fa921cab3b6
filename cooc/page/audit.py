"""Audits: what a finetuning file leans on, against terms as frequent and terms as close to its topic."""

from __future__ import annotations

from cooc.page.again import Known, again
from cooc.page.documents import Document, Row, several
from cooc.page.figures import ACCENT, FAINT, INK, STEP, altair, rows_axis, spec, tips
from cooc.page.parts import Control, Figure, Section, Table, slug

SHOWN = ("part", "target", "warning", "density", "z", "p", "p_adjusted", "z_beyond", "p_beyond", "item_share", "named",
         "carried_by")  # fmt: skip
QUIET = "no sign"


def audit_section(document: Document, known: Known) -> Section:
    """The section of an audit."""
    file = str(document.parameters.get("file", "a file"))
    name = slug("audit", document.index, file)
    warned = [str(row["sentence"]) for row in document.rows if row.get("warning") != QUIET]
    figure = _against(document, known, name)
    notes = document.more.get("notes")
    return Section(
        name, f"What does {file} lean on?", warned or ["No target stands out."], [figure] if figure else [],
        [each for each in (
            Table(name, "Targets", document.rows, SHOWN),
            Table(f"{name}-terms", "Key terms", document.part("terms"), folded=True),
            Table(f"{name}-examples", "Where to read", document.part("examples"), folded=True),
        ) if each.rows],
        [str(note) for note in notes] if isinstance(notes, list | tuple) else [], again(document, known),
    )  # fmt: skip


def _against(document: Document, known: Known, name: str) -> Figure | None:
    """z of each target against both controls."""
    rows: list[Row] = []
    for row in document.rows:
        for kind, value in (("terms as frequent", row.get("z")), ("terms as close to the topic", row.get("z_beyond"))):
            if value is not None:
                rows.append({
                    "part": row["part"], "name": f"{row['target']} ({row['warning']})", "against": kind, "z": value,
                    "p": row.get("p_adjusted" if kind.endswith("frequent") else "p_beyond"),
                    "threshold": row.get("threshold"),
                })  # fmt: skip
    if not rows:
        return None
    alt, kinds = altair(), ["terms as frequent", "terms as close to the topic"]
    parts = [str(part) for part in several(rows, "part")]
    base = alt.Chart().encode(y=rows_axis("name"))
    chart = alt.layer(
        alt.Chart().mark_rule(color=FAINT, aria=False).encode(x=alt.datum(0)),
        alt.Chart().mark_rule(color=INK, strokeDash=[4, 3], aria=False).encode(x="max(threshold):Q"),
        base.mark_point(filled=True, size=80, stroke=INK, strokeWidth=0.7).encode(
            x=alt.X("z:Q").title("z"), tooltip=tips(rows[0], "name", "against", "z", "p"),
            color=alt.Color("against:N").scale(domain=kinds, range=[ACCENT, "var(--c6)"]).title("against"),
            shape=alt.Shape("against:N").scale(domain=kinds, range=["circle", "diamond"]).title("against"),
        ),
        data=alt.NamedData("audit"),
    ).add_params(alt.param(name="of", value=parts[0]))
    choice = [Control("of", "Part of the file", [(each, each) for each in parts], parts[0])]
    return Figure(
        f"{name}-z", "Targets against both controls",
        "z of each target against sets of terms as frequent, and of those that stand out also against terms as close "
        "to the topic. Right of the broken line lies what chance gives for some target in one audit of twenty.",
        spec(chart.transform_filter("datum.part === of"), {"audit": rows}, height=alt.Step(STEP)),
        again(document, known, file=name), choice if len(parts) > 1 else [],
    )  # fmt: skip
