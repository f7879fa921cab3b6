"""The command that asks whether a curator chose by what stands around the terms: curation."""

from __future__ import annotations

from typing import Annotated

import typer

from cooc.cli.ask import Window
from cooc.cli.make import Csv, Directory, Json, Plot, of_sets
from cooc.cli.progress import shown_progress
from cooc.cli.show import answered, print_table, say

SHOWN = ("curator", "target", "n_chosen", "n_matched", "auc", "low", "high", "p_auc", "difference", "p")


def curation(
    index: Directory,
    pool: Annotated[str, of_sets("All that could be chosen.")],
    selected: Annotated[
        list[str], typer.Option(metavar="FILE", help="What a curator chose (repeatable).", show_default=False)
    ],
    target: Annotated[
        list[str], of_sets("Lifts are towards it (repeatable).")
    ],
    window: Window = None,
    strata: Annotated[int, typer.Option(metavar="N", help="Classes of frequency, at most.")] = 5,
    permutations: Annotated[int, typer.Option(metavar="N", help="Of who was chosen, for p.")] = 9_999,
    confidence: Annotated[float, typer.Option(help="Of the intervals.")] = 0.9,
    seed: Annotated[int, typer.Option(metavar="N", help="Of what is drawn at random.")] = 0,
    items: Annotated[int, typer.Option(metavar="N", help="Items to show, those of the largest lift first.")] = 20,
    plot: Plot = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Whether curators chose from a pool what leans towards a target, at equal frequency.

    Output: rows {curator, target, n_pool, n_chosen, n_outside, found_chosen, found_rejected, n_matched, auc, low, high,
    p_auc, difference, difference_low, difference_high, p, p_least, auc_unmatched, difference_unmatched,
    log_frequency_difference}. auc: of the pairs of a chosen and a rejected item in one class of frequency, how many
    chosen ones lean more than their own contexts would let expect (0.5: no difference); difference: of the mean lifts,
    in bits, with p; p_auc and p: by permutation within the classes, two-sided, p_least the smallest there can be. Then
    the items {item, target, occurrences, documents, lift, low, high, stratum, n_curators, chosen_by}. With --json an
    object {rows, items}.

    Cost: three readings of the token store, tens of millions of tokens a second and core.

    Example: cooc curation indexes/dolma --pool names.txt --selected chosen.txt --target @19th_century
    """
    import cooc

    with shown_progress(quiet) as progress:
        result = cooc.curation(
            cooc.open(index), pool, selected, target, window=window, strata=strata, permutations=permutations,
            confidence=confidence, seed=seed, progress=progress,
        )  # fmt: skip
    if answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        return
    say(result.provenance.caption())
    print_table({name: [row[name] for row in result.rows()] for name in SHOWN})
    known = [row for row in result.items.rows() if row["lift"] is not None]
    rows = sorted(known, key=lambda row: -float(row["lift"] or 0))
    if items > 0:
        print()
        print_table({name: [row[name] for row in rows[:items]] for name in result.items.columns})
