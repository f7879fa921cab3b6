"""The window of a question that is not asked of the pair index: any number of tokens, or the document."""

from __future__ import annotations

from cooc.errors import UsageError
from cooc.index.reader import Index

DOCUMENT = "document"


def window_of(index: Index, window: int | str | None) -> int | None:
    """Tokens to either side, None for the document; the index's first window if none is named."""
    if window is None:
        return index.pairs().record.window
    if str(window) == DOCUMENT:
        return None
    if not str(window).isdigit() or int(window) < 1:
        raise UsageError(f'window is {window}; expected a number of tokens from 1 up, or "{DOCUMENT}".')
    return int(window)
