"""The term sets of a recipe: targets of one-word terms, others, and pools of seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from cooc.clusters.sets import named_set, named_sets
from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.lab.recipe import Recipe
from cooc.query.scan import phrase_counts
from cooc.terms import TermSet

Texts = Iterable[str]


def words_of_texts(index: Index, texts: Texts) -> set[bytes]:
    """Every word of some texts, as the index splits them."""
    return {word for text in texts for word in index.tokenizer.words(text)}


def targets_of(index: Index, names: Texts) -> list[TermSet]:
    """Targets with their terms of one word that occur: a next word has a probability, a phrase has none.

    Raises UsageError where none is left.
    """
    found = []
    for each in [named_set(name) for name in names]:
        kept = [term for term in each if len(index.tokenizer.words(term)) == 1 and _occurs(index, term)]
        if not kept:
            raise UsageError(f'no one-word term of the target "{each.name}" occurs in {index.name}')
        found.append(TermSet(each.name, kept, each.note, each.source))
    return found


def _occurs(index: Index, term: str) -> bool:
    number = index.vocabulary.id(index.tokenizer.words(term)[0])
    return number is not None and index.vocabulary.occurrences[number] > 0


class Pool(NamedTuple):
    """Seeds to choose from, and why others were left out."""

    terms: TermSet
    left_out: dict[str, str]


def pool_terms(files: Texts) -> list[str]:
    """All terms of a pool's files, those of one spelling but for case once."""
    found: dict[str, str] = {}
    for each in named_sets(list(files)):
        for term in each:
            found.setdefault(" ".join(term.casefold().replace("-", " ").split()), term)
    return list(found.values())


def pools_of(index: Index, recipe: Recipe, measured: set[bytes]) -> list[Pool]:
    """The pools of a recipe: terms that occur often enough and share no word with what is measured."""
    assert recipe.found is not None
    return [_pool(index, files, recipe.found.least, measured) for files in recipe.found.pools]


def _pool(index: Index, files: list[str], least: int, measured: set[bytes]) -> Pool:
    terms = pool_terms(files)
    left = dict(_left_out(index, terms, least, measured))
    name = Path(files[0]).stem.split("_")[0].removeprefix("@")
    return Pool(TermSet(name, [term for term in terms if term not in left]), left)


def _left_out(index: Index, terms: list[str], least: int, measured: set[bytes]) -> Iterator[tuple[str, str]]:
    split = [index.tokenizer.words(term) for term in terms]
    ids = [[index.vocabulary.id(word) for word in words] for words in split]
    known = [[] if None in each else [k for k in each if k is not None] for each in ids]
    counts, _ = phrase_counts(index, known)
    for term, words, count in zip(terms, split, counts.tolist(), strict=True):
        shared = sorted(word.decode() for word in measured.intersection(words))
        if shared:
            yield term, f"shares {', '.join(shared)} with what is measured"
        elif count < least:
            yield term, f"occurs {count} times, fewer than {least}"
