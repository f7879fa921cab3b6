"""What `cooc.open` opens: an index of cooc's, the sidecar of a foreign one, or one behind the web API."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from cooc.index.manifest import SIDECAR
from cooc.index.reader import Index

API = "api:"
FOREIGN = "infini-gram:"


def opened(path: str | os.PathLike[str]) -> Any:
    """The index at a path, or of a name that begins with api:. The web is not asked by opening."""
    name = os.fspath(path)
    if name.startswith(API):
        from cooc.phrases.api import ApiIndex

        return ApiIndex(name.removeprefix(API))
    if (Path(path) / SIDECAR).is_file():
        from cooc.phrases.foreign import ForeignIndex

        return ForeignIndex(path)
    return Index(path)


def names_foreign(places: Any) -> bool:
    """Whether any of a build's sources is infini-gram:SIDECAR."""
    many = [places] if isinstance(places, str | os.PathLike) else list(places)
    return any(os.fspath(place).startswith(FOREIGN) for place in many)
