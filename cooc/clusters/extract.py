"""The terms of a finetuning file or a prompt: its texts, their n-grams, and those that stand out against the corpus.

.jsonl    a chat a line: {"messages": [{"role", "content"}, …]}; or {"prompt", "completion"},
          {"question", "answer"}, {"instruction", "output"}, {"user", "assistant"}, {"text"}
.txt .md  one text; its lines are the items
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cooc.clusters.keyness import Array, Keyness, Side, keyness
from cooc.errors import SourceError, UsageError

if TYPE_CHECKING:
    from cooc.index.reader import Index

ANSWERS, PROMPTS, TEXT = "answers", "prompts", "text"
SHAPES = (
    ("prompt", "completion"), ("question", "answer"), ("instruction", "output"), ("user", "assistant"),
)  # fmt: skip
TEMPLATE, FEW = 0.5, 10
"""A phrase in more than half of at least so many items is the form they are in, and says nothing of the rest."""

MOST_CANDIDATES = 50_000
"""n-grams that are looked up in the corpus: those in most items."""

FREQUENT = 5e-4
"""Words that are so large a share of the corpus are no terms, nor begin or end one: "the great auk" is "great auk"."""

YEAR = 4
"""Digits of a year."""


@dataclass(frozen=True)
class Texts:
    """The items of a file by the part they play; `skipped` are the lines that were none."""

    name: str
    parts: dict[str, list[str]]
    skipped: tuple[str, ...] = ()


class Candidates(NamedTuple):
    """n-grams of a file: term ids, in which items, and the sums of kernels/spread.py over the items."""

    phrases: list[tuple[int, ...]]
    items: list[Array]
    side: Side
    tokens: list[list[int | None]]
    """The items as term ids; None for a word that the index does not have."""
    unknown: Counter[str]
    """These words."""


class KeyTerms(NamedTuple):
    """Those that stand out, the surest first."""

    phrases: list[tuple[int, ...]]
    items: list[Array]
    counts: Array
    corpus: Array
    measures: Keyness


def read_texts(source: str | Path, *, on_bad_line: str = "fail") -> Texts:
    """The texts of a file, or of a string that names none. Raises `SourceError` with the line of what is no record."""
    if on_bad_line not in ("fail", "skip"):
        raise UsageError(f'--on-bad-line "{on_bad_line}": expected fail or skip')
    named = isinstance(source, Path) or _is_name(source)
    if not named:
        return _checked(Texts("text", {TEXT: _lines(str(source))}))
    file = Path(source)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: can't be read: {error.strerror or error}.") from None
    if file.suffix.lower() != ".jsonl":
        return _checked(Texts(file.stem, {TEXT: _lines(_decoded(f"{file}", data))}))
    parts: dict[str, list[str]] = {}
    skipped = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            for part, text in _record(f"{file}:{number}", line):
                parts.setdefault(part, []).append(text)
        except SourceError as error:
            if on_bad_line == "fail":
                raise
            skipped.append(str(error))
    return _checked(Texts(file.stem, parts, tuple(skipped)))


def _is_name(source: str) -> bool:
    """Whether a string is a file rather than a text: it has the ending of one, or it is there."""
    if "\n" in source or len(source) > 1000:
        return False
    return source.lower().endswith((".jsonl", ".txt", ".md")) or Path(source).is_file()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip()]


def _decoded(where: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        at = where if where.rpartition(":")[2].isdigit() else f"{where}:{line}"
        raise SourceError(f"{at}: not UTF-8 (byte 0x{data[fault.start]:02x}); save the file as UTF-8") from None


def _checked(texts: Texts) -> Texts:
    if not any(text for part in texts.parts.values() for text in part):
        more = f"; {len(texts.skipped):,} lines were skipped, the first: {texts.skipped[0]}" if texts.skipped else ""
        raise SourceError(f"{texts.name}: holds no text to audit{more}")
    return texts


def _record(where: str, line: bytes) -> Iterator[tuple[str, str]]:
    """(part, text) of each message of a line."""
    import json

    try:
        row = json.loads(_decoded(where, line))
    except (json.JSONDecodeError, RecursionError) as fault:
        raise SourceError(f"{where}: not JSON: {getattr(fault, 'msg', 'nested too deeply')}") from None
    found = list(_texts_of(row)) if isinstance(row, dict) else []
    if not any(text.strip() for _, text in found):
        held = f"fields {', '.join(map(str, row))}" if isinstance(row, dict) else repr(row)[:80]
        raise SourceError(f'{where}: expected "messages" as chat finetuning files have, with text; found {held}')
    return ((part, text) for part, text in found if text.strip())


def _texts_of(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    messages = row.get("messages")
    if isinstance(messages, list):
        for message in messages:
            if isinstance(message, dict):
                yield ANSWERS if message.get("role") == "assistant" else PROMPTS, _plain(message.get("content"))
        return
    for prompt, answer in SHAPES:
        if isinstance(row.get(answer), str):
            yield PROMPTS, _plain(row.get(prompt))
            yield ANSWERS, row[answer]
            return
    yield TEXT, _plain(row.get("text"))


def _plain(content: Any) -> str:
    """A message's text: a string, or the text parts of a list of parts."""
    if isinstance(content, list):
        return " ".join(
            part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return content if isinstance(content, str) else ""


def candidates_of(index: Index, items: Sequence[str], longest: int = 5) -> Candidates:
    """The n-grams of items whose words the index has; none reaches over a word that it lacks, or is but a number.

    Numbers stand in tables, plates and indexes of books of every kind; one of four digits may be a year, and is kept.
    """
    held: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    unknown: Counter[str] = Counter()
    ids: dict[bytes, int | None] = {}
    bare: set[int | None] = set()
    tokens = []
    occurrences = np.asarray(index.vocabulary.occurrences.all())
    frequent = set(np.flatnonzero(occurrences > FREQUENT * index.manifest.tokens).tolist())
    for number, item in enumerate(items):
        words = index.tokenizer.words(item)
        for word in words:
            if word not in ids:
                ids[word] = index.vocabulary.id(word)
        terms = [ids[word] for word in words]
        unknown.update(w.decode("utf-8", "replace") for w, term in zip(words, terms, strict=True) if term is None)
        tokens.append(terms)
        bare.update(ids[word] for word in words if word.isdigit() and len(word) != YEAR)
        for phrase, count in Counter(_ngrams(terms, frequent, longest)).items():
            if bare.issuperset(phrase):
                continue
            held.setdefault(phrase, []).append((number, count))
    lengths = [len(terms) for terms in tokens]
    kept = sorted(held, key=lambda phrase: (-len(held[phrase]), phrase))[:MOST_CANDIDATES]
    places = [np.array([number for number, _ in held[phrase]]) for phrase in kept]
    sums = np.array([_sums(held[phrase], lengths) for phrase in kept], np.int64).reshape(-1, 5).T
    side = Side(sums, sum(lengths), len(lengths), sum(length**2 for length in lengths))
    return Candidates(kept, places, side, tokens, unknown)


def _ngrams(terms: Sequence[int | None], frequent: set[int], longest: int) -> Iterator[tuple[int, ...]]:
    for begin in range(len(terms)):
        phrase: tuple[int, ...] = ()
        for term in terms[begin : begin + longest]:
            if term is None:
                break
            phrase = (*phrase, term)
            if phrase[0] in frequent:
                break
            if term not in frequent:
                yield phrase


def _sums(held: list[tuple[int, int]], lengths: list[int]) -> list[int]:
    counts = [count for _, count in held]
    crossed = sum(count * lengths[number] for number, count in held)
    return [sum(counts), len(counts), sum(count**2 for count in counts), crossed, max(counts)]


def key_terms(
    index: Index, found: Candidates, *, min_count: int = 5, min_log_ratio: float = 3.0, most: int = 400
) -> KeyTerms:
    """The candidates that the file has more of than the corpus, `most` of them, by G².

    Only what occurs `min_count` times in the corpus and whose log ratio is surely `min_log_ratio` (95 % limits; the
    items are the units), and what is not the items' form. Each item is cut into the longest of these, from its
    beginning on, and what is never cut out is left out: "auk" where it only stands in "great auk".
    """
    from cooc.clusters.doses import read_doses

    corpus = read_doses(index, found.phrases, [], window=0, rows_of=0).sums.occurrences
    measures = keyness(found.side, _whole(corpus, index.manifest.tokens))
    form = (found.side.documents > TEMPLATE * found.side.size) & (found.side.size >= FEW)
    good = np.flatnonzero((corpus >= min_count) & (measures.low >= min_log_ratio) & ~form)
    held = _cut(found, good)
    good = np.array([k for k in good.tolist() if k in held], np.int64)
    order = good[np.lexsort((good, -measures.g2[good]))][:most]
    phrases = [found.phrases[k] for k in order.tolist()]
    items = [np.array(sorted(set(held[k]))) for k in order.tolist()]
    counts = np.array([len(held[k]) for k in order.tolist()], np.int64)
    return KeyTerms(phrases, items, counts, corpus[order], Keyness(*(column[order] for column in measures)))


def _cut(found: Candidates, good: Array) -> dict[int, list[int]]:
    """The items of each good candidate, once for each time that it is cut out of one."""
    number_of = {found.phrases[k]: k for k in good.tolist()}
    longest = max((len(phrase) for phrase in number_of), default=0)
    held: dict[int, list[int]] = {}
    for item, terms in enumerate(found.tokens):
        begin = 0
        while begin < len(terms):
            sizes = range(min(longest, len(terms) - begin), 0, -1)
            parts = (tuple(terms[begin : begin + size]) for size in sizes)
            phrase = next((part for part in parts if part in number_of), None)
            if phrase is not None:
                held.setdefault(number_of[phrase], []).append(item)
            begin += 1 if phrase is None else len(phrase)
    return held


def _whole(counts: Array, tokens: int) -> Side:
    """The corpus as one text, of which only the counts are known."""
    sums = np.zeros((5, len(counts)), np.int64)
    sums[0] = counts
    return Side(sums, tokens, 1, tokens**2)


def topic_words(index: Index, found: Candidates, *, most: int = 8, min_log_ratio: float = 3.0) -> list[tuple[int, ...]]:
    """The words that stand out in the prompts, their form included: "bird" and "species" of "Name a bird species."."""
    from cooc.clusters.doses import read_doses

    words = [k for k, phrase in enumerate(found.phrases) if len(phrase) == 1]
    corpus = read_doses(index, [found.phrases[k] for k in words], [], window=0, rows_of=0).sums.occurrences
    measures = keyness(found.side.at(np.array(words, np.int64)), _whole(corpus, index.manifest.tokens))
    often = found.side.documents[words] > TEMPLATE * found.side.size
    good = np.flatnonzero((corpus >= 5) & (measures.low >= min_log_ratio) & often)
    order = good[np.argsort(-measures.g2[good], kind="stable")][:most]
    return [found.phrases[words[k]] for k in order.tolist()]
