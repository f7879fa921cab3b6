"""Constellations: the posterior of each candidate as clues are added, and what single clues say."""

from __future__ import annotations

from collections.abc import Sequence

from cooc.page.again import Known, again
from cooc.page.documents import Document, Row
from cooc.page.figures import ACCENT, COLORS, DASHES, FAINT, INK, SHAPES, altair, spec, tips
from cooc.page.parts import Control, Figure, Section, Table, number, slug

CURVES = 6
"""Candidates whose curves are drawn, the likeliest first."""

IDENTIFIES = "individually identifying"
SHOWN = ("candidate", "documents", "prior", "posterior", "log_odds", "null_mean", "z", "p", "rank", "half")
CLUES = ("clue", "terms", "candidate", "posterior", "low", "high", "weight", "p", "flag", "too_rare")


def constellation_section(document: Document, known: Known) -> Section:
    """The section of a constellation."""
    names = [str(row["candidate"]) for row in document.rows][:CURVES]
    name = slug("constellation", document.index, *names[:2])
    figures = [_curves(document, known, name, names), _clues(document, known, name)]
    return Section(
        name, "Which candidate do the clues point to?", [_sentence(document)], [each for each in figures if each],
        [Table(name, "Candidates", document.rows, SHOWN),
         Table(f"{name}-clues", "The clues one by one", document.part("clues"), CLUES, folded=True),
         Table(f"{name}-curve", "By the number of clues", document.part("curve"), folded=True)],
        again=again(document, known),
    )  # fmt: skip


def _sentence(document: Document) -> str:
    """The first candidate in words."""
    if not document.rows:
        return "There is no candidate."
    row = document.rows[0]
    half = (f"its posterior stays below one half with all {row['n_clues']:,} clues" if row["half"] is None else
            f"half of all orders reach one half after {row['half']:,} of {row['n_clues']:,} clues")  # fmt: skip
    null = "" if row.get("z") is None else f" (z = {number(row['z'])} against matched clues, p = {row['p']:.2g})"
    alone = [each for each in document.part("clues") if each.get("flag") == IDENTIFIES]
    told = {0: "no clue identifies", 1: "one clue identifies"}.get(len(alone), f"{len(alone):,} clues identify")
    return f"{row['candidate']} first, log-odds {number(row['log_odds'])} bits{null}; {half}; {told} a candidate alone."


def _curves(document: Document, known: Known, name: str, names: Sequence[str]) -> Figure | None:
    rows = [row for row in document.part("curve") if row["candidate"] in names]
    if not rows:
        return None
    alt = altair()
    last = max(row["clues"] for row in rows)
    marks = [row for row in rows if row["clues"] % max(1, last // 6) == 0]
    x = alt.X("clues:Q").axis(format="d", tickMinStep=1).title("clues, in random orders")
    base = alt.Chart(alt.NamedData("curve")).encode(x=x)
    colors = alt.Scale(domain=list(names), range=list(COLORS[: len(names)]))
    color = alt.Color("candidate:N").scale(colors).title("candidate").legend(symbolOpacity=1)
    chart = alt.layer(
        alt.Chart().mark_rule(color=FAINT, strokeDash=[2, 3], aria=False).encode(y=alt.datum(0.5)),
        base.mark_area(opacity=0.13, aria=False).encode(y="low:Q", y2="high:Q", color=color),
        base.mark_line(strokeWidth=2, aria=False).encode(
            y=alt.Y("median:Q").title("posterior: median, 5 to 95 %").scale(domain=[0, 1]), color=color,
            strokeDash=alt.StrokeDash("candidate:N").scale(domain=list(names), range=list(DASHES[: len(names)])),
        ),
        alt.Chart(alt.NamedData("marks")).mark_point(filled=True, size=60, stroke=INK, strokeWidth=0.7).encode(
            x="clues:Q", y="median:Q", color=color,
            shape=alt.Shape("candidate:N").scale(domain=list(names), range=list(SHAPES[: len(names)])),
            tooltip=tips(rows[0], "candidate", "clues", "median", "low", "high", "rank"),
        ),
        data=alt.NamedData("marks"),
    )  # fmt: skip
    return Figure(
        f"{name}-curve", "How many clues does it take?",
        "The posterior of each candidate as clues are added in random orders: median, and the band from 5 to 95 %. "
        "Naive Bayes takes clues to be independent, and is too sure of itself where they are not.",
        spec(chart, {"curve": rows, "marks": marks}, height=320), again(document, known, file=name),
    )  # fmt: skip


def _clues(document: Document, known: Known, name: str) -> Figure | None:
    """The weight of each clue for the candidate it points to."""
    rows: list[Row] = [row for row in document.part("clues") if row.get("weight") is not None]
    if not rows:
        return None
    alt = altair()
    rows.sort(key=lambda row: -row["weight"])
    shown = [
        {**{key: row.get(key) for key in CLUES}, "rank": rank, "name": f"{rank}. {str(row['terms'])[:44]}",
         "alone": "alone" if row["flag"] == IDENTIFIES else "with others"}
        for rank, row in enumerate(rows, 1)
    ]  # fmt: skip
    y = alt.Y("name:N").sort(alt.EncodingSortField("rank", op="min")).title(None)
    base = alt.Chart().encode(y=y)
    kinds = ["alone", "with others"]
    chart = alt.layer(
        base.mark_rule(color=FAINT, aria=False).encode(x="weight:Q", x2=alt.datum(0)),
        base.mark_point(filled=True, size=75, stroke=INK, strokeWidth=0.7).encode(
            x=alt.X("weight:Q").title("bits towards the candidate it points to"),
            shape=alt.Shape("alone:N").scale(domain=kinds, range=["diamond", "circle"]).title("identifies"),
            color=alt.Color("alone:N").scale(domain=kinds, range=[ACCENT, "var(--c6)"]).title("identifies"),
            tooltip=tips(shown[0], "clue", "terms", "candidate", "posterior", "low", "high", "weight", "p", "flag"),
        ),
        data=alt.NamedData("clues"),
    ).add_params(alt.param(name="most", value=20), alt.param(name="find", value=""))
    found = "(find === '' && datum.rank <= most) || (find !== '' && indexof(lower(datum.name), lower(find)) >= 0)"
    return Figure(
        f"{name}-clues", "What single clues say",
        "Each clue's weight for the candidate it points to. A diamond identifies a candidate alone: the lower limit of "
        "its posterior is one half or more.",
        spec(chart.transform_filter(found), {"clues": shown}, height=alt.Step(18)),
        again(document, known, file=name),
        [Control("most", "Clues", [(str(n), f"first {n}") for n in (10, 20, 50)] + [("100000", "all")], "20"),
         Control("find", "Find a clue", kind="search")],
    )  # fmt: skip
