"""The command that makes a page of results: report."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cooc.cli.make import of_sets, option
from cooc.cli.progress import shown_progress
from cooc.cli.show import put, say

if TYPE_CHECKING:
    from cooc.index.reader import Index
    from cooc.page.whole import Asked


def report(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="DIR|FILE.json", help="Indexes, and results saved with --json.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.html", help="Write the page there.", show_default=False)],
    seeds: Annotated[str | None, of_sets("The seed terms.")] = None,
    target: Annotated[list[str] | None, of_sets("Densities are towards it (repeatable: rivals).")] = None,
    clues: Annotated[str | None, of_sets("Clues, to be weighed for the candidates.")] = None,
    candidates: Annotated[str | None, of_sets("Whom the clues may point to.", metavar="FILE")] = None,
    pool: Annotated[str | None, of_sets("All that a curator could choose.")] = None,
    selected: Annotated[list[str] | None, of_sets("What a curator chose of the pool (repeatable).")] = None,
    outcomes: Annotated[
        str | None,
        typer.Option(metavar="FILE|@published", help="Outcomes to join to the densities.", show_default=False),
    ] = None,
    null: Annotated[int, typer.Option(metavar="N", help="Matched sets for the densities.")] = 1000,
    window: Annotated[
        list[int] | None,
        option("Contexts up to so many tokens away (repeatable).", default="the index's first", metavar="N"),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of all that is drawn at random.")] = 0,
    title: Annotated[str | None, option("Of the page.", default="the seeds and the indexes", metavar="TEXT")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """One HTML page with everything cooc says of some terms, to open from disk and to send to a colleague.

    With --seeds: densities towards each --target against their nulls, the dose of each seed, clusters as a graph to
    move, filter and read, years, and lines of the corpus; and what --clues, --pool and --outcomes ask. Results saved
    with --json become sections, too; an index beside them gives their terms lines to read. An index alone: its
    n-grams.

    Output: the path of the page, one file of 1 to 5 MB that asks nothing of the network. It holds every table as
    CSV, and for every figure the command and the code that make it again.

    Cost: that of density, cluster, years and kwic, and ten seconds for the page. Needs the extra:
    pip install "cooc[report]".

    Example: cooc report indexes/dolma --seeds birds.txt --target @19th_century --target @food --out birds.html
    """
    from cooc.errors import UsageError
    from cooc.page.whole import Asked

    asked = Asked(
        seeds, target or (), clues, candidates, pool, selected or (), outcomes, window or (), null, seed
    )  # fmt: skip
    asked.check()
    folders = [each for each in sources if each.suffix != ".json"]
    if not folders and asked.sets:
        raise UsageError("seeds and targets are asked of an index: name one, or leave them out.")
    _made(out, sources, folders, asked, title, quiet)


def _made(out: Path, sources: list[Path], folders: list[Path], asked: Asked, title: str | None, quiet: bool) -> None:
    import cooc
    from cooc.page.figures import library

    library()  # an extra that is missing is told before the work, not behind it
    indexes = [cooc.open(each) for each in folders]
    saved: list[Any] = [each for each in sources if each.suffix == ".json"]
    found, notes = _answers(indexes, asked, quiet) if asked.sets or asked.files or not saved else ([], [])
    page = cooc.report(
        out, [*found, *saved], title=title, index=indexes, sets=asked.sets, files=asked.files, notes=notes,
        command=shlex.join(["cooc", *sys.argv[1:]]) if Path(sys.argv[0]).stem == "cooc" else None,
    )  # fmt: skip
    put(str(page))


def _answers(indexes: list[Index], asked: Asked, quiet: bool) -> tuple[list[Any], list[str]]:
    """What the indexes answer, and notes, which are told here as well."""
    from cooc.page.whole import ask_all

    results: list[Any] = []
    notes: list[str] = []
    for index in indexes:
        with shown_progress(quiet) as progress:
            answers = ask_all(index, asked, progress)
        results += answers.results
        notes += [f"{index.name}: {note}" for note in answers.notes]
    for note in notes:
        say(note)
    return results, notes
