"""The commands in the order of `cooc --help`, and what they do about errors.

A command imports what it needs when it runs, so that help comes at once.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from cooc.cli import ask, foreign, make, sets
from cooc.cli import audit as audits
from cooc.cli import bridge as bridges
from cooc.cli import cluster as clustered
from cooc.cli import constellation as constellations
from cooc.cli import contexts as surroundings
from cooc.cli import curation as curations
from cooc.cli import density as densities
from cooc.cli import design as designs
from cooc.cli import kwic as concordance
from cooc.cli import lab as laboratory
from cooc.cli import phrases as suffixes
from cooc.cli import report as reports
from cooc.cli import scan as seeded
from cooc.cli import years as yearly
from cooc.cli.sections import Sections
from cooc.cli.show import check_figure, say

app = typer.Typer(
    cls=Sections, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)  # fmt: skip


@app.callback(invoke_without_command=True)
def cooc(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    """What a corpus says together: count it once, keep the counts, and ask.

    Tables go to standard output, notes and progress to standard error. Commands that print a table take
    --json and --csv and then print one document and nothing else, --plot FILE where they can be drawn. Exit
    status: 0, or 1 for an error, 2 for bad usage, 130 for Ctrl-C. Colours only on a terminal, none with NO_COLOR.

    A first answer: cooc build texts.jsonl --out indexes/mine, then cooc neighbors indexes/mine telegraph.
    """
    if version:
        from cooc import __version__

        typer.echo(f"cooc {__version__}")
        raise typer.Exit


def guarded(function: Callable[..., None]) -> Callable[..., None]:
    """The command with errors of ours as one line, a closed pipe as no error, and Ctrl-C as 130."""

    @functools.wraps(function)
    def command(*args: Any, **options: Any) -> None:
        from cooc.errors import CoocError

        try:
            for stream in (sys.stdout, sys.stderr):
                stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
            check_outputs(options)
            function(*args, **options)
        except CoocError as error:
            say(f"cooc: {error}")
            raise typer.Exit(1) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from None
        except KeyboardInterrupt:
            hint = "; run the same command again to go on" if function is make.build else ""
            say(f"cooc: interrupted{hint}.")
            raise typer.Exit(130) from None

    return command


def check_outputs(options: dict[str, Any]) -> None:
    """Two documents on one standard output, or a figure that can't be written, are refused before the work."""
    if options.get("as_json") and options.get("as_csv"):
        raise typer.BadParameter("one of --json and --csv, not both.", param_hint="--csv")
    if isinstance(options.get("plot"), Path):
        check_figure(options["plot"])


for name, function in (
    ("build", make.build), ("info", ask.info), ("verify", make.verify), ("merge", make.merge),
    ("phrases", suffixes.phrases),
    ("count", ask.count), ("pair", ask.pair), ("neighbors", ask.neighbors), ("ngrams", ask.ngrams),
    ("contexts", surroundings.contexts), ("kwic", concordance.kwic),
    ("open-infini-gram", foreign.open_infini_gram),
    ("audit", audits.audit), ("years", yearly.years), ("lexicons", sets.lexicons), ("derive", sets.derive),
    ("bridge", bridges.bridge), ("design", designs.design),
    ("density", densities.density),
    ("cluster", clustered.cluster), ("constellation", constellations.constellation),
    ("curation", curations.curation),
    ("report", reports.report), ("lab", laboratory.lab),
    ("export", ask.export), ("scan", seeded.scan), ("demo", make.demo),
):  # fmt: skip
    app.command(name)(guarded(function))
