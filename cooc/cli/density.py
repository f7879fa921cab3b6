"""The command `cooc density`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cooc.cli.ask import Against, Where, say_slices
from cooc.cli.make import Directory, Json
from cooc.cli.show import print_json, put


def density(
    index: Directory,
    seeds: Annotated[str, typer.Option(metavar="FILE|@LEXICON", help="The seed terms.", show_default=False)],
    target: Annotated[
        list[str], typer.Option(metavar="FILE|@LEXICON", help="A target, repeatable: rivals on one scale.")
    ],
    null: Annotated[int, typer.Option(metavar="N", help="Sets matched with the seeds in length and frequency.")] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", help="Of all that is drawn.")] = 0,
    window: Annotated[
        list[str] | None,
        typer.Option(metavar="N|document", help="Tokens to either side, repeatable.", show_default="the index's first"),
    ] = None,
    where: Where = None,
    against: Against = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A figure: png, svg or pdf.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """How much more of each target stands around the seeds than in the corpus, and what chance would give.

    Output: a row {seeds, target, window, density, low, high, null_mean, null_sd, z, p, n_terms, n_found, …} for each
    target and window. density is the mean, over the seeds that occur, of log2 (share of the target among a seed's
    context tokens / its share in the corpus), shrunk; low and high are a 90 % interval by resampling documents; z and
    p compare with sets of terms that are as long and as frequent. Below it a row for each pair of targets. With --json
    also "terms", the dose of each seed, and "nulls".

    Cost: reads the token store twice for each window; memory for the seeds' rows and 50 MB a core.

    Example: cooc density indexes/dolma --seeds birds.txt --target @19th_century_language --target @modern_language
    """
    import cooc

    result = cooc.density(
        cooc.open(index), seeds, *target, null=null, seed=seed, window=window, where=where, against=against
    )
    if plot is not None:
        result.plot().savefig(plot)
    if as_json:
        print_json(result.to_dict())
        return
    say_slices(result)
    put(result.text())
