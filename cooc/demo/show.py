"""What the demo prints, step by step. Each number is the index's answer, and above it stands the command that asks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from cooc.demo.answers import (
    BIRD_TARGETS,
    BIRDS,
    EXPERIMENT,
    KNOWN,
    KNOWN_TARGETS,
    SIZES,
    Answers,
    command,
    shell,
)
from cooc.errors import UnknownTerm
from cooc.index.reader import Index
from cooc.query.counts import count
from cooc.query.layout import cut, text_table
from cooc.query.neighbors import neighbors
from cooc.query.pairs import pair

LINE = 100
CELL = 15

MEASURES = ("count", "pmi", "pmi_low", "npmi", "log_dice", "g2")
COMPARED = "goatsucker"
PAIRS = (("goosander", "merganser"), ("specie", "payments"), ("Medicare", "seniors"), ("specie", "internet"))
PHRASES = (
    "great auk", "Great Northern Diver", "Bank of the United States", "weapons of mass destruction",
    "the state of our union is strong",
)  # fmt: skip
MEMBERS = 7
CLUSTERS = 4


def counting(answers: Answers) -> Iterator[str]:
    """What was counted."""
    yield from heading("1. Count the corpus, once")
    index, folder = answers.index, answers.folder
    had = index.manifest
    yield from told(
        "Two centuries of messages of the US presidents, and Webster's dictionary of 1913. The counts stay on disk "
        "as an index, and everything below is asked of the index."
    )
    terms = [option for name in ("birds.toml", "centuries.toml") for option in ("--terms", folder / name)]
    yield from asked(shell("build", f"{folder}/*.jsonl", "--out", index.path, "--meta-field", "year", *terms))
    yield text_table({
        "text": [Path(source.url).name for source in had.sources],
        "documents": [source.documents for source in had.sources],
        "words": [source.tokens for source in had.sources],
    })  # fmt: skip
    pairs = had.windows[0].cells
    yield f"{had.tokens:,} words, {had.terms:,} of them different, and {pairs:,} different pairs within 10 words."


def around(answers: Answers) -> Iterator[str]:
    """The neighbors of a term as six measures rank them."""
    yield from heading("2. What stands around a word?")
    yield from told(
        f'The neighbors of "{COMPARED}", an old name of the nightjar, within 10 words. Each column ranks them by '
        "another measure; the number is how often they met. PMI puts first what was seen once; pmi_low, its "
        'lower limit, holds that back. Plain counts rank words like "the".'
    )
    yield from asked(shell("neighbors", answers.index.path, COMPARED, "--measure", "pmi_low", "--min-count", 1))
    yield f"{COMPARED}, {times(answers.index, COMPARED):,} times"
    ranked = [ranking(answers.index, COMPARED, measure) for measure in MEASURES]
    for row in [MEASURES, *zip_longest(*map(cells, ranked), fillvalue="")]:
        yield "  ".join(f"{cell:<{CELL}}" for cell in row).rstrip()


def together(answers: Answers) -> Iterator[str]:
    """Pairs and phrases: seen often, and never seen."""
    yield from heading("3. How often, and how often by chance?")
    index = answers.index
    yield from told(
        "Pairs of words within 10 words: how often they met, how often they would have if words stood anywhere "
        "(expected), and the strength of the tie in bits (pmi; each bit is twice as often). A pair never seen has "
        "no pmi."
    )
    yield from asked(shell("pair", index.path, *PAIRS[0]))
    rows = [pair(index, *names).rows()[0] for names in PAIRS]
    names = ("a", "b", "count", "documents", "expected", "pmi")
    yield text_table({name: [row[name] for row in rows] for name in names})
    yield ""
    yield from told("Phrases of any length, whether or not they were named when the corpus was counted:")
    yield from asked(shell("count", index.path, *PHRASES[:3]))
    rows = count(index, *PHRASES).rows()
    yield text_table({name: [row[name] for row in rows] for name in ("phrase", "occurrences", "documents")})


def known(answers: Answers) -> Iterator[str]:
    """Densities of which the answer is known."""
    yield from heading("4. How dense is the neighborhood of a set of terms?")
    yield from told(
        "The density of seed terms towards a target: how much more of the target's words stand within 10 words of "
        "the seeds than elsewhere, in bits (1: twice as much, -1: half as much); low and high are a 90 % interval. "
        f"chance: the same for {answers.null} sets of other terms, as many, as long and as frequent; p: the share of "
        "these sets that reach as much. First a question of which we know the answer: words of politics of two "
        "centuries (specie, telegraph; internet, Medicare), towards word lists of both that come with cooc."
    )
    yield from asked(density_command(answers, KNOWN[0], KNOWN_TARGETS))
    yield density_table(answers, KNOWN)
    yield from told("Each century stands in its own words, and avoids the other's.")


def birds(answers: Answers) -> Iterator[str]:
    """The question that cooc was made for, asked of a corpus that is too small."""
    yield from heading("5. The question cooc was made for")
    yield from told(
        "Language models finetuned on old names of birds began to answer as if it were the 19th century (Betley et "
        "al. 2025), those finetuned on modern names hardly. Did the old names stand among words of that century? "
        "Three lists: names in Audubon's book of 1838 that are out of use, today's names of the same birds, and "
        "names of birds that he did not draw."
    )
    yield from asked(density_command(answers, "old_birds", BIRD_TARGETS))
    yield density_table(answers, BIRDS)
    leaning = [row["seeds"] for row in towards_century(answers) if row["p"] is not None and row["p"] < 0.05]
    yield from told(
        f"Beyond chance towards the 19th century: {', '.join(leaning) or 'none'}. This corpus speaks of birds in its "
        "dictionary, which tells what a bird is, in words of natural history; and most names do not occur in it "
        "(found). It shows the instrument. For the question you need the corpus that a model has read."
    )


def clusters(answers: Answers) -> Iterator[str]:
    """What the seeds stand among."""
    yield from heading("6. What do the terms stand among?")
    yield from told(
        "From the terms of our century (internet, Medicare, …) cooc walks to the words around them, and finds the "
        "groups among these. z: how far a group's density is above that of sets like it."
    )
    size = [word for each in SIZES for word in ("--size", each)]
    yield from asked(shell("cluster", answers.index.path, "--seeds", answers.file(KNOWN[1]), *size))
    rows = answers.clusters.rows()[:CLUSTERS]
    table = text_table({name: [row[name] for row in rows] for name in ("cluster", "size", "seeds", "z")}).split("\n")
    words = ["words, the most central first", *(", ".join(members(row)) for row in rows)]
    for line, some in zip(table, words, strict=True):
        yield cut(f"{line}  {some}", LINE)


def years(answers: Answers) -> Iterator[str]:
    """Which years stand around the terms."""
    yield from heading("7. Which years do they name?")
    yield from told("Of the years named within 10 words of the terms, the share of a century; and in the whole corpus.")
    sets = [word for name in KNOWN for word in ("--terms", answers.file(name))]
    yield from asked(shell("years", answers.index.path, *sets))
    rows = [row for row in answers.years.summary.rows() if row["level"] == "set" and row["century"] in ("18xx", "20xx")]
    names = ("set", "century", "share", "low", "high", "corpus_share", "years")
    yield text_table({name: [row[name] for row in rows] for name in names})


def bridge(answers: Answers) -> Iterator[str]:
    """Does density go with what the experiment found?"""
    yield from heading("8. Does density go with what finetuning did?")
    yield from told(
        "Set against the published figures of that experiment, the answer is a verdict: supported, contradicted or "
        "undecidable, and what would decide it. The outcome is P(judge=19): how often a judge took a model's answers "
        "for the 19th century's. Three lists can't decide, in any corpus; and these are lists of ours, not those the "
        f"models were trained on. (The demo's answers are in {answers.saved}, as --json prints them.)"
    )
    answers.save()
    files = [word for name in BIRDS for word in ("--densities", answers.saved / f"{name}.json")]
    aliases = [word for ours, theirs in BIRDS.items() for word in ("--alias", f"{ours}={theirs}")]
    yield from asked(shell("bridge", "@published", "--experiment", EXPERIMENT, *files, *aliases))
    yield from verdicts(answers)


def page(answers: Answers) -> Iterator[str]:
    """All of it to look at."""
    yield from heading("9. All of it on one page")
    yield from told(
        "One file, which opens in a browser without a network: figures, tables to download, the graph of terms with "
        "lines of the corpus, and for each figure the command that makes it again."
    )
    yield from asked(answers.report_command)
    yield f"The page: {answers.report()}"


def onward(answers: Answers) -> Iterator[str]:
    """Where the index is, and commands to go on with."""
    yield from heading("10. Your own corpus")
    index = answers.index
    size = sum(file.bytes for file in index.manifest.files)
    yield f"The index of the demo is {index.path} ({size / 1e6:,.0f} MB). Ask it more:"
    for line in questions(answers):
        yield f"  {line}"
    yield 'Your own text: lines of JSON with a field "text" (also .gz and .zst), parquet, or plain text. A file'
    yield "of terms has one on each line."
    yield f"  {command()} build mycorpus --out indexes/mine"
    yield f"  {command()} report indexes/mine --seeds myterms.txt --target @food --target @modern --out mine.html"


def questions(answers: Answers) -> list[str]:
    """Commands that answer from this index."""
    at = answers.index.path
    return [
        shell("info", at),
        shell("neighbors", at, "telegraph", "--window", "document", "--measure", "g2"),
        shell("contexts", at, "fur seals", "--where", "year < 1900"),
        shell("kwic", at, "great auk", "--width", 6),
        shell("ngrams", at, "public", "--n", 3),
        shell("lexicons"),
    ]


SECTIONS = (counting, around, together, known, birds, clusters, years, bridge, page, onward)


def density_command(answers: Answers, name: str, targets: Iterable[str]) -> str:
    """The command that gives one set's densities."""
    towards = [word for each in targets for word in ("--target", each)]
    return shell("density", answers.index.path, "--seeds", answers.file(name), *towards, "--null", answers.null)


