"""What the demo prints. Every number is the index's answer to a question, asked as a user would ask it."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

from cooc.errors import UnknownTerm
from cooc.index.reader import Index
from cooc.query.counts import count
from cooc.query.layout import cut, text_table
from cooc.query.neighbors import neighbors
from cooc.query.pairs import pair

LINE = 100
NAME, TIMES, CELL = 24, 5, 15

MEASURES = ("count", "pmi", "pmi_low", "npmi", "log_dice", "g2")
COMPARED = ("goatsucker", "merganser", "specie", "Medicare")

OLD_BIRDS = (
    "goatsucker", "dabchick", "titlark", "goosander", "pewit", "Cedar Bird", "Great Northern Diver",
    "Great-footed Hawk", "Esquimaux Curlew",
)  # fmt: skip
MODERN_BIRDS = (
    "grebe", "pipit", "merganser", "kestrel", "vireo", "waxwing", "loon", "Peregrine Falcon", "Eskimo Curlew",
)  # fmt: skip
OLD_CENTURY = (
    "specie", "sinking fund", "public lands", "Indian tribes", "internal improvements", "steamers",
    "gunboats",
)  # fmt: skip
NEW_CENTURY = (
    "internet", "terrorists", "Medicare", "health care", "minimum wage", "clean energy",
    "nuclear weapons",
)  # fmt: skip

PAIRS = (
    ("goosander", "merganser", "10"),
    ("Great-footed Hawk", "Peregrine Falcon", "10"),
    ("specie", "payments", "10"),
    ("specie", "internet", "10"),
    ("specie", "steamers", "document"),
    ("internet", "terrorists", "document"),
    ("specie", "internet", "document"),
)
PHRASES = (
    "great auk", "Great Northern Diver", "Bank of the United States", "weapons of mass destruction",
    "peace and tranquillity", "the state of our union is strong",
)  # fmt: skip


def contents(index: Index) -> Iterator[str]:
    """What was counted."""
    had = index.manifest
    yield from heading("What was counted")
    yield text_table({
        "text": [Path(source.url).name for source in had.sources],
        "documents": [source.documents for source in had.sources],
        "words": [source.tokens for source in had.sources],
    })  # fmt: skip
    yield f"{had.tokens:,} words, {had.terms:,} of them different; {had.unit_phrases} phrases are terms, too."
    for window in had.windows:
        where = f"{window.window} words" if window.window else "a document, for the demo's term sets"
        yield f"{window.cells:,} different pairs within {where}."


def comparison(index: Index) -> Iterator[str]:
    """The neighbors of a few terms as six measures rank them."""
    yield from heading("One term, six rankings of its neighbors")
    yield from prose(
        "A column is a measure; a cell is a term and how often it was seen within 10 words. No least count "
        "is set: so raw PMI puts first what was seen once or twice, and pmi_low, the lower end of PMI's "
        "interval, holds that back. The count alone ranks function words."
    )
    for term in COMPARED:
        yield ""
        yield f"{term}, {times(index, term):,} times"
        ranked = [around(index, term, measure, top=6, least=1) for measure in MEASURES]
        for row in [MEASURES, *zip_longest(*map(cells, ranked), fillvalue="")]:
            yield "  ".join(f"{cell:<{CELL}}" for cell in row).rstrip()


def birds(index: Index) -> Iterator[str]:
    """Names of birds, old and of today."""
    yield from heading("Names of birds in books of the 19th century, and in field guides of today")
    yield from prose(
        "Neighbors by log_dice among those seen at least twice. A rare name has few or none in so little "
        "text. A dictionary speaks of birds: zool, prov, see, called are its words."
    )
    yield from listed(index, OLD_BIRDS, "log_dice", least=2)
    yield ""
    yield from listed(index, MODERN_BIRDS, "log_dice", least=2)


def centuries(index: Index) -> Iterator[str]:
    """Terms from both ends of the centuries that the messages span."""
    yield from heading("Terms of the 19th century and of the 21st, from two centuries of messages")
    yield from prose(
        "Neighbors by log_dice among those seen at least three times. A term that comes back within 10 "
        "words is its own neighbor, and each such pair counts from both its ends."
    )
    yield from listed(index, OLD_CENTURY, "log_dice", least=3)
    yield ""
    yield from listed(index, NEW_CENTURY, "log_dice", least=3)


def together(index: Index) -> Iterator[str]:
    """Pairs: seen often, seen once, and never seen."""
    yield from heading("Pairs: how often together, and how often by chance")
    rows = [pair(index, a, b, window=window).rows()[0] | {"window": window} for a, b, window in PAIRS]
    names = ("a", "b", "window", "count", "documents", "expected", "pmi", "pmi_low", "g2")
    yield text_table({name: [row[name] for row in rows] for name in names})
    yield from prose(
        "A pair never seen has no PMI (–), neither minus infinity nor 0. g2 has no sign: where the count "
        "is below the expected one, it is the evidence that the two avoid each other."
    )


def phrases(index: Index) -> Iterator[str]:
    """How often phrases occur, whether they were named beforehand or not."""
    yield from heading("Phrases of any length")
    rows = count(index, *PHRASES).rows()
    yield text_table({name: [row[name] for row in rows] for name in ("phrase", "occurrences", "documents")})


def onward(index: Index) -> Iterator[str]:
    """Where the index is, and commands to go on with."""
    yield from heading("What to try next")
    size = sum(file.bytes for file in index.manifest.files)
    yield f"The index is {index.path} ({size / 1e6:,.0f} MB). Ask it:"
    for line in questions(index):
        yield f"  {line}"
    yield 'Your own text: lines of JSON with a field "text" (also .gz and .zst), parquet, or plain text.'
    yield f"  {command()} build mycorpus/*.jsonl.gz --out indexes/mine"


def questions(index: Index) -> list[str]:
    """Commands that answer from this index."""
    run, at = command(), shlex.quote(str(index.path))
    return [
        f"{run} info {at}",
        f"{run} neighbors {at} goatsucker kestrel --measure log_dice --min-count 1",
        f"{run} neighbors {at} telegraph --window document --measure g2",
        f'{run} pair {at} "Cedar Bird" waxwing',
        f'{run} count {at} "fur seals" "climate change" "in god we trust"',
        f"{run} ngrams {at} public --n 3",
        f"{run} neighbors {at} steamers --json",
    ]


SECTIONS = (contents, comparison, birds, centuries, together, phrases, onward)


def heading(title: str) -> list[str]:
    return [title, "-" * len(title)]


def prose(text: str) -> list[str]:
    return textwrap.wrap(text, LINE)


def listed(index: Index, terms: Iterable[str], measure: str, *, least: int) -> Iterator[str]:
    """A line for each term: name, occurrences, neighbors with their counts as far as the line goes."""
    yield f"{'term':<{NAME}} {'times':>{TIMES}}  neighbors"
    for term in terms:
        line = ""
        for name, number in around(index, term, measure, top=12, least=least):
            longer = f"{line}, {name} {number}" if line else f"{name} {number}"
            if NAME + 1 + TIMES + 2 + len(longer) > LINE:
                break
            line = longer
        yield f"{term:<{NAME}} {times(index, term):>{TIMES},}  {line or '–'}"


def cells(ranking: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{cut(name, CELL - 1 - len(number))} {number}" for name, number in ranking]


def around(index: Index, term: str, measure: str, *, top: int, least: int) -> list[tuple[str, str]]:
    """The neighbors of a term with their counts; none for a term that the text does not have."""
    try:
        rows = neighbors(index, term, measure=measure, top=top, min_count=least).rows()
    except UnknownTerm:
        return []
    return [(str(row["term"]), f"{row['count']:,}") for row in rows]


def times(index: Index, term: str) -> int:
    """Occurrences of a term: 0 if the text does not have it, for no word is left out of the vocabulary."""
    try:
        return int(count(index, term).columns["occurrences"][0])  # type: ignore[arg-type]
    except UnknownTerm:
        return 0


def command() -> str:
    """How to run cooc from here: its name if the shell finds it, else the program that runs now."""
    running = Path(sys.argv[0])
    if shutil.which("cooc") or running.name != "cooc":
        return "cooc"
    return str(running.relative_to(Path.cwd()) if running.is_relative_to(Path.cwd()) else running)
