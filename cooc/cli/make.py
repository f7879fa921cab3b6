"""The commands that make an index or check one: build, verify, merge, demo."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cooc.cli import complete
from cooc.cli.progress import in_bytes, shown_progress
from cooc.cli.show import printed, put, say

if TYPE_CHECKING:
    from cooc.index.reader import Index

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="An index.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print the rows as CSV, with all columns, instead.")]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", help="Draw it, as .png, .svg or .pdf.", show_default=False),
]


def option(help_text: str, *names: str, default: str = "", metavar: str | None = None) -> Any:
    """An option that is None unless given, so that a recipe's value isn't overridden by a default."""
    shown = f" [{default}]" if default else ""
    return typer.Option(*names, help=help_text + shown, show_default=False, metavar=metavar)


def of_sets(help_text: str, default: str = "", metavar: str = "FILE|@NAME") -> Any:
    """An option that takes term sets: files, or lexicons as @NAME, which the shell completes."""
    return typer.Option(metavar=metavar, help=help_text, show_default=default or False, autocompletion=complete.sets)


def build(
    source: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Files, globs, folders, URLs; or one recipe .toml.", show_default=False),
    ],
    out: Annotated[Path | None, option("Directory of the index.", metavar="DIR")] = None,
    text_field: Annotated[str | None, option("Field of the text.", default="text", metavar="NAME")] = None,
    id_field: Annotated[
        str | None,
        option(
            "Field of the document's id; a document without it is an error.",
            metavar="NAME",
            default="id, if there",
        ),
    ] = None,
    meta_field: Annotated[
        list[str] | None, option("Field to keep with each document (repeatable).", metavar="NAME")
    ] = None,
    text_documents: Annotated[
        str | None,
        option("A document of a plain text: the file, or each line.", default="file", metavar="file|line"),
    ] = None,
    tokenizer: Annotated[
        str | None, option("How text is cut into terms.", default="word", metavar="word|bytes|hf:FILE")
    ] = None,
    keep_case: Annotated[bool | None, option("Tell Bird from bird.", "--keep-case")] = None,
    window: Annotated[
        list[int] | None,
        option("Count pairs up to so many tokens apart (repeatable).", default="10", metavar="N"),
    ] = None,
    direction: Annotated[
        str | None,
        option("The side of a term its window is on.", default="symmetric", metavar="symmetric|right|left"),
    ] = None,
    weighting: Annotated[
        str | None,
        option("What a pair at distance d counts: 1, or 1/d.", default="uniform", metavar="uniform|harmonic"),
    ] = None,
    ngrams: Annotated[int | None, option("Highest order of n-grams, 1 to 5.", default="3", metavar="N")] = None,
    min_count: Annotated[
        int | None,
        option("Least occurrences of an n-gram (of 2 and more) that is kept.", default="5", metavar="N"),
    ] = None,
    min_pair_count: Annotated[
        int | None, option("Least count of a pair that is kept.", default="1", metavar="N")
    ] = None,
    max_terms: Annotated[
        int | None,
        option(
            "Only the so many most frequent terms get pair rows; the others keep their positions.",
            default="all",
            metavar="N",
        ),
    ] = None,
    terms: Annotated[
        list[str] | None,
        option(
            "Terms that always get pair rows, phrases too, and a window of whole documents (repeatable).",
            metavar="FILE",
        ),
    ] = None,
    dedup: Annotated[
        float | None,
        option(
            "Leave out documents that are near-duplicates of an earlier one, from this similarity on.",
            default="off",
            metavar="0.8",
        ),
    ] = None,
    phrases: Annotated[
        bool | None,
        typer.Option("--phrases/--no-phrases", help="Find phrases of any length. [--phrases]", show_default=False),
    ] = None,
    memory: Annotated[
        str | None, option("Memory that all processes together stay within.", default="8GB", metavar="SIZE")
    ] = None,
    workers: Annotated[int | None, option("Processes that count.", default="one a core", metavar="N")] = None,
    scheduler: Annotated[
        str | None,
        option("Where they run: here, or on a Ray cluster.", default="local", metavar="local|ray[:ADDRESS]"),
    ] = None,
    on_bad_line: Annotated[
        str | None, option("What a record that is no document does.", default="fail", metavar="fail|skip")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
) -> None:
    """Count a corpus into an index. The same command goes on where a build was stopped.

    SOURCE is jsonl, parquet, Arrow or plain text, jsonl and text also as .gz or .zst. A recipe is a TOML file
    with a table [build] whose keys are these options with underscores, and "sources"; options given here
    override it.

    Output: the path of the index; a summary on standard error.

    Cost: --memory bounds all processes together, at least 238MB for one worker; what does not fit is spilled. Disk
    about 2 bytes a distinct pair and 2 to 4 bytes a token, and several times that while building. Limits: window
    100,000 (harmonic: 22), 67 million distinct terms.

    Example: cooc build 'dolma/*.json.gz' --out indexes/dolma --window 10 --terms birds.txt
    """
    import cooc

    given = {name: value for name, value in locals_of_build(locals()).items() if value not in (None, [])}
    options = {**recipe_of(source), **given}
    if "out" not in options:
        raise typer.BadParameter("say where the index goes.", param_hint="--out")
    options["meta_fields"] = options.pop("meta_field", ())
    options["terms"] = [Path(name) for name in options.get("terms", [])]
    begun = time.monotonic()
    with shown_progress(quiet) as progress:
        index = cooc.build(options.pop("sources"), options.pop("out"), progress=progress, **options)
    if not quiet:
        summarise(index, time.monotonic() - begun)
    put(str(index.path))


def locals_of_build(values: dict[str, Any]) -> dict[str, Any]:
    """The build's options among the parameters of the command."""
    return {name: value for name, value in values.items() if name not in ("source", "quiet", "cooc")}


