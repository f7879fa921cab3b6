"""The command that gives an index its suffix array: phrases."""

from __future__ import annotations

from typing import Annotated

import typer

from cooc.cli.make import Directory, option
from cooc.cli.progress import shown_progress
from cooc.cli.show import put, say


def phrases(
    index: Directory,
    check: Annotated[bool, typer.Option("--check", help="Only look at the one that is there.")] = False,
    memory: Annotated[str, typer.Option(metavar="SIZE", help="Memory to stay within.")] = "8GB",
    workers: Annotated[int | None, option("Processes that sort.", default="one a core", metavar="N")] = None,
    scheduler: Annotated[
        str,
        typer.Option(metavar="local|ray[:ADDRESS]", help="Where they run: here, or on a Ray cluster."),
    ] = "local",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
) -> None:
    """Give an index that was built with --no-phrases the suffix array that finds phrases of any length.

    One that is there is looked at: its digest, that its pointers are those of all tokens, and samples of their order
    and of counts. Where it is broken it is made again, of the token store, which must be whole. The index has then the
    bytes of one built with phrases. Stopped at any moment it is whole and without; the same command goes on.

    Output: the path of the index, what was done on standard error. With --check what is wrong, a line each, and exit
    status 1; nothing is written.

    Cost: 2 to 4 bytes of disk a token, and up to 28 more while it sorts where --memory is less than 26 bytes a token.
    cooc verify looks at everything else as well.

    Example: cooc phrases indexes/dolma --memory 16GB
    """
    from cooc.create.added import build_phrases, phrase_faults

    if check:
        found = list(phrase_faults(index))
        put("\n".join(found) if found else f"{index}: the suffix array is sound.")
        if found:
            raise typer.Exit(1)
        return
    with shown_progress(quiet) as progress:
        made = build_phrases(index, memory=memory, workers=workers, scheduler=scheduler, progress=progress)
    if not quiet:
        say("the suffix array was made." if made else "there is a suffix array, and it is sound.")
    put(str(index))
