"""The one step from a verb to an index that is not cooc's own, which loads what it needs only then."""

from __future__ import annotations

from typing import Any


def elsewhere(verb: str, index: Any, *arguments: Any, **options: Any) -> Any:
    """The verb's answer by an index of infini-gram: a sidecar's, or the web API's."""
    from cooc.query import foreign

    return getattr(foreign, verb)(index, *arguments, **options)


def as_index(index: Any) -> Any:
    """The index, or one of cooc's own that holds all words of a foreign one: for what is made of all words.

    The first question of that kind counts it, into the folder of its sidecar.
    """
    from cooc.index.reader import Index

    return index if isinstance(index, Index) else elsewhere("as_index", index)
