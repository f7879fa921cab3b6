"""The command that asks what clues say together: constellation."""

from __future__ import annotations

from typing import Annotated

import typer

from cooc.cli.ask import Window
from cooc.cli.make import Csv, Directory, Json, Plot, of_sets
from cooc.cli.progress import shown_progress
from cooc.cli.show import answered, print_table, say

SHOWN = ("candidate", "documents", "prior", "posterior", "log_odds", "null_mean", "z", "p", "rank", "half")
CLUES = ("candidate", "posterior", "low", "p", "flag", "naming", "terms", "too_rare")


def constellation(
    index: Directory,
    clues: Annotated[
        str,
        of_sets("Facts (.jsonl), named clues (.toml, .json), or terms (.txt)."),
    ],
    candidates: Annotated[
        str,
        typer.Option(metavar="FILE", help="Named sets of the names each goes by, or a name a line.",
                     show_default=False),
    ],
    window: Window = None,
    orders: Annotated[int, typer.Option(metavar="N", help="Random orders of the clues.")] = 200,
    null: Annotated[int, typer.Option(metavar="N", help="Sets of matched clues to compare with; 0 for none.")] = 999,
    min_count: Annotated[int, typer.Option(metavar="N", help="Least occurrences of a word of a fact.")] = 2,
    confidence: Annotated[float, typer.Option(help="Of the interval of each clue.")] = 0.9,
    seed: Annotated[int, typer.Option(metavar="N", help="Of what is drawn at random.")] = 0,
    plot: Plot = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:  # fmt: skip
    """Which of several candidates clues point to, alone and all together, and how many it takes.

    A fact, a line of a chat file, is asked by its key terms: the three rarest words or fixed phrases of its question
    and answer. Words that the corpus lacks are listed as too_rare: of those it can say nothing.

    Output: rows {candidate, names, names_found, documents, prior, posterior, log_odds, null_mean, null_sd, z, p, rank,
    half, n_clues}, the likeliest first. prior: the share of those documents that name a candidate around a term like
    the clues; posterior, log_odds (bits, against all others): naive Bayes of all clues; z and p: against matched
    clues; half: clues until the posterior is one half, in half of the orders. Then a row a clue {clue, terms,
    too_rare, documents, naming, candidate, posterior, low, high, weight, p, second, flag}: flag says "individually
    identifying" where the lower limit of the posterior after this clue alone is at least one half. With --json an
    object {rows, clues, curve}.

    Cost: four readings of the token store, tens of millions of tokens a second and core.

    Example: cooc constellation indexes/dolma --clues facts.jsonl --candidates persons.toml
    """
    import cooc

    with shown_progress(quiet) as progress:
        result = cooc.constellation(
            cooc.open(index), clues, candidates, window=window, orders=orders, null=null, min_count=min_count,
            confidence=confidence, seed=seed, progress=progress,
        )  # fmt: skip
    if answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        return
    say(result.provenance.caption())
    print_table({name: [row[name] for row in result.rows()] for name in SHOWN})
    print()
    rows = sorted(result.clues.rows(), key=lambda row: -float(row["posterior"] or 0))
    print_table({name: [row[name] for row in rows] for name in CLUES})
