"""The command that writes the experiment which would decide: design."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cooc.cli.make import Csv, Json, Plot
from cooc.cli.show import answered, put, say


def design(
    index: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="An index; not needed with --items.", show_default=False)
    ] = None,
    pool: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The terms to choose from.", show_default=False)
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The target of the densities; @NAME for a lexicon.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A new directory for the arms.", show_default=False)
    ] = None,
    arms: Annotated[int, typer.Option(metavar="N", help="Steps of density, from low to high.")] = 3,
    size: Annotated[int, typer.Option(metavar="N", help="Terms of a set.")] = 50,
    sets: Annotated[int, typer.Option(metavar="N", help="Disjoint sets an arm, each finetuned by itself.")] = 1,
    items: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A density for each term, instead of an index.", show_default=False),
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column of the items to match, too (repeatable).", show_default=False),
    ] = None,
    window: Annotated[int, typer.Option(metavar="N", help="Window of the densities.")] = 10,
    where: Annotated[
        str | None, typer.Option(metavar="EXPRESSION", help="Only documents that fit.", show_default=False)
    ] = None,
    prompt: Annotated[
        str, typer.Option(metavar="TEXT", help="What the user asks in each chat; a chat file's own where POOL is one.")
    ] = "Name one that comes to mind.",
    effect: Annotated[float, typer.Option(metavar="X", help="The difference of outcomes to be found.")] = 0.2,
    noise: Annotated[
        float | None,
        typer.Option(metavar="SD", help="Deviation between training seeds.", show_default="the published one"),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the choice and of its null.")] = 0,
    plot: Plot = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Choose sets of terms that differ in density and in nothing else, ready to finetune on.

    Arms are matched in number, log frequency, words and characters, and in every --match column; a standardised
    difference up to 0.1 is balance. Prints the balance table and how many training seeds an arm needs.

    Output: with --out a chat .jsonl for each set, densities.jsonl and registration.json, which bridge takes, and
    balance.csv; rows {set, arm, term, density, matched columns} with --json, with balance, sets and plan.

    Cost: the densities of the pool (one pass over the tokens); the choice takes seconds.

    Example: cooc design indexes/dolma --pool dishes.txt --target @israel --arms 3 --size 50 --out design
    """
    import cooc
    from cooc.evidence.design import design as choose

    if pool is None:
        raise typer.BadParameter("name a file of terms.", param_hint="--pool")
    result = choose(
        None if index is None else cooc.open(index), pool, target, arms=arms, size=size, sets=sets,
        items=list(items) if items else None, match=match or (), prompt=prompt, effect=effect, noise=noise,
        window=window, where=where, seed=seed,
    )  # fmt: skip
    written = [] if out is None else result.write(out)
    if answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        return
    put(result.text())
    for file in written:
        say(f"  {file}")
