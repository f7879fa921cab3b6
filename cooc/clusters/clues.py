"""Clues: what a file of facts says of somebody, as terms that a corpus can be asked for.

.jsonl        a fact a line, in any shape of extract.py (chat messages, question and answer, …): its key terms
.toml .json   named sets: each set is a clue, its terms are what it says
.txt          each line is a clue of one term

The key terms of a fact are the words and phrases, of its question and its answer, that the corpus uses least: at most
`MOST_TERMS`, by surprisal log2(N / c), none inside another. A phrase (up to three words, neither beginning nor ending
with one of the corpus' 150 most frequent) counts as one term only if it is a fixed one: c·N / (c₁·c₂) of its last
word and what is before it at least 2⁵. What stands in a fifth of all facts or more is how they are asked, not what
they say, and is left out. So is a word that the corpus has fewer than `min_count` times, or a phrase fewer than five:
of that it can say nothing, and `rare` names such words, which may be the very ones that give somebody away.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cooc.clusters.doses import read_doses
from cooc.clusters.extract import _record as record
from cooc.clusters.pagerank import ids_of
from cooc.clusters.sets import Named, named_sets
from cooc.errors import SourceError, UsageError
from cooc.index.reader import Index

MOST_TERMS = 3
LONGEST = 3
FIXED = 5.0
"""Bits by which a phrase is more frequent than its parts by chance."""

COMMON = 0.2
"""Share of the facts; asked of ten facts or more."""

FREQUENT = 150
"""So many most frequent words, but no more than a tenth of all, are no terms, nor begin or end one."""

MIN_COUNT = 2
MIN_PHRASE = 5
Phrase = tuple[int, ...]


class Clue(NamedTuple):
    """One clue: what it is called, its terms as they are written and as ids, and its words that are too rare."""

    name: str
    terms: list[str]
    phrases: list[Phrase]
    rare: list[str]


def clues_of(index: Index, given: Named, *, min_count: int = MIN_COUNT) -> list[Clue]:
    """The clues of a file, a set or a list of sets, in their order; one of unknown terms has no phrases."""
    if isinstance(given, str | Path) and str(given).lower().endswith(".jsonl"):
        return from_facts(index, facts_of(Path(given)), min_count=min_count)
    sets = named_sets(given)
    if len(sets) == 1:
        return [Clue(term, *_known(index, [term])) for term in sets[0]]
    return [Clue(each.name, *_known(index, list(each))) for each in sets]


def facts_of(file: Path) -> list[str]:
    """The text of each line: all its messages."""
    try:
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"{file}: can't be read: {error.strerror or error}.") from None
    facts = [
        " / ".join(text.strip() for _, text in record(f"{file}:{number}", line))
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not facts:
        raise SourceError(f"{file}: holds no fact; expected a JSON object a line.")
    return facts


def from_facts(index: Index, facts: Sequence[str], *, min_count: int = MIN_COUNT) -> list[Clue]:
    """Each fact with its key terms."""
    frequent = _frequent(index)
    held = [list(dict.fromkeys(_ngrams(index, fact, frequent))) for fact in facts]
    common = Counter(phrase for each in held for phrase in each)
    most = COMMON * len(facts) if len(facts) >= 10 else math.inf
    wanted = list(dict.fromkeys(part for each in held for phrase in each for part in _parts(phrase)))
    counted = read_doses(index, wanted, [], window=0, rows_of=0).sums.occurrences.tolist()
    count = dict(zip(wanted, counted, strict=True))
    tokens = max(index.manifest.tokens, 1)
    found = []
    for fact, phrases in zip(facts, held, strict=True):
        usable = [
            phrase for phrase in phrases
            if count[phrase] >= (min_count if len(phrase) == 1 else max(min_count, MIN_PHRASE))
            and common[phrase] < most and _is_fixed(phrase, count, tokens)
        ]  # fmt: skip
        chosen = _rarest(usable, count)
        rare = [phrase for phrase in phrases if len(phrase) == 1 and count[phrase] < min_count]
        texts = [[" ".join(index.vocabulary.terms(list(phrase))) for phrase in each] for each in (chosen, rare)]
        found.append(Clue(fact, texts[0], chosen, [*_lacking(index, fact), *texts[1]]))
    return found


def _lacking(index: Index, fact: str) -> list[str]:
    """The words of a fact that the index does not have."""
    words = dict.fromkeys(index.tokenizer.words(fact))
    return [word.decode("utf-8", "replace") for word in words if index.vocabulary.id(word) is None]


def _frequent(index: Index) -> set[int]:
    occurrences = np.asarray(index.vocabulary.occurrences.all()).astype(np.int64)
    most = min(FREQUENT, len(occurrences) // 10)
    return set(np.argsort(-occurrences, kind="stable")[:most].tolist())


def _ngrams(index: Index, fact: str, frequent: set[int]) -> Iterator[Phrase]:
    ids = [index.vocabulary.id(word) for word in index.tokenizer.words(fact)]
    for begin in range(len(ids)):
        phrase: Phrase = ()
        for term in ids[begin : begin + LONGEST]:
            if term is None:
                break
            phrase = (*phrase, term)
            if phrase[0] not in frequent and term not in frequent:
                yield phrase


def _parts(phrase: Phrase) -> list[Phrase]:
    """A phrase, what is before its last word, and that."""
    return [phrase] if len(phrase) == 1 else [phrase, phrase[:-1], phrase[-1:]]


def _is_fixed(phrase: Phrase, count: dict[Phrase, int], tokens: int) -> bool:
    if len(phrase) == 1:
        return True
    before, last = count[phrase[:-1]], count[phrase[-1:]]
    return math.log2(max(count[phrase], 1) * tokens / max(before * last, 1)) >= FIXED


def _rarest(phrases: Sequence[Phrase], count: dict[Phrase, int]) -> list[Phrase]:
    """The rarest first, a longer one before its parts of the same count; no word twice."""
    chosen: list[Phrase] = []
    taken: set[int] = set()
    for phrase in sorted(phrases, key=lambda phrase: (count[phrase], -len(phrase), phrase)):
        if len(chosen) < MOST_TERMS and not taken.intersection(phrase):
            chosen.append(phrase)
            taken.update(phrase)
    return chosen


def _known(index: Index, terms: Sequence[str]) -> tuple[list[str], list[Phrase], list[str]]:
    """Terms that the index has, their ids, and those it has not."""
    ids = {term: tuple(ids_of(index, term)) for term in terms}
    known = [term for term in terms if ids[term]]
    return known, [ids[term] for term in known], [term for term in terms if not ids[term]]
