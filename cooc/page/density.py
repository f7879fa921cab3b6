"""Densities against their nulls, the dose of each seed, and rivals."""

from __future__ import annotations

import numpy as np

from cooc.page.again import Known, again
from cooc.page.documents import ITSELF, Document, Row, several
from cooc.page.figures import ACCENT, FAINT, INK, STEP, altair, intervals, rows_axis, spec, tips
from cooc.page.parts import Control, Figure, Section, Table, number, slug, text_file

TAILS = {"q01": 0.01, "q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95, "q99": 0.99}
SHOWN = ("target", "window", "density", "low", "high", "null_mean", "null_sd", "z", "p", "n_found", "n_terms")
DOSE = ("term", "target", "window", "occurrences", "documents", "contexts", "hits", "lift", "low", "high", "note")
MOST = 500
"""Seeds of a target whose doses the figure has."""

TICKS = 300
"""Matched sets that a row of the figure shows one by one, at most."""


def density_section(document: Document, known: Known) -> Section:
    """The section of a density."""
    seeds = str(document.rows[0]["seeds"]) if document.rows else "seeds"
    name = slug("density", document.index, seeds)
    figures = [figure for figure in (
        _against_null(document, known, name, towards=True), _against_null(document, known, name, towards=False),
        _doses(document, known, name), _rivals(document, known, name),
    ) if figure is not None]  # fmt: skip
    tables = [
        Table(name, "Densities", document.rows, SHOWN),
        Table(f"{name}-doses", "The dose of each item", document.part("terms"), DOSE, folded=True),
        Table(f"{name}-rivals", "Differences between targets", document.part("rivals")),
        Table(f"{name}-nulls", "The matched sets", [_levels(null) for null in document.part("nulls")], folded=True),
    ]
    terms = [str(term) for term in document.source.get("terms") or []]
    return Section(
        name, f"How dense is the neighbourhood of {seeds}?", [sentence(row) for row in document.rows], figures,
        [table for table in tables if table.rows], again=again(document, known),
        files=[("the seeds", *text_file(slug(seeds), terms))],
    )  # fmt: skip


def sentence(row: Row) -> str:
    """A row of densities in words."""
    window = "in the same document" if row["window"] == "document" else f"within {row['window']} tokens"
    head = f"{row['seeds']} → {row['target']}, {window}: "
    if row.get("density") is None:
        return f"{head}nothing can be said; {row.get('n_found', 0)} of {row['n_terms']} seeds occur."
    unit = "NPMI" if row["target"] == ITSELF else "bits"
    ends = "" if row.get("low") is None else f" ({number(row['low'])} to {number(row['high'])})"
    null = "" if row.get("z") is None else (
        f"; matched sets: {number(row['null_mean'])} on average, z = {number(row['z'])}, p = {row['p']:.2g}"
    )  # fmt: skip
    return f"{head}{number(row['density'])} {unit}{ends}{null}. {row['n_found']} of {row['n_terms']} seeds occur."


def _against_null(document: Document, known: Known, name: str, *, towards: bool) -> Figure | None:
    """Each density beside those of its matched sets; towards targets in bits, in itself in NPMI."""
    alt = altair()
    pairs = list(zip(document.rows, document.part("nulls"), strict=False))
    pairs = [(row, null) for row, null in pairs if (row["target"] != ITSELF) == towards]
    if not pairs:
        return None
    several_windows = len(several(document.rows, "window")) > 1
    names = [_name(row, several_windows) for row, _ in pairs]
    rows = [{**_kept(row), **_levels(null), "name": name} for name, (row, null) in zip(names, pairs, strict=True)]
    ticks = [{"name": name, "value": value} for name, (_, null) in zip(names, pairs, strict=True)
             for value in _thinned(null)]  # fmt: skip
    y = rows_axis("name")
    base = alt.Chart(alt.NamedData("rows")).encode(y=y)
    title = "density in bits" if towards else "density in NPMI"
    layers = [
        alt.Chart(alt.NamedData("ticks")).mark_tick(color=FAINT, opacity=0.5, thickness=1, aria=False)
        .encode(y=y, x="value:Q"),
        base.mark_rule(color=INK, aria=False).encode(x=alt.X("q01:Q").title(title), x2="q99:Q"),
        base.mark_bar(color="var(--band)", stroke=INK, strokeWidth=0.7, height=8, aria=False)
        .encode(x="q05:Q", x2="q95:Q"),
        base.mark_rule(color=ACCENT, strokeWidth=3, aria=False).encode(x="low:Q", x2="high:Q"),
        base.mark_point(shape="diamond", filled=True, size=110, color=ACCENT, stroke=INK, strokeWidth=0.8)
        .encode(x="density:Q", tooltip=tips(rows[0], *SHOWN)),
    ]  # fmt: skip
    if towards:
        layers.insert(0, alt.Chart(alt.NamedData("rows")).mark_rule(color=FAINT, aria=False).encode(x=alt.datum(0)))
    return Figure(
        f"{name}-null" if towards else f"{name}-itself",
        "Densities against their nulls" if towards else "Density of the set in itself, against its null",
        "Diamond and thick line: the density and its interval. Box: the middle 90 % of the matched sets, "
        "thin line: their middle 98 %, ticks: single sets. A density inside its box is what chance gives.",
        spec(alt.layer(*layers), {"rows": rows, "ticks": ticks}, height=alt.Step(2 * STEP)),
        again(document, known, kind="null", file=f"{name}-null"),
    )  # fmt: skip


def _kept(row: Row) -> Row:
    return {name: row.get(name) for name in SHOWN}


def _name(row: Row, several_windows: bool) -> str:
    """What a row is called; the window first, since the end of a long name is cut on a small screen."""
    return f"{row['window']}: {row['target']}" if several_windows else str(row["target"])


def _levels(null: Row) -> Row:
    """What a null looks like: how many sets, and its quantiles."""
    values = null.get("densities")
    told = null.get("quantiles") or {}
    levels = {
        key: float(np.quantile(values, at)) if values else told.get(str(at)) for key, at in TAILS.items()
    }  # fmt: skip
    rest = {key: value for key, value in null.items() if key not in ("densities", "quantiles")}
    return {**rest, **levels}


def _thinned(null: Row) -> list[float]:
    values = null.get("densities") or []
    return list(values[:TICKS])


def _doses(document: Document, known: Known, name: str) -> Figure | None:
    """The lift of each seed towards one target, the largest first."""
    alt = altair()
    rows = [row for row in document.part("terms") if row.get("lift") is not None]
    if not rows:
        return None
    keys = list(dict.fromkeys((row["target"], row["window"], row.get("where")) for row in rows))
    names = [", ".join(str(part) for part in key if part is not None) for key in keys]
    ranked: list[Row] = []
    for key, told in zip(keys, names, strict=True):
        some = [row for row in rows if (row["target"], row["window"], row.get("where")) == key]
        some.sort(key=lambda row: -row["lift"])
        ranked += [{**{k: row[k] for k in DOSE if k in row}, "of": told, "rank": rank} for rank, row in
                   enumerate(some[:MOST], 1)]  # fmt: skip
    most = max(sum((row["target"], row["window"], row.get("where")) == key for row in rows) for key in keys)
    params = [alt.param(name="of", value=names[0]), alt.param(name="most", value=30), alt.param(name="find", value="")]
    found = "indexof(lower(datum.term), lower(find)) >= 0 && datum.of === of && (find !== '' || datum.rank <= most)"
    y = alt.Y("term:N").sort(alt.EncodingSortField("rank", op="min")).title(None)
    tip = tips(ranked[0], "term", "lift", "low", "high", "hits", "contexts", "occurrences", "documents")
    chart = intervals("doses", y, ("lift", "low", "high"), "lift in bits", tip)
    return Figure(
        f"{name}-dose", "Dose per item",
        "The shrunken lift of each seed: log2 of the target's share among its context tokens over its share in the "
        "corpus, with its credible interval. The largest first"
        + (f", {MOST:,} of {most:,}: the table has all." if most > MOST else "."),
        spec(chart.add_params(*params).transform_filter(found), {"doses": ranked}, height=alt.Step(17)),
        again(document, known, kind="dose", file=f"{name}-dose"),
        [Control("of", "Target and window", [(told, told) for told in names], names[0]),
         Control("most", "Items", [(str(n), f"first {n}") for n in (10, 30, 100)] + [("100000", "all")], "30"),
         Control("find", "Find an item", kind="search")],
    )  # fmt: skip


def _rivals(document: Document, known: Known, name: str) -> Figure | None:
    rows: list[Row] = document.part("rivals")
    if not rows or len(several(rows, "target")) < 1:
        return None
    alt = altair()
    windows = len(several(rows, "window")) > 1
    shown = [{**row, "name": f"{_name(row, windows)} − {row['rival']}"} for row in rows]
    chart = intervals("rivals", rows_axis("name"), ("difference", "low", "high"), "difference in bits",
                      tips(shown[0], "target", "rival", "window", "difference", "low", "high", "p"))  # fmt: skip
    return Figure(
        f"{name}-rivals", "Rivals on one scale",
        "How much denser the seeds stand towards one target than towards another, with intervals of the difference: "
        "right of 0 the first is denser.",
        spec(chart, {"rivals": shown}, height=alt.Step(STEP)),
        again(document, known, kind="rivals", file=f"{name}-rivals"),
    )
