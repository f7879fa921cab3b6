"""Sections of results without a section of their own: a figure of their first rows, and the rows."""

from __future__ import annotations

from cooc.page.again import Known, again
from cooc.page.documents import Document, Row, several
from cooc.page.figures import ACCENT, INK, altair, spec, tips
from cooc.page.parts import Control, Figure, Section, Table, slug

LABELS = ("term", "ngram", "phrase", "label", "target", "question", "candidate", "curator", "item")
VALUES = ("npmi", "g2", "occurrences", "count", "density")
LINES, PLACE = ("left", "phrase", "right"), ("path", "linenum", "document")
TITLES = {
    "count": "How often do they occur?", "pair": "How often do two terms stand together?",
    "neighbors": "What stands beside {}?", "contexts": "What stands around {}?", "ngrams": "The n-grams of the corpus",
}  # fmt: skip


def plain_section(document: Document, known: Known) -> Section:
    """Any result: its rows, and the first of them as bars where there is a number to draw."""
    terms = [str(term) for term in document.source.get("terms") or []]
    name = slug(document.verb, document.index, *terms[:1])
    about = ", ".join(terms[:5]) + (" …" if len(terms) > 5 else "")
    title = TITLES.get(document.verb, f"{document.verb} of {{}}" if about else document.verb).replace("{}", about)
    bars = _bars(document, known, name)
    return Section(
        name, title, [], [bars] if bars else [], [Table(name, title, document.rows)], again=again(document, known)
    )


def lines_section(document: Document, known: Known) -> Section:
    """A concordance."""
    phrase = str((document.source.get("terms") or ["phrase"])[0])
    name = slug("kwic", document.index, phrase)
    most = document.more.get("occurrences", len(document.rows))
    lead = f"{len(document.rows):,} of {most:,} occurrences." if most else "It does not occur."
    shown = [*LINES, *(("id",) if any(row.get("id") is not None for row in document.rows) else PLACE)]
    return Section(
        name, f"The lines of “{phrase}”", [lead], [], [Table(name, "Concordance", document.rows, shown, key="phrase")],
        again=again(document, known),
    )  # fmt: skip


def _bars(document: Document, known: Known, name: str) -> Figure | None:
    alt = altair()
    rows: list[Row] = document.rows
    first = rows[0] if rows else {}
    label = next((each for each in LABELS if each in first), None)
    measure = str(document.source.get("measure"))
    value = next((each for each in (measure, *VALUES) if isinstance(first.get(each), int | float)), None)
    if label is None or value is None:
        return None
    groups = [str(each) for each in several(rows, "of")] if "of" in first else [""]
    shown = [{"of": "", **{key: row.get(key) for key in dict.fromkeys((label, value, "of", "count", "expected"))
                           if key in row}, "rank": rank} for rank, row in enumerate(rows)]  # fmt: skip
    y = alt.Y(f"{label}:N").sort(alt.EncodingSortField("rank", op="min")).title(None)
    chart = (
        alt.Chart(alt.NamedData("bars")).mark_bar(color=ACCENT, stroke=INK, strokeWidth=0.5)
        .encode(y=y, x=alt.X(f"{value}:Q"), tooltip=tips(shown[0], label, value, "count", "expected"))
        .add_params(alt.param(name="of", value=groups[0])).transform_filter("datum.of === of")
    )  # fmt: skip
    choice = [Control("of", "Around", [(each, each) for each in groups], groups[0])] if len(groups) > 1 else []
    return Figure(
        f"{name}-bars", f"{label}s by {value}", f"A bar for each row: its {value}.",
        spec(chart, {"bars": shown[:500]}, height=alt.Step(17)), again(document, known, file=name), choice,
    )  # fmt: skip
