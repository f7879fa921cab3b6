"""The clusters around seeds: their graph, their densities, and how the seeds entered."""

from __future__ import annotations

from cooc.index.reader import Index
from cooc.page.again import Known, again
from cooc.page.documents import Document, Row
from cooc.page.figures import ACCENT, FAINT, INK, STEP, altair, rows_axis, spec, tips
from cooc.page.graph import graph_figure
from cooc.page.parts import Figure, Section, Table, number, slug

SHOWN = ("cluster", "label", "size", "seeds", "mass", "density", "null_mean", "z", "p", "conductance", "conductance_z",
         "valley")  # fmt: skip


def cluster_section(document: Document, known: Known, index: Index | None) -> Section:
    """The section of a cluster result."""
    terms = tuple(document.source.get("terms") or ())
    seeds = next((name for name, each in known.sets.items() if each.terms == terms), "the seeds")
    name = slug("cluster", document.index, seeds)
    figures = [graph_figure(document, known, index, name), _densities(document, known, name)]
    tables = [
        Table(name, "Neighbourhoods and clusters", document.rows, SHOWN),
        Table(f"{name}-examples", "Where to read", document.part("examples"), folded=True),
        Table(f"{name}-seeds", "How the seeds entered", document.part("seeds"), folded=True),
    ]
    return Section(
        name, f"What surrounds {seeds}?", [_sentence(row) for row in document.rows if "." not in str(row["cluster"])],
        [each for each in figures if each], [each for each in tables if each.rows], again=again(document, known),
    )  # fmt: skip


def _sentence(row: Row) -> str:
    """A neighbourhood in words."""
    null = "" if row.get("z") is None else (
        f"; neighbourhoods of matched seeds of its size: {number(row['null_mean'])} on average, "
        f"z = {number(row['z'])}, p = {row['p']:.2g}"
    )  # fmt: skip
    valley = " There is no set of this size with a border of its own." if row.get("valley") is False else ""
    return (f"Neighbourhood {row['cluster']}: {row['size']:,} terms around {row['label']}; "
            f"density {number(row['density'])} bits{null}.{valley}")  # fmt: skip


def _densities(document: Document, known: Known, name: str) -> Figure | None:
    """Density of each cluster beside the mean of its null."""
    alt = altair()
    rows = [{"name": f"{row['cluster']} {row['label']}", **{key: row.get(key) for key in SHOWN}}
            for row in document.rows]  # fmt: skip
    if not rows or all(row["null_mean"] is None for row in rows):
        return None
    base = alt.Chart().encode(y=rows_axis("name"))
    chart = alt.layer(
        base.mark_rule(color=FAINT, aria=False).encode(x="null_mean:Q", x2="density:Q"),
        base.mark_tick(color=INK, thickness=2, height=14, aria=False).encode(x="null_mean:Q"),
        base.mark_point(shape="diamond", filled=True, size=80, color=ACCENT, stroke=INK, strokeWidth=0.7).encode(
            x=alt.X("density:Q").title("mean weight of all pairs of members, bits"), tooltip=tips(rows[0], *SHOWN)
        ),
        data=alt.NamedData("clusters"),
    )
    return Figure(
        f"{name}-densities", "How dense the clusters are",
        "Diamond: the density; upright stroke: the mean of its null, which for a neighbourhood is what matched seeds "
        "find, for a cluster words of the same frequency.",
        spec(chart, {"clusters": rows}, height=alt.Step(STEP)), again(document, known, file=name),
    )  # fmt: skip
