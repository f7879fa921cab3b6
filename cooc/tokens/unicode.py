"""The Unicode tables of the word tokenizer, as `make_unicode_tables` wrote them, whatever Python runs."""

import struct
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VERSION = "14.0.0"
MAGIC = b"coocuni1"
HEADER = "<8s12sIII"
PAGE = 128


class UnicodeTables(NamedTuple):
    """Class and case folding of every code point; `make_unicode_tables` says how they are coded."""

    pages: NDArray[np.uint8]
    records: NDArray[np.uint16]
    folds: NDArray[np.uint64]


def path_of(version: str) -> Path:
    """Where the tables of a Unicode version lie."""
    return Path(__file__).with_name(f"unicode-{version}.bin")


@cache
def unicode_tables() -> UnicodeTables:
    """The tables, read once a process (about 60 KB)."""
    content = path_of(VERSION).read_bytes()
    magic, version, *lengths = struct.unpack_from(HEADER, content)
    if magic != MAGIC or version.rstrip(b"\0").decode() != VERSION:
        raise RuntimeError(f"{path_of(VERSION)} holds no tables of Unicode {VERSION}; install cooc again")
    arrays, position = [], struct.calcsize(HEADER)
    for dtype, length in zip(("<u1", "<u2", "<u8"), lengths, strict=True):
        # copied, because the kernel is compiled for writable aligned arrays
        arrays.append(np.frombuffer(content, dtype, length, position).astype(dtype[1:]))
        position += arrays[-1].nbytes
    return UnicodeTables(*arrays)
