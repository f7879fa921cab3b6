"""The neighbourhood as a graph that can be moved, filtered and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cooc.index.reader import Index
from cooc.page.again import Known, again
from cooc.page.documents import Document, Row
from cooc.page.figures import COLORS, FAINT, INK, SHAPES, altair, spec
from cooc.page.lines import counts_of, lines_of, measured
from cooc.page.parts import Control, Figure

ALONE = "in no cluster"
WEIGHT = "weight"
TITLES = {
    WEIGHT: "weight: shrunken PPMI, bits", "count": "count", "pmi": "PMI, bits", "npmi": "NPMI",
    "pmi_low": "PMI, lower limit", "log_dice": "logDice", "g2": "G²", "t_score": "t-score",
}  # fmt: skip
TOLD = 28
"""Characters of a cluster's name in the legend."""

EVERY = "all"
LEAST = -1e9
"""A threshold that hides nothing."""


def graph_figure(document: Document, known: Known, index: Index | None, name: str) -> Figure | None:
    """The graph of a cluster result; with its index also counts, lines to read, and the measures of every edge."""
    nodes, edges = document.part("nodes"), document.part("edges")
    if not nodes:
        return None
    clusters = _clusters(document)
    terms = list(dict.fromkeys(str(node["term"]) for node in nodes))
    counts = counts_of(index, terms) if index else {}
    lines = lines_of(index, terms) if index else {}
    shown = _nodes(nodes, clusters, counts, _examples(document, lines))
    joined = _edges(edges, shown, index, str(document.parameters.get("window")))
    levels = sorted({int(node["level"]) for node in nodes})
    level = levels[min(1, len(levels) - 1)]
    measures = [key for key in TITLES if any(key in edge for edge in joined)]
    return Figure(
        f"{name}-graph", "The neighbourhood as a graph",
        "A line joins terms that stand together more often than by chance. Colour and shape tell the cluster, a ring "
        "marks a seed. Drag to move; the buttons, or the wheel with Ctrl held, zoom. Point at a term for its counts "
        "and a line of the corpus; choose it, here or in the list, to read more.",
        spec(_chart(level, shown), {"nodes": shown, "edges": joined}, height=520),
        again(document, known, file=name), _controls(document, levels, level, measures), "graph.html.j2",
        {"graph": {"lines": lines, "least": LEAST}},
    )  # fmt: skip


def _controls(document: Document, levels: Sequence[int], level: int, measures: Sequence[str]) -> list[Control]:
    sizes = {str(row["cluster"]): row["size"] for row in document.rows}
    told = [(str(each), f"{each}: {sizes.get(str(each), 0):,} terms") for each in levels]
    return [
        Control("level", "Neighbourhood", told, str(level)),
        Control("cluster", "Cluster", [(EVERY, "all clusters")], EVERY),
        Control("measure", "Measure", [(key, TITLES[key]) for key in measures], WEIGHT),
        Control("least", "At least", kind="number"),
        Control("labels", "Names", [("0", "none"), ("15", "15"), ("30", "30"), ("1000", "all")], "30"),
    ]


def _clusters(document: Document) -> Mapping[tuple[int, str], Row]:
    """The cluster of each term, by level and term."""
    parts = [row for row in document.rows if "." in str(row["cluster"])]
    return {(int(row["level"]), str(term)): row for row in parts for term in row["members"]}


def _examples(document: Document, lines: Mapping[str, Sequence[Row]]) -> dict[str, str]:
    """A line to read for each term: of the result, or else of the index."""
    found = {term: f"{some[0]['left']} {some[0]['node']} {some[0]['right']}" for term, some in lines.items() if some}
    return {**found, **{str(row["term"]): str(row["text"]) for row in document.part("examples")}}


def _nodes(
    nodes: Sequence[Row], clusters: Mapping[tuple[int, str], Row], counts: Mapping[str, Row],
    examples: Mapping[str, str],
) -> list[Row]:  # fmt: skip
    """Nodes with their cluster, counts and example, the seeds and the best joined of each level first."""
    ordered = sorted(nodes, key=lambda node: (node["level"], not node["seed"], -node["degree"], str(node["term"])))
    slots: dict[tuple[int, str], int] = {}
    rank: dict[int, int] = {}
    rows = []
    for node in ordered:
        level, term = int(node["level"]), str(node["term"])
        rank[level] = rank.get(level, 0) + 1
        row = clusters.get((level, term))
        cluster = _told(row) if row else ALONE
        slot = slots.setdefault((level, cluster), _number(row) if row else 999)
        rows.append({
            "level": level, "term": term, "cluster": cluster, "slot": slot, "seed": bool(node["seed"]),
            "x": node["x"], "y": node["y"], "degree": node["degree"], "rank": rank[level],
            "occurrences": None, "documents": None, **counts.get(term, {}), "example": examples.get(term, ""),
            "told": _said(term, cluster, bool(node["seed"]), counts.get(term)),
        })  # fmt: skip
    return rows


def _told(row: Row) -> str:
    told = f"{row['cluster']} {row['label']}"
    return told if len(told) <= TOLD else f"{told[: TOLD - 1]}…"


