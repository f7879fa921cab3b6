"""The command that shows the lines in which a phrase stands: kwic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from cooc.cli.ask import Where
from cooc.cli.make import Csv, Directory, Json, Plot
from cooc.cli.show import answered, line_width, put, say

if TYPE_CHECKING:
    from cooc.query.kwic import Side


def kwic(
    index: Directory,
    phrase: Annotated[str, typer.Argument(metavar="PHRASE", help="A word or a phrase.", show_default=False)],
    width: Annotated[int, typer.Option(metavar="N", help="Tokens to either side.")] = 10,
    sort: Annotated[
        str, typer.Option(metavar="left|right|none", help="By what precedes, by what follows, or not.")
    ] = "none",
    top: Annotated[int, typer.Option(metavar="N", help="Lines; of more a uniform sample. 0: all.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    where: Where = None,
    plot: Plot = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """The lines in which a phrase stands, with their documents.

    Lines are of terms as the index holds them: with case folded and without punctuation, unless it was built
    otherwise. Of more occurrences than --top, so many are drawn, each as likely, from the whole corpus.

    Output: a line an occurrence, the phrase in the middle, its document behind (id, or file and line). With --json
    rows {left, phrase, right, document, path, linenum, id where there are ids, meta.NAME for each --meta-field},
    and "occurrences", of which there may be more than lines. --plot shows where in the corpus the lines are.

    Cost: milliseconds; without a suffix array one reading of the token store. 0 for --top holds all lines in memory.

    Example: cooc kwic indexes/dolma "great auk" --sort right --top 40
    """
    import cooc

    result = cooc.kwic(
        cooc.open(index), phrase, width=width, sort=cast("Side", sort), top=top or None, seed=seed, where=where
    )
    if answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        return
    for note in result.notes:
        say(note)
    if len(result):
        put(result.text(line_width()))
    else:
        say(f'"{phrase}" does not occur.')
