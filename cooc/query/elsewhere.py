"""The one step from a verb to an index that is not cooc's own, which loads what it needs only then."""

from __future__ import annotations

from typing import Any


def elsewhere(verb: str, index: Any, *arguments: Any, **options: Any) -> Any:
    """The verb's answer by an index of infini-gram: a sidecar's, or the web API's."""
    from cooc.query import foreign

    return getattr(foreign, verb)(index, *arguments, **options)
