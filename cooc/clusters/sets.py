"""Term sets as users name them: a file, the name of a lexicon after @, or a set itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cooc.clusters.lexicon import lexicon
from cooc.errors import UsageError
from cooc.terms import TermSet, is_table, read_term_sets, sets_of_table

Named = str | Path | TermSet


def named_sets(arguments: Sequence[Named] | Named) -> list[TermSet]:
    """The term sets that arguments name, in their order.

    A file gives all sets it holds, a table of polars or pandas those of its columns set and term; `@food` the lexicon
    of that name, `FILE.toml@name` one set of a file. Two sets of one name are an error, since rows are told apart by
    it.
    """
    several: Any = [arguments] if isinstance(arguments, str | Path | TermSet) or is_table(arguments) else arguments
    given: list[Any] = list(several)
    found = [each for argument in given for each in _sets_of(argument)]
    if not found:
        raise UsageError("no term set was given: name a file of terms, or a lexicon like @food.")
    names: set[str] = set()
    for each in found:
        if each.name in names:
            raise UsageError(f'two term sets are called "{each.name}"; give one of them another name.')
        names.add(each.name)
    return found


def named_set(argument: Named) -> TermSet:
    """The one term set that an argument names."""
    found = named_sets([argument])
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise UsageError(
            f"{argument} holds {len(found)} term sets: {names}. Name one, like {argument}@{found[0].name}."
        )
    return found[0]


def _sets_of(argument: Named) -> list[TermSet]:
    if isinstance(argument, TermSet):
        return [argument]
    if is_table(argument):
        return sets_of_table(argument)
    text = str(argument)
    if text.startswith("@"):
        return [lexicon(text)]
    path, _, name = text.rpartition("@")
    if path and not Path(text).exists() and Path(path).exists():
        chosen = [each for each in read_term_sets(path) if each.name == name]
        if not chosen:
            held = ", ".join(each.name for each in read_term_sets(path))
            raise UsageError(f'{path} holds no term set called "{name}". It has: {held}.')
        return chosen
    return read_term_sets(text)
