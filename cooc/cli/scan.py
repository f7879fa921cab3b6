"""The command that counts around a list of terms without an index of all pairs: scan."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cooc.cli.make import Csv, Json, Plot, option
from cooc.cli.progress import shown_progress
from cooc.cli.show import answered, put, say

if TYPE_CHECKING:
    from cooc.seeds.result import ScanResult


def scan(
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE", help="Indexes; or files, globs, folders, URLs; with --merge scans.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE.parquet", help="The cells; two tables lie beside it.", show_default=False)
    ],
    terms: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="The terms, words and phrases (repeatable).", show_default=False),
    ] = None,
    window: Annotated[
        list[int] | None,
        option("Count contexts up to so many tokens apart (repeatable).", default="10", metavar="N"),
    ] = None,
    document: Annotated[bool, typer.Option("--document", help="Count contexts in whole documents, too.")] = False,
    direction: Annotated[
        str | None,
        option("The side of a term its window is on.", default="symmetric", metavar="symmetric|right|left"),
    ] = None,
    weighting: Annotated[
        str | None,
        option("What a context at distance d counts: 1, or 1/d.", default="uniform", metavar="uniform|harmonic"),
    ] = None,
    where: Annotated[
        str | None, option("Only documents of the indexes whose metadata fit.", metavar="EXPRESSION")
    ] = None,
    text_field: Annotated[str | None, option("Field of the text.", default="text", metavar="NAME")] = None,
    text_documents: Annotated[
        str | None,
        option("A document of a plain text: the file, or each line.", default="file", metavar="file|line"),
    ] = None,
    tokenizer: Annotated[
        str | None, option("How text is cut into terms.", default="word", metavar="word|bytes|hf:FILE")
    ] = None,
    keep_case: Annotated[bool | None, option("Tell Bird from bird.", "--keep-case")] = None,
    merge: Annotated[bool, typer.Option("--merge", help="Add up scans of the same terms.")] = False,
    memory: Annotated[str | None, option("Memory for what is counted.", default="8GB", metavar="SIZE")] = None,
    workers: Annotated[int | None, option("Threads.", default="one a core", metavar="N")] = None,
    on_bad_line: Annotated[
        str | None, option("What a record that is no document does.", default="fail", metavar="fail|skip")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
    plot: Plot = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Count what stands around ten or ten thousand terms, in one pass and without a pair index.

    Each term's row is the one that an index built with --terms has. Terms that are the same words are one row;
    a term that never occurs has 0. With --merge, SOURCE are scans of the same terms in other sources.

    Output: the path of the cells: term, context, and for each window W count_W and documents_W (the distinct
    documents with such a pair), sorted; a summary on standard error. Beside FILE.parquet lie FILE.terms.parquet
    (occurrences, documents, and contexts_W = R1 of each term) and FILE.words.parquet (the same of each word of
    the corpus; contexts_W = C1); N is in the metadata under "cooc.scan". Harmonic counts are in units of
    1/lcm(1, …, W). With --json an object {path, scan, rows}, a row for each term.

    Cost: one reading, tens of millions of tokens a second and core from an index, as fast as text is tokenised
    from text. --memory holds the cells; more go to the disk beside FILE. The words come on top: about 150 bytes a
    distinct word and thread from text, 30 from an index. --document costs the more, the more terms a document holds.

    Example: cooc scan 'dolma/*.json.gz' --terms birds.txt --out birds.parquet
    """
    import cooc

    begun = time.monotonic()
    if merge:
        result = cooc.merge_scans(list(source), out, **_given(memory=memory))
    else:
        if not terms:
            raise typer.BadParameter("name a file of terms.", param_hint="--terms")
        options = _given(
            direction=direction, weighting=weighting, where=where, text_field=text_field, tokenizer=tokenizer,
            text_documents=text_documents, keep_case=keep_case, memory=memory, workers=workers, on_bad_line=on_bad_line,
        )  # fmt: skip
        windows = window or ([] if document else [10])
        with shown_progress(quiet) as progress:
            result = cooc.scan(
                list(source), terms, out, window=windows, document=document, progress=progress, **options
            )
    if not quiet:
        summarise(result, time.monotonic() - begun)
    if not answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        put(str(result.path))


def _given(**options: object) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def summarise(result: ScanResult, seconds: float) -> None:
    """What a scan came to."""
    from cooc.cli.about import listed

    held = result.record
    say(f"{held.documents:,} documents, {held.tokens:,} tokens, {held.words:,} distinct words")
    say(f"{held.terms:,} terms, {held.cells:,} cells in the windows {', '.join(result.windows)}")
    for term, given in list(result.duplicates.items())[:5]:
        say(f'"{term}" was given {len(given)} times: {listed(given)}')
    if more := max(0, len(result.duplicates) - 5):
        say(f"{more:,} more terms were given several times")
    never = [row["term"] for row in result.rows() if row["occurrences"] == 0]
    if never:
        say(f"{len(never):,} of the terms do not occur: {listed(never)}")
    skipped = sum(count for source in held.sources for count in source.skipped.values())
    if skipped:
        say(f"skipped: {skipped:,} records")
    say(f"{seconds:,.1f} s")
