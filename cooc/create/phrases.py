"""The suffix array of the token store, `tokens/table.0`: where every phrase of any length begins.

There are three ways to it, and one result. A small store is sorted here. infini-gram's own builder sorts what the
memory of the build holds at once, as a single part: its merge of several parts would hold the whole store in memory
too, and orders text that repeats for more than 100,000 bytes by where the parts were cut. A larger store, or any
where there is no builder, is sorted on the disk.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from cooc.create.suffixes import FOLDER, STORE, TABLE, drop, pointers_of, sort_store
from cooc.create.work import PIECES_A_WORKER, Work
from cooc.errors import BuildError
from cooc.index.files import BEGIN_ANEW, BLOCK, NewFile, items_of, make_folder, note, read_slice, sync_folder
from cooc.index.manifest import PhraseRecord
from cooc.index.table import Table, count_faults, decoded, order_faults, pointer_faults, pointer_width
from cooc.phrases.builder import builder, sort_part
from cooc.phrases.sort import BYTES_A_SUFFIX, sort_suffixes

Array = NDArray[Any]

SMALL_CODES = 1 << 19
"""That are sorted here before a program would have started."""

BUILDER_BYTES = 16 << 20
BUILDER_BYTES_A_CODE = 26
"""Of infini-gram's builder while it sorts. Measured: 20 to 24 a code, for text, noise, and codes that repeat."""

SEED = 4
"""Of the sample by which a table is checked."""


def write_table(work: Work, codes: int) -> PhraseRecord:
    """Write the suffix array of the store's `codes` codes."""
    room = work.share // BYTES_A_SUFFIX
    if builder() is not None and codes > SMALL_CODES and fits_builder(work, codes):
        work.once("suffixes builder", run_builder, codes)
    elif codes <= min(room, SMALL_CODES):
        work.once("suffixes sort", sort_here, codes)
    else:
        sort_store(work, codes)
    drop(work, FOLDER)
    work.once("suffixes check", check_table, codes)
    return PhraseRecord(width=pointer_width(2 * codes), pointers=codes)


def fits_builder(work: Work, codes: int) -> bool:
    """Whether the memory of all tasks together is enough for the builder, which runs alone.

    On a cluster a task has its own share and no more: the others' memory is on other machines.
    """
    workers = max(1, work.pieces // PIECES_A_WORKER) if work.watch.state().all_processes else 1
    return BUILDER_BYTES + BUILDER_BYTES_A_CODE * codes <= work.share * workers


def sort_here(work: Work, codes: int) -> None:
    """Sort a store in the memory of this task."""
    order = sort_suffixes(read_slice(work.index / STORE, 0, 2 * codes).view("<u2"))
    with NewFile(work.index / TABLE) as file:
        file.write(pointers_of(2 * order.astype(np.int64), pointer_width(2 * codes)).data)


def run_builder(work: Work, codes: int) -> None:
    """Have infini-gram's builder sort the store, and give what it wrote its place in the index."""
    folder = work.path(FOLDER)
    make_folder(folder)
    adopt(sort_part((work.index / STORE).absolute(), folder.absolute(), 2 * codes), work.index / TABLE)


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


def check_table(work: Work, codes: int) -> None:
    """Raise `BuildError` unless the table is a suffix array, by a sample of its order and counts."""
    for fault in faults_of(table_of(work.index, codes), work.share // 2):
        raise BuildError(f"{work.index / TABLE}: {fault}: it is not the suffix array of {STORE}. {BEGIN_ANEW}")


def faults_of(table: Table, memory: int) -> Iterator[str]:
    """What is wrong with a table; order and counts are looked at where the pointers are sound."""
    for faults in (pointer_faults(table, memory), order_faults(table, memory, SEED), count_faults(table, SEED)):
        found = list(islice(faults, 1))
        yield from found
        if found:
            return


def forget_table(work: Work) -> None:
    """Take back what a build that was stopped has made of a table, where it goes on without one."""
    for receipts in (work.folder / "done").glob("suffixes*"):
        shutil.rmtree(receipts)
    drop(work, FOLDER)
    (work.index / TABLE).unlink(missing_ok=True)


def table_of(index: Path, codes: int) -> Table:
    """A table that is being built, and its store, as they lie on the disk."""
    width = pointer_width(2 * codes)
    if items_of(index / TABLE) != width * codes:
        raise BuildError(
            f"{index / TABLE}: has {items_of(index / TABLE):,} bytes, expected {width * codes:,}. {BEGIN_ANEW}"
        )
    return Table(
        codes,
        lambda start, stop: read_slice(index / STORE, 2 * start, 2 * stop).view("<u2"),
        lambda start, stop: decoded(read_slice(index / TABLE, width * start, width * stop), width),
    )
