"""The command that asks what stands around a phrase within any window: contexts."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cooc.cli.ask import Against, Alpha, Confidence, Discount, RankedBy, Shift, Top, Where, given, say_slices
from cooc.cli.make import Csv, Directory, Json, Plot
from cooc.cli.show import answered, print_ranking, print_table, say


def contexts(
    index: Directory,
    phrase: Annotated[list[str], typer.Argument(metavar="PHRASE", help="A word or a phrase.", show_default=False)],
    window: Annotated[
        str | None,
        typer.Option(
            metavar="N|document", help="Tokens to either side, or document.", show_default="the index's first"
        ),
    ] = None,
    direction: Annotated[
        str | None, typer.Option(metavar="symmetric|right|left", help="Sides counted.", show_default="as it was built")
    ] = None,
    weighting: Annotated[
        str | None, typer.Option(metavar="uniform|harmonic", help="1 or 1/distance.", show_default="as it was built")
    ] = None,
    measure: RankedBy = None,
    top: Top = 20,
    min_count: Annotated[float, typer.Option(metavar="N", help="Least count.")] = 5,
    where: Where = None,
    against: Against = None,
    most: Annotated[
        int, typer.Option(metavar="N", help="Occurrences looked at; of more a uniform sample. 0: all.")
    ] = 1_000_000,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    confidence: Confidence = None,
    alpha: Alpha = None,
    k: Shift = None,
    discount: Discount = None,
    plot: Plot = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """What stands around phrases of any length, within any window, more often than by chance.

    Phrases need no row of pairs: they are found in the suffix array. Counts, expected counts, marginals and documents
    are exact and follow the rules of the pair index; in its windows they are its numbers. Every term is a context,
    also one that --max-terms left without a row.

    Output: rows {of, term, count, documents (distinct), expected, and every measure}, a ranking for each PHRASE; the
    table shows some measures, --json all, and "phrases": {phrase, occurrences, documents, sampled, contexts, note}.
    Of a phrase with more than --most occurrences a uniform sample is looked at: count is then an unbiased estimate,
    low and high its limits, sampled the occurrences looked at, and documents null. With --where in the matching
    documents alone; with --against rows {of, term, count, count_against, …, log_odds, standard_error, z}, as
    cooc neighbors.

    Cost: a few seconds for a million occurrences at most. The first question in a window that the index has not
    counted reads the token store once for the marginals, about a second for ten million tokens and core.

    Example: cooc contexts indexes/dolma "black-throated diver" --window 50
    """
    import cooc

    parameters: dict[str, Any] = given(confidence=confidence, alpha=alpha, k=k, discount=discount)
    result = cooc.contexts(
        cooc.open(index), phrase, window=window, direction=direction, weighting=weighting, measure=measure, top=top,
        min_count=int(min_count) if min_count.is_integer() else min_count, where=where, against=against,
        most=most or None, seed=seed, **parameters,
    )  # fmt: skip
    if answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        return
    say_slices(result)
    for row in result.phrases:
        if row["note"]:
            say(f"{row['phrase']}: {row['note']}")
    rows = result.rows()
    if against is None:
        print_ranking(result)
        return
    say(result.provenance.caption())
    shown = [name for name in result.columns if name not in ("expected", "expected_against")]
    print_table({name: [row[name] for row in rows] for name in shown})
