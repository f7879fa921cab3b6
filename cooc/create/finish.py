"""The end of a build: digests of every file, then the manifest, which makes the directory an index."""

from __future__ import annotations

import msgspec
import numpy as np

from cooc.create.suffixes import TABLE
from cooc.create.work import GONE, Work, clear
from cooc.index.files import digest_blocks, files_below, write_array, write_whole
from cooc.index.layout import BLOCKS, LOG
from cooc.index.manifest import MANIFEST, WORK, FileRecord, Manifest, encode_manifest


def publish(work: Work, manifest: Manifest) -> None:
    """Digest what was written, write the manifest last, and clear away the work."""
    for left in work.index.rglob("*.part"):
        left.unlink()  # of a build that was stopped between writing a file and naming it
    names = [name for name in files_below(work.index)
             if not name.startswith((f"{WORK}/", f"{GONE}/")) and name not in (BLOCKS, LOG, MANIFEST)]  # fmt: skip
    names.sort(key=lambda name: name == TABLE)  # last, as it may be added later (cooc/create/added.py)
    digests = work.tasks("digests", digest_file, [(name,) for name in names])
    blocks: list[int] = []
    files = []
    for name, (size, whole, of_file) in zip(names, digests, strict=True):
        files.append(FileRecord(name=name, bytes=size, digest=whole, first_block=len(blocks)))
        blocks.extend(of_file)
    write_array(work.index / BLOCKS, np.array(blocks, np.uint64))
    _, whole = digest_blocks(work.index / BLOCKS)
    files.append(FileRecord(name=BLOCKS, bytes=8 * len(blocks), digest=whole, first_block=len(blocks)))
    complete = msgspec.structs.replace(manifest, files=files)
    write_whole(work.index / LOG, work.watch.finish())
    write_whole(work.index / MANIFEST, encode_manifest(complete))
    clear(work.index)


def digest_file(work: Work, name: str) -> tuple[int, str, list[int]]:
    """Length and digest of a file, and the digests of its blocks."""
    path = work.index / name
    blocks, whole = digest_blocks(path)
    return path.stat().st_size, whole, blocks