def _said(term: str, cluster: str, seed: bool, counts: Row | None) -> str:
    """A node for those who hear the page."""
    often = f", {counts['occurrences']:,} occurrences" if counts else ""
    return f"{term}, {'a seed, ' if seed else ''}{cluster if cluster == ALONE else f'cluster {cluster}'}{often}"


def _number(row: Row) -> int:
    return int(str(row["cluster"]).split(".")[1])


def _edges(edges: Sequence[Row], nodes: Sequence[Row], index: Index | None, window: str) -> list[Row]:
    """Edges with the places and clusters of their ends, and their measures."""
    at = {(node["level"], node["term"]): node for node in nodes}
    known = [edge for edge in edges if all((int(edge["level"]), str(edge[end])) in at for end in "ab")]
    pairs = list(dict.fromkeys((str(edge["a"]), str(edge["b"])) for edge in known))
    values = dict(zip(pairs, measured(index, pairs, window), strict=True)) if index and pairs else {}
    rows = []
    for edge in known:
        a, b = (at[int(edge["level"]), str(edge[end])] for end in "ab")
        rows.append({
            "level": a["level"], "a": a["term"], "b": b["term"], "weight": edge["weight"],
            "x": a["x"], "y": a["y"], "x2": b["x"], "y2": b["y"], "of_a": a["cluster"], "of_b": b["cluster"],
            **values.get((a["term"], b["term"]), {}),
        })  # fmt: skip
    return rows


def _chart(level: int, nodes: Sequence[Row]) -> Any:
    alt = altair()
    params = [
        alt.param(name="level", value=level), alt.param(name="cluster", value=EVERY),
        alt.param(name="measure", value=WEIGHT), alt.param(name="least", value=LEAST),
        alt.param(name="labels", value=30), alt.param(name="chosen", value=""),
    ]  # fmt: skip
    # plain scrolling must go on past the figure, so the wheel zooms with Ctrl alone
    grid = alt.selection_interval(name="grid", bind="scales", zoom="wheel![event.ctrlKey]")
    lines, dots = _lines(alt), _dots(alt, nodes)
    return (
        alt.layer(lines, dots.add_params(grid), _names(alt)).add_params(*params)
        .configure_view(stroke=None).resolve_scale(color="shared")
    )  # fmt: skip


def _axis(alt: Any, field: str) -> Any:
    return getattr(alt, field.upper())(f"{field}:Q").axis(None).scale(zero=False, nice=False, padding=24)


def _lines(alt: Any) -> Any:
    touched = "chosen !== '' && (datum.a === chosen || datum.b === chosen)"
    outside = "cluster !== 'all' && (datum.of_a !== cluster || datum.of_b !== cluster)"
    return (
        alt.Chart(alt.NamedData("edges")).mark_rule(aria=False).properties(name="edges")
        .transform_filter("datum.level === level && isValid(datum[measure]) && datum[measure] >= least")
        .encode(
            x=_axis(alt, "x"), y=_axis(alt, "y"), x2="x2:Q", y2="y2:Q",
            color=alt.condition(touched, alt.value(INK), alt.value(FAINT)),
            strokeWidth=alt.condition(touched, alt.value(2), alt.value(0.8)),
            opacity=alt.condition(outside, alt.value(0.06), alt.value(0.45)),
        )
    )  # fmt: skip


def _faded(alt: Any) -> Any:
    return alt.condition("cluster !== 'all' && datum.cluster !== cluster", alt.value(0.15), alt.value(1))


def _dots(alt: Any, nodes: Sequence[Row]) -> Any:
    order = alt.EncodingSortField("slot", op="min")
    names = ["term", "cluster", "occurrences", "documents", "degree", "example"]
    held = [name for name in names if any(node[name] not in (None, "") for node in nodes)]
    tooltip = [alt.Tooltip(f"{name}:Q", format=",.4~r") if name == "degree" else
               alt.Tooltip(f"{name}:Q", format=",d") if name in ("occurrences", "documents") else
               alt.Tooltip(f"{name}:N") for name in held]  # fmt: skip
    ringed = alt.condition("datum.seed || datum.term === chosen", alt.value(3), alt.value(0.8))
    return (
        alt.Chart(alt.NamedData("nodes")).mark_point(filled=True, stroke=INK, cursor="pointer")
        .transform_filter("datum.level === level").properties(name="terms")
        .encode(
            x=_axis(alt, "x"), y=_axis(alt, "y"), tooltip=tooltip, opacity=_faded(alt), strokeWidth=ringed,
            color=alt.Color("cluster:N").sort(order).scale(range=list(COLORS)).title("cluster"),
            shape=alt.Shape("cluster:N").sort(order).scale(range=list(SHAPES)).title("cluster"),
            size=alt.condition("datum.term === chosen", alt.value(260), alt.value(110)),
            description=alt.Description("told:N"),
        )
    )  # fmt: skip


def _names(alt: Any) -> Any:
    return (
        alt.Chart(alt.NamedData("nodes")).mark_text(dy=-11, fontSize=11, aria=False)
        .transform_filter("datum.level === level && (datum.rank <= labels || datum.term === chosen)")
        .encode(x=_axis(alt, "x"), y=_axis(alt, "y"), text="term:N", opacity=_faded(alt), color=alt.value(INK))
    )  # fmt: skip
