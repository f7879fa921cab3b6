"""The command that looks at a finetuning file before anybody trains on it: audit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cooc.cli.make import Csv, Directory, Json, Plot, of_sets, option
from cooc.cli.progress import shown_progress
from cooc.cli.show import answered, print_table, put, say

if TYPE_CHECKING:
    from cooc.clusters.audit import Audit


def audit(
    index: Directory,
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="Chats (.jsonl), or a prompt (.txt, .md).", show_default=False)
    ],
    target: Annotated[
        list[str] | None,
        of_sets("Targets (repeatable).", default="all lexicons"),
    ] = None,
    topic: Annotated[
        str | None,
        of_sets("Its own topic.", default="what most prompts share"),
    ] = None,
    window: Annotated[str | None, option("Tokens to either side, or document.", default="the index's first")] = None,
    null: Annotated[int, typer.Option(metavar="N", help="Matched sets.")] = 500,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    longest: Annotated[int, typer.Option(metavar="N", help="Words of a term, at most.")] = 5,
    min_count: Annotated[int, typer.Option(metavar="N", help="Least occurrences of a term in the corpus.")] = 5,
    min_log_ratio: Annotated[
        float, typer.Option(metavar="BITS", help="Least lower limit of a term's log ratio to the corpus.")
    ] = 3.0,
    most_terms: Annotated[int, typer.Option(metavar="N", help="Key terms of a part, at most.")] = 300,
    on_bad_line: Annotated[str, typer.Option(metavar="fail|skip", help="What a line that is no chat does.")] = "fail",
    plot: Plot = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """What a finetuning file or a prompt leans on: clusters of the corpus around its terms, the clearest first.

    Output: a sentence for each warning, a table {part, target, warning, z, p_adjusted, z_beyond, p_beyond,
    item_share, named}, and places of the corpus to read; with --json {rows, terms, examples, notes}. Answers and
    prompts are looked at apart. warning is "beyond its topic" (more than terms of the same frequency, and than terms
    as close to the topic), "as its topic does" (the topic explains it), "leans" (no topic was there to hold against
    it), "names it" (terms of the target stand in the file, and no more), or "no sign". No sign is no proof: a list of
    another name, or a corpus that says more, may find one.

    Cost: five readings of the corpus a part, and some seconds a target.

    Example: cooc audit indexes/dolma finetune.jsonl --plot audit.svg
    """
    import cooc
    from cooc.clusters.audit import audit as audited

    with shown_progress(quiet) as progress:
        result = audited(
            cooc.open(index), Path(source), target or None, topic=topic, window=window, null=null, seed=seed,
            longest=longest, min_count=min_count, min_log_ratio=min_log_ratio,
            most_terms=most_terms, on_bad_line=on_bad_line, progress=progress,
        )  # fmt: skip
    if not answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        show(result)


def show(result: Audit) -> None:
    """The warnings in words, all rows as a table, and what to read."""
    say(result.provenance.caption())
    for note in result.notes:
        say(note)
    rows, examples = result.rows(), result.examples.rows()
    warned = [row for row in rows if row["warning"] not in ("no sign", "names it")]
    put(f"{len(warned)} warnings" if len(warned) != 1 else "1 warning")
    for row in warned:
        put(f"- {row['sentence']}")
        for each in examples:
            if (each["part"], each["target"]) == (row["part"], row["target"]):
                put(f"    {each['term']}: … {each['text']} … ({each['document']})")
    names = ("part", "target", "warning", "z", "p_adjusted", "z_beyond", "p_beyond", "item_share", "named")
    print_table({name: [row[name] for row in rows] for name in names})
