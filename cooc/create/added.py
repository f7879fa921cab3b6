"""The suffix array of an index that is there already: looked at, and made where it is missing or broken.

The manifest and the digests of blocks both change, and no file system replaces two files at once. So the blocks of
`tokens/table.0` are the last in `blocks.u64`, and a reader takes so many bytes of that file as the manifest says: the
table appears, then the longer blocks, and the manifest last. Until then the index is the one without a suffix array.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from cooc.create.building import SMALL_BYTES, building
from cooc.create.finish import digest_file
from cooc.create.log import Log
from cooc.create.phrases import faults_of, table_of, write_table
from cooc.create.plan import PLAN, check_workers, parse_memory
from cooc.create.suffixes import STORE, TABLE
from cooc.create.watch import Step
from cooc.create.work import BUDGET, GONE, Progress, Work, clear, clear_unnamed, silent, sole_builder
from cooc.errors import BuildError, DamagedIndex
from cooc.index.files import make_folder, refused, write_array, write_whole
from cooc.index.layout import BLOCKS
from cooc.index.manifest import MANIFEST, WORK, FileRecord, Manifest, encode_manifest, read_manifest
from cooc.index.verify import block_digests, check_file

REMEDY = "Restore it, or build the index again."

STEPS = [Step("suffixes", "suffixes", 0.8), Step("digests", "digests", 0.05)]


def build_phrases(
    path: str | os.PathLike[str],
    *,
    memory: str | int = "8GB",
    workers: int | None = None,
    scheduler: str = "local",
    progress: Progress = silent,
) -> bool:
    """Give an index its suffix array, and return whether one was made: one that is there and sound stays.

    The index has then the bytes of one that was built with phrases. The same call goes on where one was stopped, and
    meanwhile the index answers as without. Raises `DamagedIndex` where the token store differs from its digests,
    `UsageError` and `BuildError` as a build does.
    """
    index = Path(path)
    size = parse_memory(memory)
    check_workers(workers)
    if read_manifest(index).phrases is not None and not next(phrase_faults(index, size // 4), ""):
        clear_stopped(index)
        return False
    check_store(index)
    drop_table(index)
    manifest = read_manifest(index)
    begin_work(index, manifest)
    small = (index / STORE).stat().st_size < SMALL_BYTES
    with building(index, memory=size, workers=workers, scheduler=scheduler, small=small, progress=progress) as work:
        if not work.has_done():
            work.path(BUDGET).unlink(missing_ok=True)
        work.hold_budget()
        work.watch.begin(STEPS, resumed=work.has_done())
        work.watch.corpus(manifest.tokens)
        add_table(work, manifest)
    return True


def phrase_faults(path: str | os.PathLike[str], memory: int = 1 << 30) -> Iterator[str]:
    """What is wrong with the suffix array of an index: its digests, its pointers, and samples of order and counts."""
    index = Path(path)
    manifest = read_manifest(index)
    if manifest.phrases is None:
        yield f"{index}: has no suffix array."
        return
    for name in (STORE, TABLE):
        if fault := check_file(index, record_of(index, manifest, name), block_digests(index, manifest)).fault:
            yield fault
            return
    codes = (index / STORE).stat().st_size // 2
    try:
        table = table_of(index, codes)
    except BuildError:
        yield f"{index / TABLE}: is not of the {codes:,} codes of {STORE}."
        return
    yield from (f"{index / TABLE}: {fault}." for fault in faults_of(table, memory))


def record_of(index: Path, manifest: Manifest, name: str) -> FileRecord:
    """What the manifest says of a file; raises `DamagedIndex` if nothing."""
    for record in manifest.files:
        if record.name == name:
            return record
    raise DamagedIndex(f"{index / MANIFEST}: names no file {name}.")


def check_store(index: Path) -> None:
    """Raise `DamagedIndex` unless the token store and the digests have the bytes that were built: all comes of them."""
    manifest = read_manifest(index)
    for name in (BLOCKS, STORE):
        if fault := check_file(index, record_of(index, manifest, name), block_digests(index, manifest)).fault:
            raise DamagedIndex(fault)


def drop_table(index: Path) -> None:
    """Make of an index with a suffix array that is broken one without: the manifest first."""
    manifest = read_manifest(index)
    if manifest.phrases is None:
        return
    table, blocks = record_of(index, manifest, TABLE), record_of(index, manifest, BLOCKS)
    others = [record for record in manifest.files if record.name not in (TABLE, BLOCKS)]
    if any(record.first_block > table.first_block for record in others):
        raise BuildError(f"{index / TABLE}: is broken, and can't be made again in an index as old as this. {REMEDY}")
    shorter = blocks_record(held_blocks(index, blocks)[: table.first_block].tobytes(), table.first_block)
    without = msgspec.structs.replace(manifest, phrases=None, files=[*others, shorter])
    make_folder(index / WORK)  # what is left below is not stray while there is work
    write_whole(index / MANIFEST, encode_manifest(without))


def held_blocks(index: Path, record: FileRecord) -> NDArray[Any]:
    """The digests of blocks that the manifest knows of."""
    return np.fromfile(index / BLOCKS, "<u8", record.bytes // 8)


def blocks_record(data: bytes, first: int) -> FileRecord:
    """What a manifest says of `blocks.u64` with these bytes."""
    return FileRecord(name=BLOCKS, bytes=len(data), digest=xxhash.xxh3_128_hexdigest(data), first_block=first)


def begin_work(index: Path, manifest: Manifest) -> None:
    """A folder for the work, and in it what it is of: work of a build that ended here is not gone on with."""
    plan, mark = index / WORK / PLAN, f'{{"phrases_of":"{manifest.digest}"}}'.encode()
    try:
        make_folder(index / WORK)
        if plan.exists() and plan.read_bytes() != mark:
            with sole_builder(index):
                clear(index)
            make_folder(index / WORK)
        if not plan.exists():
            (index / TABLE).unlink(missing_ok=True)
            write_whole(plan, mark)
    except OSError as error:
        raise refused(index, error) from error


def add_table(work: Work, manifest: Manifest) -> None:
    """Sort, digest, and name the table: blocks first, then the manifest."""
    index, codes = work.index, (work.index / STORE).stat().st_size // 2
    made = write_table(work, codes)
    size, whole, of_table = work.once("digests", digest_file, TABLE)
    others, blocks = [r for r in manifest.files if r.name != BLOCKS], record_of(index, manifest, BLOCKS)
    before = held_blocks(index, blocks)
    table = FileRecord(name=TABLE, bytes=size, digest=whole, first_block=len(before))
    after = np.concatenate([before, np.array(of_table, np.uint64)])
    write_array(index / BLOCKS, after)
    files = [*others, table, blocks_record(after.astype("<u8").tobytes(), len(after))]
    Log(index).add("phrases", codes=codes, peak_memory=work.watch.peak_memory)
    write_whole(index / MANIFEST, encode_manifest(msgspec.structs.replace(manifest, phrases=made, files=files)))
    clear(index)


def clear_stopped(index: Path) -> None:
    """Remove what lies in an index beside what its manifest names, of work that was stopped at its end."""
    shutil.rmtree(index / GONE, ignore_errors=True)
    if not (index / WORK).is_dir():
        return
    with sole_builder(index):
        manifest = read_manifest(index)
        clear_unnamed(index)
        if manifest.phrases is None:
            (index / TABLE).unlink(missing_ok=True)
            kept = held_blocks(index, record_of(index, manifest, BLOCKS))
            if len(kept) * 8 < (index / BLOCKS).stat().st_size:
                write_array(index / BLOCKS, kept)
        clear(index)
