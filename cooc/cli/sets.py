"""The commands about target lists: lexicons shows those that come with cooc, derive takes one from a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cooc.cli import complete
from cooc.cli.make import Csv, Directory, Json, Plot, of_sets
from cooc.cli.show import answered, print_table, printed, put, say


def lexicons(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show its terms.", show_default=False,
                                               autocompletion=complete.lexicon_names)] = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """The target lists that come with cooc, or one of them with its terms.

    Other commands take them as @NAME: --target @19th_century. Each says how it was chosen and what it leaves out.

    Output: rows {name, terms, note}; with NAME its note and its terms, one a line; with --json an object {name,
    terms, note, source} or a list of them, with --csv the rows or the terms.

    Cost: reads a few small files.

    Example: cooc lexicons 19th_century_things
    """
    from cooc.clusters.lexicon import lexicon
    from cooc.clusters.lexicon import lexicons as names

    if name is not None:
        found = lexicon(name)
        if not printed(as_json, as_csv, found.to_dict, lambda: [{"term": term} for term in found]):
            say(f"{found.name}: {found.note}")
            put("\n".join(found))
        return
    every = [lexicon(each) for each in names()]
    rows = [{"name": each.name, "terms": len(each), "note": each.note} for each in every]
    if not printed(as_json, as_csv, lambda: [each.to_dict() for each in every], lambda: rows):
        print_table({
            "name": [each.name for each in every], "terms": [len(each) for each in every],
            "first terms": [", ".join(each.terms[:4]) for each in every],
        })  # fmt: skip


def derive(
    index: Directory,
    where: Annotated[str, typer.Option(metavar="EXPR", help="The documents that are typical.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Write the terms as a target.", show_default=False)
    ] = None,
    against: Annotated[str, typer.Option(metavar="EXPR", help="Those they are compared with; rest for all.")] = "rest",
    held_out: Annotated[
        list[str] | None,
        of_sets("Seeds: documents that hold one don't vote."),
    ] = None,
    measure: Annotated[str, typer.Option(metavar="g2|log_ratio", help="What to rank by.")] = "g2",
    top: Annotated[int, typer.Option(metavar="N", help="Terms.")] = 100,
    longest: Annotated[int, typer.Option(metavar="N", help="Words of a term, at most.")] = 1,
    min_count: Annotated[int, typer.Option(metavar="N", help="Least occurrences in --where.")] = 20,
    min_documents: Annotated[int, typer.Option(metavar="N", help="Least documents in --where.")] = 5,
    min_log_ratio: Annotated[float, typer.Option(metavar="BITS", help="Least lower limit of log_ratio.")] = 2.0,
    numbers: Annotated[bool, typer.Option("--numbers", help="Words with digits, too.")] = False,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of the set.", show_default="the slices")] = None,
    plot: Plot = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Take a target list from a corpus: the terms that set some documents apart from others.

    Output: rows {term, g2, log_ratio, low, high, count, count_against, documents, documents_against, per_million,
    per_million_against, largest_share}, ranked. log_ratio is the binary logarithm of the ratio of the two rates, ½
    added to each count; its 95 % interval takes documents as the units, so that a word of one document is not
    typical. largest_share: of the occurrences those in one document. --out keeps the terms, with a note of how they
    came about. With --held-out documents that hold a seed have no vote, and no word of a seed is chosen. Slices of
    two genres differ by genre first: compare novels with novels.

    Cost: two readings of the documents, tens of millions of tokens a second and core; 48 bytes a term and n-gram.

    Example: cooc derive indexes/dolma --where "year < 1900" --held-out birds.txt --out century.toml
    """
    import cooc
    from cooc.clusters.derive import derive as derived

    result = derived(
        cooc.open(index), where=where, against=against, held_out=held_out or None, measure=measure, top=top,
        longest=longest, min_count=min_count, min_documents=min_documents, min_log_ratio=min_log_ratio,
        numbers=numbers, name=name,
    )  # fmt: skip
    if out is not None:
        result.write(out)
    if answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        return
    say(result.provenance.caption())
    for note in result.provenance.notes:
        say(note)
    print_table({key: [row[key] for row in result.rows()] for key in list(result.columns)[:8]})
    if out is not None:
        say(f"{len(result):,} terms: {out}")
