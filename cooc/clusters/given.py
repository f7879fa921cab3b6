"""What `density` is given, checked and turned into phrases of term ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import NamedTuple

from cooc.clusters.sets import named_sets
from cooc.errors import UnknownTerm, UsageError
from cooc.index.reader import Index
from cooc.query.hits import term_ids
from cooc.terms import TermSet, is_table, sets_of_table

Set = TermSet | str | PathLike[str] | Sequence[str]
Window = int | str | None
DOCUMENT = "document"
WINDOW = 10


class Seeds(NamedTuple):
    """The seeds, each phrase once: how it is written first, how else, and its ids: none for an unknown word."""

    names: list[str]
    also: list[list[str]]
    ids: list[list[int]]


def one_set(given: Set, name: str) -> TermSet:
    """One term set, whatever it is given as."""
    if isinstance(given, TermSet):
        return given
    if isinstance(given, str | PathLike):
        found = named_sets([given if isinstance(given, str) else str(given)])
        if len(found) > 1:
            raise UsageError(f"{given} holds {len(found)} term sets; name one, like {given}@{found[0].name}.")
        return found[0]
    return TermSet(name, given)


def target_sets(given: Sequence[Set]) -> list[TermSet]:
    """All target sets; a file may hold several. Two of one name are refused."""
    sets: list[str | TermSet] = []
    for number, each in enumerate(given, 1):
        if isinstance(each, TermSet | str):
            sets.append(each)
        elif isinstance(each, PathLike):
            sets.append(str(each))
        elif is_table(each):
            sets += sets_of_table(each, f"target {number}" if len(given) > 1 else "target")
        else:
            sets.append(TermSet(f"target {number}" if len(given) > 1 else "target", each))
    return named_sets(sets) if sets else []


def seeds_of(index: Index, given: TermSet) -> Seeds:
    """The seeds as phrases, each once; those that the tokenizer makes the same are one."""
    found: dict[tuple[bytes, ...], tuple[str, list[str]]] = {}
    for term in given.terms:
        words = tuple(index.tokenizer.words(term)) or (term.encode(),)
        if words in found:
            found[words][1].append(term)
        else:
            found[words] = (term, [])
    names = [name for name, _ in found.values()]
    return Seeds(names, [also for _, also in found.values()], [term_ids(index, name) for name in names])


def target_phrases(index: Index, target: TermSet) -> dict[tuple[int, ...], str]:
    """The phrases of a target that the vocabulary has, each once; raises `UnknownTerm` if it has none."""
    found: dict[tuple[int, ...], str] = {}
    for term in target.terms:
        found.setdefault(tuple(term_ids(index, term)), term)
    found.pop((), None)
    if not found:
        raise UnknownTerm(f'no term of the target "{target.name}" has all its words in {index.name}.')
    return found


def windows_of(index: Index, given: Window | Iterable[Window]) -> list[int | None]:
    """Windows in tokens, None for the document."""
    if given is None:
        return [next((record.window for record in index.manifest.windows if record.window), WINDOW)]
    many = [given] if isinstance(given, int | str) else list(given)
    found: list[int | None] = []
    for each in many:
        text = str(each).strip().lower()
        if text != DOCUMENT and not (text.isdigit() and int(text) > 0):
            raise UsageError(f'a window is {each!r}; expected a number of tokens of at least 1, or "document".')
        found.append(None if text == DOCUMENT else int(text))
    if not found:
        raise UsageError("no window was given.")
    return list(dict.fromkeys(found))


def check_options(null: int, draws: int, confidence: float) -> None:
    if null < 0:
        raise UsageError(f"null is {null}; expected the number of matched sets, 0 for none.")
    if draws < 20:
        raise UsageError(f"draws is {draws}; expected at least 20 resamplings of the documents.")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence}; expected a number between 0 and 1.")


def called(window: int | None) -> str:
    """A window's name."""
    return DOCUMENT if window is None else str(window)
