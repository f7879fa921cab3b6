"""Whether an index is what its manifest says: every file's digests, and every law its arrays must obey."""

from __future__ import annotations

import mmap
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from cooc.index.files import BLOCK, files_below
from cooc.index.laws import Law, all_laws
from cooc.index.layout import BLOCKS, LOG, TOKENS
from cooc.index.manifest import MANIFEST, WORK, FileRecord, Manifest, names_outside, read_manifest
from cooc.index.shape import Arrays, as_array, expected_sizes

MOST = (1 << 63) - 1
MOST_WINDOW, MOST_UNIT = 100_000, (1 << 31) - 1
REMEDY = "The file has changed since it was built: restore it or build again."


@dataclass(frozen=True)
class Verification:
    """What `verify` found; each of `problems` names the file that is broken."""

    index: str
    files: int
    bytes: int
    laws: list[Law]
    problems: list[str]

    @property
    def ok(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.problems

    @property
    def checked(self) -> dict[str, int]:
        """How much was looked at."""
        laws = sum(law.ok is not None for law in self.laws)
        return {"files": self.files, "bytes": self.bytes, "laws": laws}

    def to_dict(self) -> dict[str, Any]:
        laws = [law._asdict() for law in self.laws]
        return {"index": self.index, "ok": self.ok, **self.checked, "problems": self.problems, "held": laws}


class File(NamedTuple):
    """A file of the index as mapped, and what is wrong with it."""

    name: str
    data: memoryview
    fault: str = ""


def verify(path: str | os.PathLike[str], *, workers: int | None = None) -> Verification:
    """Read every file of an index once: its length, its digests, and the laws between the arrays.

    What is wrong is reported, not raised; only a directory that can't be opened as an index raises an
    `IndexFault`. A law is held only against files whose digests are right.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    problems = impossible_numbers(folder, manifest) or wrong_names(folder, manifest)
    if problems:
        return Verification(str(folder), len(manifest.files), 0, [], problems)
    problems = strays(folder, manifest)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        digests = block_digests(folder, manifest)
        files = list(pool.map(lambda record: check_file(folder, record, digests), manifest.files))
        sizes = expected_sizes(manifest)
        faults = [file.fault or wrong_size(folder, file, sizes[file.name]) for file in files]
        sound = {file.name: as_array(file.name, file.data)
                 for file, fault in zip(files, faults, strict=True) if not fault}  # fmt: skip
        laws = list(all_laws(Arrays(folder, manifest, sound), pool))
    problems += [fault for fault in faults if fault]
    problems += [f"{law.detail} ({law.name})" for law in laws if law.ok is False]
    return Verification(str(folder), len(files), sum(len(file.data) for file in files), laws, problems)


def impossible_numbers(folder: Path, manifest: Manifest) -> list[str]:
    """Numbers of the manifest that no build writes: below zero, or too large to be counted with."""
    found = []

    def look(where: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                look(f"{where}.{name}" if where else name, part)
        elif isinstance(value, list):
            for part in value:
                look(where, part)
        elif isinstance(value, int) and not 0 <= value <= MOST:
            found.append(f"{folder / MANIFEST}: {where} is {value}.")

    look("", msgspec.to_builtins(manifest))
    return found + [
        f"{folder / MANIFEST}: window {window.name} is {window.window} in units of 1/{window.unit}."
        for window in manifest.windows
        if (window.window or 0) > MOST_WINDOW or window.unit > MOST_UNIT
    ]


def wrong_names(folder: Path, manifest: Manifest) -> list[str]:
    """Files that the manifest should name and does not, or names and should not."""
    names = [record.name for record in manifest.files]
    where, expected = folder / MANIFEST, set(expected_sizes(manifest))
    if outside := names_outside(manifest, expected):
        return [f"{where}: names {name}, which is not inside the index." for name in outside]
    more = sorted(set(names) - expected)
    found = [f"{where}: names no file {name}." for name in sorted(expected - set(names))]
    found += [f"{where}: names {name}, which is no file of an index." for name in more]
    return found + [f"{where}: names {name} twice." for name, times in Counter(names).items() if times > 1]


def strays(folder: Path, manifest: Manifest) -> list[str]:
    """Files in the directory that the manifest does not name; what a build leaves behind is none."""
    known = {MANIFEST, LOG, *(record.name for record in manifest.files)}
    being_added = (folder / WORK).is_dir()  # a suffix array
    return [
        f"{folder / name}: is no file of the index. Remove it."
        for name in files_below(folder)
        if name not in known
        and name.split("/")[0] not in (WORK, f"{WORK}.gone")
        and not (being_added and (name == f"{TOKENS}/table.0" or name.endswith(".part")))
    ]


def block_digests(folder: Path, manifest: Manifest) -> NDArray[np.uint64] | None:
    """The digests of all blocks, or None if their file is not whole."""
    [record] = [record for record in manifest.files if record.name == BLOCKS]
    file = map_file(folder, record)
    if file.fault or xxhash.xxh3_128_hexdigest(file.data) != record.digest or record.bytes % 8:
        return None
    return np.frombuffer(file.data, "<u8")


def map_file(folder: Path, record: FileRecord) -> File:
    """A file mapped, if it has the length that the manifest says."""
    path, nothing = folder / record.name, memoryview(b"")
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno()).st_size
            being_added = record.name == BLOCKS and found > record.bytes and (folder / WORK).is_dir()
            if found != record.bytes and not being_added:
                fault = f"{path}: has {found:,} bytes where the manifest says {record.bytes:,}."
                return File(record.name, nothing, fault)
            data = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)) if found else nothing
            return File(record.name, data[: record.bytes])
    except OSError as error:
        return File(record.name, nothing, f"{path}: can't be read: {error.strerror or error}.")


def check_file(folder: Path, record: FileRecord, digests: NDArray[np.uint64] | None) -> File:
    """A file, its length and digests checked. Without `digests` of blocks only the whole is."""
    file = map_file(folder, record)
    if file.fault:
        return file
    blocks = -(-record.bytes // BLOCK) if digests is not None and record.name != BLOCKS else 0
    wanted = [] if digests is None else digests[record.first_block : record.first_block + blocks].tolist()
    if len(wanted) < blocks:
        return file._replace(fault=f"{folder / MANIFEST}: the digests of {record.name} lie outside {BLOCKS}.")
    whole = xxhash.xxh3_128()
    for number, start in enumerate(range(0, record.bytes, BLOCK)):
        data = file.data[start : start + BLOCK]
        whole.update(data)
        if blocks and xxhash.xxh3_64_intdigest(data) != wanted[number]:
            where = f"bytes {start:,} to {start + len(data):,} differ from their digest"
            return file._replace(fault=f"{folder / record.name}: {where}. {REMEDY}")
    if whole.hexdigest() != record.digest:
        return file._replace(fault=f"{folder / record.name}: differs from its digest. {REMEDY}")
    return file


def wrong_size(folder: Path, file: File, expected: int | None) -> str:
    """What to say of a file that is whole but has no room for what the manifest counts."""
    width = as_array(file.name, memoryview(b"")).itemsize
    if len(file.data) == expected or (expected is None and len(file.data) % width == 0):
        return ""
    wanted = f"a multiple of {width}" if expected is None else f"{expected:,}"
    return f"{folder / file.name}: has {len(file.data):,} bytes; by the numbers in the manifest {wanted}."
