"""The suffix array of the token store, `tokens/table.0`: where every phrase of any length begins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from cooc.create.work import Work
from cooc.index.files import BLOCK, NewFile, make_folder, note, read_slice, sync_folder
from cooc.index.layout import TOKENS
from cooc.index.manifest import PhraseRecord
from cooc.phrases.builder import builder, pointer_width, sort_part

Array = NDArray[Any]

STORE, TABLE = f"{TOKENS}/tokenized.0", f"{TOKENS}/table.0"

SMALL_STORE = 1 << 20
"""Bytes that are sorted here before a program would have started."""


def write_table(work: Work, codes: int) -> PhraseRecord:
    """Write the suffix array of the store's `codes` codes."""
    work.once("suffixes", make_table, codes)
    return PhraseRecord(width=pointer_width(2 * codes), pointers=codes)


def make_table(work: Work, codes: int) -> None:
    """The whole table as one task."""
    store, table = (work.index / name for name in (STORE, TABLE))
    if 2 * codes < SMALL_STORE or builder() is None:
        order = sorted_suffixes(read_slice(store, 0, 2 * codes).view("<u2"))
        with NewFile(table) as file:
            file.write(pointers_of(2 * order, pointer_width(2 * codes)).data)
        return
    folder = work.path("suffixes")
    make_folder(folder)
    adopt(sort_part(store.absolute(), folder.absolute(), 2 * codes), table)


def sorted_suffixes(codes: Array) -> Array:
    """The suffixes of codes, by where they begin, in the order of their bytes; one that another begins with is first.

    Prefix doubling: ranks by the first h codes give those by the first 2h.
    """
    size, h = len(codes), 1
    order = np.argsort(codes.byteswap(), kind="stable")
    keys = codes.byteswap()[order].astype(np.int64)
    rank = np.empty(size, np.int64)
    while True:
        fresh = np.concatenate([[0], np.cumsum(keys[1:] != keys[:-1])])
        rank[order] = fresh
        if fresh[-1] == size - 1:
            return order
        second = np.concatenate([rank[h:] + 1, np.zeros(min(h, size), np.int64)])[:size]
        keys = rank * (size + 1) + second
        order = np.argsort(keys, kind="stable")
        keys, h = keys[order], 2 * h


def pointers_of(offsets: Array, width: int) -> Array:
    """Byte offsets as little-endian pointers of `width` bytes."""
    return np.ascontiguousarray(offsets.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width]).reshape(-1)


def adopt(made: Path, target: Path) -> None:
    """Give a file that another program wrote its place in the index, once it lasts."""
    hashed = xxhash.xxh3_128()
    with open(made, "rb") as file:
        os.fsync(file.fileno())
        while block := file.read(BLOCK):
            hashed.update(block)
        size = file.tell()
    os.replace(made, target)
    sync_folder(target.parent)
    note(target, 0, size, hashed)
