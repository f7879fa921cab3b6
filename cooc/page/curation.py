"""Curation: what was chosen of a pool and what was not, by frequency and lift."""

from __future__ import annotations

from cooc.page.again import Known, again
from cooc.page.documents import Document, Row
from cooc.page.figures import ACCENT, INK, STEP, altair, intervals, rows_axis, spec, tips
from cooc.page.parts import Control, Figure, Section, Table, slug

SHOWN = ("curator", "target", "n_chosen", "n_matched", "auc", "low", "high", "difference", "p", "p_least",
         "auc_unmatched")  # fmt: skip


def curation_section(document: Document, known: Known) -> Section:
    """The section of a curation."""
    curators = [str(row["curator"]) for row in document.rows]
    name = slug("curation", document.index, *dict.fromkeys(curators))
    figures = [_items(document, known, name), _areas(document, known, name)]
    return Section(
        name, "Did the curator choose by what stands around the terms?", [sentence(row) for row in document.rows],
        [each for each in figures if each],
        [Table(name, "Curators", document.rows, SHOWN),
         Table(f"{name}-items", "Items of the pool", document.part("items"), folded=True)],
        again=again(document, known),
    )  # fmt: skip


def sentence(row: Row) -> str:
    """A curator and target in words."""
    head = f"{row['curator']} → {row['target']}, {row['n_chosen']:,} of {row['n_pool']:,} chosen: "
    if row.get("auc") is None:
        return f"{head}no class of frequency holds both chosen and rejected items, so nothing can be compared."
    return (
        f"{head}among items as frequent, a chosen one has the larger lift in {row['auc']:.0%} of the pairs "
        f"({row['low']:.0%} to {row['high']:.0%}; 50 % is chance), p = {row['p']:.3g}."
    ).replace("%", " %").replace("  %", " %")  # fmt: skip


def _pairs(document: Document) -> list[tuple[str, Row]]:
    return [(f"{row['curator']} → {row['target']}", row) for row in document.rows]


def _items(document: Document, known: Known, name: str) -> Figure | None:
    """Occurrences and lift of the items that occur, by whether they were chosen."""
    alt = altair()
    points: list[Row] = []
    for told, row in _pairs(document):
        points += [
            {"of": told, "item": item["item"], "occurrences": item["occurrences"], "lift": item["lift"],
             "stratum": item["stratum"],
             "choice": "chosen" if row["curator"] in str(item["chosen_by"]).split("; ") else "rejected"}
            for item in document.part("items") if item["target"] == row["target"] and item["lift"] is not None
        ]  # fmt: skip
    if not points:
        return None
    kinds = ["chosen", "rejected"]
    chart = (
        alt.Chart(alt.NamedData("items")).mark_point(filled=True, size=55, stroke=INK, strokeWidth=0.6, opacity=0.85)
        .encode(
            x=alt.X("occurrences:Q").scale(type="log").title("occurrences"), y=alt.Y("lift:Q").title("lift in bits"),
            shape=alt.Shape("choice:N").scale(domain=kinds, range=["diamond", "circle"]).title(None),
            color=alt.Color("choice:N").scale(domain=kinds, range=[ACCENT, "var(--c6)"]).title(None),
            tooltip=tips(points[0], "item", "choice", "occurrences", "lift", "stratum"),
        )
        .add_params(alt.param(name="of", value=points[0]["of"])).transform_filter("datum.of === of")
    )  # fmt: skip
    names = [told for told, _ in _pairs(document)]
    choice = [Control("of", "Curator and target", [(each, each) for each in names], names[0])]
    return Figure(
        f"{name}-items", "What was chosen, by frequency and lift",
        "Each item of the pool that occurs. A curator who chose by what stands around the terms has diamonds above "
        "circles of the same frequency.",
        spec(chart, {"items": points}, height=340), again(document, known, file=name),
        choice if len(names) > 1 else [],
    )  # fmt: skip


def _areas(document: Document, known: Known, name: str) -> Figure | None:
    """The AUC of every curator and target, side by side."""
    alt = altair()
    rows = [{**{key: row.get(key) for key in SHOWN}, "name": told} for told, row in _pairs(document)
            if row.get("auc") is not None]  # fmt: skip
    if not rows:
        return None
    tip = tips(rows[0], "curator", "target", "auc", "low", "high", "p", "auc_unmatched")
    chart = intervals("areas", rows_axis("name"), ("auc", "low", "high"), "AUC within classes of frequency", tip,
                      zero=0.5)  # fmt: skip
    return Figure(
        f"{name}-auc", "Curators side by side",
        "The share of pairs of a chosen and a rejected item, as frequent, in which the chosen has the larger lift; the "
        "upright line is chance, one half.",
        spec(chart, {"areas": rows}, height=alt.Step(STEP)), again(document, known, file=name),
    )  # fmt: skip


