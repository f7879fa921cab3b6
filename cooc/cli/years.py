"""The command that asks which years stand around terms: years."""

from __future__ import annotations

from typing import Annotated

import typer

from cooc.cli.ask import Where, say_slices
from cooc.cli.make import Csv, Directory, Json, Plot, of_sets
from cooc.cli.show import answered, print_table, say

MOST_SHOWN = 40
"""Rows of terms in the printed summary; --json has all."""


def years(
    index: Directory,
    terms: Annotated[
        list[str],
        of_sets("The terms, one set or several (repeatable)."),
    ],
    window: Annotated[str, typer.Option(metavar="N|document", help="Tokens to either side, or document.")] = "10",
    by: Annotated[str, typer.Option(metavar="year|decade|century", help="What a row is.")] = "decade",
    where: Where = None,
    first: Annotated[int, typer.Option("--from", metavar="YEAR", help="The first year.")] = 1000,
    last: Annotated[int, typer.Option("--to", metavar="YEAR", help="The last year.")] = 2099,
    seed: Annotated[int, typer.Option(help="Of the summary's intervals.")] = 0,
    plot: Plot = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Which four-digit years stand around terms, against the years of the corpus.

    Output: rows {set, level, term, year or decade or century, count, expected, lift, low, high, documents, corpus}:
    for each set (level set) every bin the corpus has, for each of its terms (level term) those that were counted.
    lift is log2 of the share among the years in contexts over that in the corpus; low and high are its 95 % limits,
    documents being the units. And a summary, rows {set, level, term, century, share, low, high, corpus_share, lift,
    years, documents, occurrences}: the share of 17xx to 20xx, its limits by drawing documents with replacement. The
    tables show sets and the 18xx of terms; --json has all. A token of four digits may be a quantity: --from 1500
    leaves many of these out.

    Cost: the suffix array is asked, or the token store read once, for each set; 24 bytes a year met.

    Example: cooc years indexes/dolma --terms birds.txt --window 50 --plot years.svg
    """
    import cooc
    from cooc.clusters.years import years as years_around

    result = years_around(
        cooc.open(index), list(terms), window=window, by=by, where=where, first=first, last=last, seed=seed
    )
    if answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        return
    say(result.provenance.caption())
    say_slices(result)
    summary = result.summary.rows()
    sets = [row for row in summary if row["level"] == "set"]
    shown = ["set", "century", "share", "low", "high", "corpus_share", "lift", "years", "documents"]
    print_table({name: [row[name] for row in sets] for name in shown})
    rows = [row for row in result.rows() if row["level"] == "set" and row["count"]]
    print_table({name: [row[name] for row in rows] for name in ("set", by, "count", "expected", "lift", "low", "high")})
    terms_shown = [row for row in summary if row["level"] == "term" and row["century"] == "18xx" and row["years"]]
    terms_shown.sort(key=lambda row: -int(row["years"] or 0))
    if terms_shown:
        shown = ["set", "term", "share", "low", "high", "years", "documents", "occurrences"]
        say("18xx around each term, those with most years first")
        print_table({name: [row[name] for row in terms_shown[:MOST_SHOWN]] for name in shown})
        if len(terms_shown) > MOST_SHOWN:
            say(f"{len(terms_shown) - MOST_SHOWN:,} more terms in --json")