def recipe_of(source: list[str]) -> dict[str, Any]:
    """What the sources say: a recipe's options, or that these are the sources."""
    recipes = [name for name in source if name.endswith(".toml")]
    if not recipes:
        return {"sources": source}
    if len(source) > 1:
        raise typer.BadParameter(f"{recipes[0]} is a recipe, which names its sources itself.", param_hint="SOURCE")
    from cooc.cli.recipe import read_recipe

    options = read_recipe(Path(source[0]))
    if not options.get("sources"):
        from cooc.errors import UsageError

        raise UsageError(f'{source[0]}: [build] names no "sources".')
    return options


def summarise(index: Index, seconds: float) -> None:
    """What a build came to."""
    from cooc.cli.about import listed, reasons
    from cooc.create.log import finished

    held = index.manifest
    say(f"{held.documents:,} documents, {held.tokens:,} tokens, {held.terms:,} terms")
    for window in held.windows:
        say(f"window {window.name}: {window.cells:,} distinct pairs")
    for level in held.ngrams:
        say(f"{level.n}-grams: {level.kept:,} with {level.minimum} occurrences or more")
    if skipped := reasons(index, "skipped"):
        say(f"skipped: {skipped} (cooc info says where)")
    if repaired := reasons(index, "repaired"):
        say(f"repaired: {repaired}")
    if held.absent:
        say(f"{len(held.absent):,} of --terms do not occur: {listed(held.absent)}")
    end = finished(index.path)
    peak = f", at most {in_bytes(end['peak_memory'])} of memory" if end.get("peak_memory") else ""
    say(f"{sum(file.bytes for file in held.files):,} bytes, {seconds:,.1f} s{peak}")


def verify(index: Directory, as_json: Json = False, as_csv: Csv = False) -> None:
    """Check every digest of an index, and every law that holds between its arrays.

    Output: a line that it is whole; or a line for each problem, naming the file, and exit status 1. With
    --json an object {index, ok, files, bytes, laws, problems, held}, with --csv rows {problem}.

    Cost: reads every file once; memory for one array at a time. Limits: it can't tell a wrong count that
    breaks no law and has its digest.

    Example: cooc verify indexes/dolma
    """
    import cooc

    report = cooc.verify(index)
    if printed(as_json, as_csv, report.to_dict, lambda: [{"problem": each} for each in report.problems], ["problem"]):
        pass
    elif report.ok:
        held = report.checked
        put(f"{index} is whole: {held['files']:,} files, {held['bytes']:,} bytes, {held['laws']:,} laws hold.")
    else:
        put("\n".join(report.problems))
    if not report.ok:
        raise typer.Exit(1)


def merge(
    index: Annotated[
        list[Path],
        typer.Argument(metavar="DIR", help="Indexes built in the same way.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Directory of the merged index.", show_default=False)],
    phrases: Annotated[bool, typer.Option(help="Find phrases of any length.")] = True,
    memory: Annotated[str, typer.Option(metavar="SIZE", help="Memory to stay within.")] = "8GB",
    workers: Annotated[int | None, option("Processes that count.", default="one a core", metavar="N")] = None,
    scheduler: Annotated[
        str,
        typer.Option(metavar="local|ray[:ADDRESS]", help="Where they run: here, or on a Ray cluster."),
    ] = "local",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary.")] = False,
) -> None:
    """Make one index of several; it equals the index built from all their sources at once.

    Output: the path of the merged index; a summary on standard error. Indexes of different options can't be
    merged: the first difference is named.

    Cost: about as much disk as the indexes together; memory for a part of each.

    Example: cooc merge indexes/a indexes/b --out indexes/ab
    """
    import cooc

    begun = time.monotonic()
    with shown_progress(quiet) as progress:
        merged = cooc.merge(
            index, out, phrases=phrases, memory=memory, workers=workers, scheduler=scheduler, progress=progress
        )
    if not quiet:
        summarise(merged, time.monotonic() - begun)
    put(str(merged.path))


def demo(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Directory of the index.", show_default="indexes/demo")
    ] = None,
) -> None:
    """Show the whole job on real text: old and modern bird names, and two centuries of presidents.

    Output: counts, densities with their nulls, clusters, years and the bridge to published figures, each with the
    command that gives it; the path of the page with all of it; and what to try next. Texts and terms go to DIR-corpus,
    answers to DIR-results, the page to DIR.html.

    Cost: a minute on two cores, half a gigabyte of memory, 130 MB of disk. Needs the extra: pip install "cooc[demo]".

    Example: cooc demo --out indexes/demo
    """
    from cooc.demo.run import main

    main(out, lambda: shown_progress(quiet=False))
