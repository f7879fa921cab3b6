"""The command that asks how dense the neighbourhood of terms is: density."""

from __future__ import annotations

from typing import Annotated

import typer

from cooc.cli.ask import Against, Where, say_slices
from cooc.cli.make import Csv, Directory, Json, Plot, of_sets, option
from cooc.cli.progress import shown_progress
from cooc.cli.show import answered, line_width, put, say


def density(
    index: Directory,
    seeds: Annotated[str, of_sets("The seed terms.")],
    target: Annotated[
        list[str] | None,
        of_sets("Towards what (repeatable: rivals)."),
    ] = None,
    null: Annotated[int, typer.Option(metavar="N", help="Matched sets to compare with; 0 for none.")] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", help="Of all that is drawn at random.")] = 0,
    window: Annotated[
        list[int] | None,
        option("Contexts up to so many tokens away (repeatable).", default="the index's first", metavar="N"),
    ] = None,
    document: Annotated[bool, typer.Option("--document", help="The whole document as context, too.")] = False,
    itself: Annotated[bool, typer.Option("--itself", help="The density of the seeds among themselves, too.")] = False,
    where: Where = None,
    against: Against = None,
    plot: Plot = None,
    kind: Annotated[str, typer.Option(metavar="null|dose|rivals", help="What --plot draws.")] = "null",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """How much more of a target stands around the seeds than in the corpus, in bits, and what chance would give.

    Output: rows {seeds, target, window, density, low, high, null_mean, null_sd, z, p, n_terms, n_found, coverage,
    mean_term_lift, pooled_lift, contexts, hits, share, n_shared, top_term, top_term_part}. density: the mean over the
    seeds that occur of log2 of the target's share among a seed's context tokens over its share in the corpus, rare
    seeds drawn to what the set shows; low and high: a 90 % interval by resampling documents; null_mean to p: sets of
    terms as long and as frequent; top_term: the term of the target with most of the hits. Several targets are compared
    below: rows {target, rival, difference, low, high, …, p}. With --itself, or without --target, the mean NPMI of the
    seeds' pairs, {pairs_seen, pairs_above, conductance, …}. With --json also terms (the dose of each seed),
    target_terms (which make the hits), rivals and nulls. With --against the same numbers there, and the differences.

    Cost: one reading of the tokens for each window, and one more; 50 MB a core, 100 bytes a seed and document.

    Example: cooc density indexes/dolma --seeds birds.txt --target @19th_century_language --target @food
    """
    import cooc

    windows: list[int | str | None] = [*(window or []), *(["document"] if document else [])]
    with shown_progress(quiet) as progress:
        result = cooc.density(
            cooc.open(index), seeds, *(target or []), null=null, seed=seed, window=windows or None, itself=itself,
            where=where, against=against, progress=progress,
        )  # fmt: skip
    if answered(result, as_json=as_json, as_csv=as_csv, plot=plot, kind=kind):
        return
    say(result.provenance.caption())
    say_slices(result)
    for note in result.notes():
        say(note)
    put(result.text(line_width()))
