"""The command that makes outcomes with a matched corpus: lab."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cooc.cli.make import Json
from cooc.cli.progress import PlainLines
from cooc.cli.show import print_json, put, say


class Action(StrEnum):
    """What the lab does."""

    run = "run"
    analyse = "analyse"


def lab(
    action: Annotated[Action, typer.Argument(help="run an experiment, or analyse one that was run.")],
    place: Annotated[
        Path, typer.Argument(metavar="RECIPE|DIR", help="To run: a recipe. To analyse: an experiment's directory.")
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The experiment's directory.", show_default=False)
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the recipe's files are, if not beside it.", show_default=False),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing while it runs.")] = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw arms and sets, as .png, .svg or .pdf.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a small model on an indexed corpus, finetune it narrowly, and ask whether density predicts where it moves.

    run makes everything that a recipe says: corpus, index, base model, sets of terms, the registration of the analysis
    and, after it, the finetunes. Stopped, the same command goes on. analyse needs the tables alone, and no PyTorch:
    outcomes.jsonl, densities.jsonl, failures.jsonl, learned.json and the registrations.

    Output: the report in Markdown; with --json the analysis. run writes report.md and analysis.json into the
    directory, and report.html where the extra report is installed.

    Cost: minutes to an hour on one core, as the recipe says; a few million parameters, 2 GB of memory. Needs the extra
    lab (PyTorch).

    Example: cooc lab run benchmarks/lab/found.toml --data data --out lab/found
    """
    from cooc.lab.analyse import analyse_lab
    from cooc.lab.write import text_of

    if action is Action.analyse:
        found = analyse_lab(place)
    else:
        from cooc.lab.recipe import read_recipe
        from cooc.lab.run import run

        if out is None:
            raise typer.BadParameter("name a directory for the experiment.", param_hint="--out")
        lines = PlainLines()
        found = run(read_recipe(place, data), out, (lambda *_: None) if quiet else lines)
        say(f"report: {out / 'report.md'}")
    if plot is not None:
        from cooc.lab.figure import plot_lab

        plot_lab(found).savefig(plot, dpi=110)
        say(f"drawn: {plot}")
    if as_json:
        print_json(found.to_dict())
    else:
        put(text_of(found))