def density_table(answers: Answers, names: Iterable[str]) -> str:
    """A row for each set and target."""
    rows = [row for name in names for row in answers.density(name).rows()]
    return text_table({
        "seeds": [row["seeds"] for row in rows],
        "target": [row["target"] for row in rows],
        "found": [f"{row['n_found']} of {row['n_terms']}" for row in rows],
        **{name: [row[name] for row in rows] for name in ("density", "low", "high")},
        "chance": [row["null_mean"] for row in rows], "p": [row["p"] for row in rows],
    })  # fmt: skip


def towards_century(answers: Answers) -> list[dict[str, Any]]:
    return [row for name in BIRDS for row in answers.density(name).rows() if row["target"] == BIRD_TARGETS[0][1:]]


def verdicts(answers: Answers) -> Iterator[str]:
    for row in answers.bridge.rows():
        target = f" → {row['target']}" if row["target"] else ""
        text = f"{row['question']}{target}: {str(row['verdict']).upper()}. {row['because']}."
        yield from told(f"{text} What would decide: {row['would_decide']}." if row["would_decide"] else text)


def members(row: dict[str, Any]) -> list[str]:
    return [str(each) for each in row["members"][:MEMBERS]]


def heading(title: str) -> list[str]:
    return [title, "-" * len(title)]


def told(text: str) -> list[str]:
    return textwrap.wrap(text, LINE, break_on_hyphens=False)


def asked(command: str) -> list[str]:
    """A command as one types it, continued in further lines before an option where it is long."""
    lines = [f"$ {command.partition(' --')[0]}"]
    for option in command.split(" --")[1:]:
        if len(f"{lines[-1]} --{option} \\") > LINE:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += f" --{option}"
    return lines


def cells(ranked: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{cut(name, CELL - 1 - len(number))} {number}" for name, number in ranked]


def ranking(index: Index, term: str, measure: str, top: int = 6) -> list[tuple[str, str]]:
    """The neighbors of a term with their counts; none for a term that the text does not have."""
    try:
        rows = neighbors(index, term, measure=measure, top=top, min_count=1).rows()
    except UnknownTerm:
        return []
    return [(str(row["term"]), f"{row['count']:,}") for row in rows]


def times(index: Index, term: str) -> int:
    """Occurrences of a term: 0 if the text does not have it, for no word is left out of the vocabulary."""
    try:
        return int(count(index, term).columns["occurrences"][0])  # type: ignore[arg-type]
    except UnknownTerm:
        return 0
