"""The command that looks for the clusters around seeds: cluster."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cooc.cli.ask import Window
from cooc.cli.make import Csv, Directory, Json, Plot, of_sets, option
from cooc.cli.progress import shown_progress
from cooc.cli.show import answered, print_table, put, say

SHOWN = ("cluster", "label", "size", "seeds", "mass", "density", "z", "conductance", "conductance_z", "valley")


def cluster(
    index: Directory,
    seeds: Annotated[str, of_sets("The terms to begin with.")],
    window: Window = None,
    size: Annotated[
        list[int] | None,
        option("Largest set of a level (repeatable, ascending).", default="100 1000 10000 50000", metavar="N"),
    ] = None,
    teleport: Annotated[float, typer.Option(help="How often the walk goes back to the seeds.")] = 0.2,
    shrink: Annotated[float, typer.Option(help="k: pairs added to the count and to the expected count.")] = 5.0,
    floor: Annotated[float, typer.Option(metavar="BITS", help="Least weight of an edge.")] = 1.0,
    min_count: Annotated[float, typer.Option(metavar="N", help="Least count of an edge.")] = 3,
    min_size: Annotated[
        int | None, option("Least members of a cluster.", default="5, or 1 % of the neighbourhood", metavar="N")
    ] = None,
    null: Annotated[int, typer.Option(metavar="N", help="Matched sets to compare with; 0 for none.")] = 49,
    seed: Annotated[int, typer.Option(metavar="N", help="Of what is drawn at random.")] = 0,
    examples: Annotated[int, typer.Option(metavar="N", help="Places to read, for each cluster, at most 3.")] = 1,
    plot: Plot = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """The neighbourhood of seeds at several sizes, what it consists of, and how dense it is.

    A walk from the seeds on the graph of terms, joined by shrunken PPMI, finds for each range of sizes the set of
    least conductance; inside it, terms that stand beside the same terms are clusters.

    Output: rows {cluster, level, label, size, seeds, mass, density, null_mean, null_sd, z, p, conductance,
    conductance_null, conductance_z, conductance_p, valley, noise, members}: "2" is the neighbourhood of level 2, "2.1"
    a cluster in it. density: mean weight in bits of all pairs of members; conductance: the share of its weight that
    leaves it; mass: the share of the walk in it. A neighbourhood is compared with those of matched seeds (z well above
    0, conductance_z well below: denser and better closed than chance), a cluster with words of the same frequency.
    valley false: the least conductance lies at the end of the range, there is no set of this size. With --json also
    seeds (how each entered), examples, nodes and edges of the drawing.

    Cost: one reading of the pair matrix for each new window and k, three of the token store for --null; 60 bytes a
    term and thread. Seconds for 50 million tokens.

    Example: cooc cluster indexes/dolma --seeds birds.txt --plot birds.svg
    """
    import cooc

    options: dict[str, Any] = {} if size is None else {"sizes": size}
    with shown_progress(quiet) as progress:
        result = cooc.cluster(
            cooc.open(index), seeds, window=window, teleport=teleport, shrink=shrink, floor=floor,
            min_count=min_count, min_size=min_size, null=null, seed=seed, progress=progress, **options,
        )  # fmt: skip
    if answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        return
    say(result.provenance.caption())
    say(result.entered())
    print_table({name: [row[name] for row in result.rows()] for name in SHOWN if name in result.columns})
    shown: dict[str, int] = {}
    for line in result.examples:
        shown[line["cluster"]] = shown.get(line["cluster"], 0) + 1
        if shown[line["cluster"]] <= examples:
            put(f"{line['cluster']:>6}  … {line['text']} …  ({line['document']})")
