"""Where the strings and brackets of JSON lie in a block of bytes, found by whole arrays at a time."""

import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.corpus.utf8 import unfinished

Array = NDArray[Any]

QUOTE, BACKSLASH = ord('"'), ord("\\")
STEPS = np.zeros(256, dtype=np.int64)
STEPS[[ord("["), ord("{")]] = 1
STEPS[[ord("]"), ord("}")]] = -1
MARKS = np.zeros(256, dtype=np.bool_)
MARKS[[ord(mark) for mark in "[]{},"]] = True

LONGEST_ESCAPE = 12
"""Bytes of a pair of surrogates, \\ud83d\\ude00."""

OPEN_ESCAPE = re.compile(
    rb"(?<!\\)(?:\\\\)*+(\\(?:u[^\\]{0,4}|u[dD][89abAB][^\\]{2}(?:\\(?:u[^\\]{0,4})?)?)?)\Z", re.DOTALL
)


def unescaped_quotes(block: bytes) -> Array:
    """Where the quotes are that no odd number of backslashes precedes."""
    data = np.frombuffer(block, dtype=np.uint8)
    quotes = np.flatnonzero(data == QUOTE)
    if not len(quotes) or b"\\" not in block:
        return quotes
    slashes = np.flatnonzero(data == BACKSLASH)
    # each backslash → the first of its run
    first = np.ones(len(slashes), dtype=np.bool_)
    first[1:] = np.diff(slashes) > 1
    run_starts = slashes[first][np.cumsum(first) - 1]
    last = np.searchsorted(slashes, quotes) - 1
    before = (last >= 0) & (slashes[last] == quotes - 1)
    escaped = before & ((quotes - run_starts[last]) % 2 == 1)
    unescaped: Array = quotes[~escaped]
    return unescaped


class Marks(NamedTuple):
    """Brackets and commas outside strings: places, bytes, and how deep the text is after each of them."""

    places: Array
    bytes: Array
    depths: Array


def marks_of(block: bytes) -> Marks:
    """The marks of a block that begins outside a string; `depths` are relative to its beginning."""
    data = np.frombuffer(block, dtype=np.uint8)
    places = np.flatnonzero(MARKS[data])
    outside = np.searchsorted(unescaped_quotes(block), places) % 2 == 0
    places = places[outside]
    found = data[places]
    return Marks(places, found, np.cumsum(STEPS[found]))


def open_after(opened: bytes, marks: Marks) -> bytes:
    """The brackets open after these marks where `opened` were open before them."""
    if not len(marks.places):
        return opened
    lowest_after = np.minimum.accumulate(marks.depths[::-1])[::-1]
    staying = (STEPS[marks.bytes] == 1) & (lowest_after >= marks.depths)
    closed = -min(0, int(marks.depths.min()))
    new: bytes = marks.bytes[staying].tobytes()
    return opened[: len(opened) - closed] + new


def whole_characters(content: bytes) -> int:
    """How many bytes at the front of a string's content are whole escapes, pairs of them, and characters.

    A \\uXXXX that ends the content is left with what follows: the standard library wants one character more before
    it takes one, and says something else where there is none.
    """
    begin = max(0, len(content) - LONGEST_ESCAPE)
    # the run of backslashes that the end lies in is looked at from its beginning
    begin = len(content[:begin].rstrip(b"\\"))
    found = OPEN_ESCAPE.search(content, begin)
    return min(found.start(1) if found else len(content), len(content) - unfinished(content))
