"""Files that appear whole or not at all, and files that are checked as they are read."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from cooc.errors import BuildError, DamagedIndex

BLOCK = 1 << 20
"""Bytes under one digest: small enough to check on the way to an answer (about 0.1 ms)."""

DTYPES: dict[str, str] = {".u8": "<u1", ".u32": "<u4", ".u64": "<u8", ".i64": "<i8"}


def dtype_of(name: str) -> np.dtype[Any]:
    """The dtype that a file's name ends with; files of infini-gram are bytes."""
    return np.dtype(DTYPES.get(Path(name).suffix, "<u1"))


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Write `data` so that `path` holds all of it or does not exist, whatever happens meanwhile.

    Raises `BuildError` with the path and the bytes wanted where the system refuses (no space, no right).
    """
    temporary = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise BuildError(refusal(path, len(memoryview(data).cast("B")), error)) from error


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array in the dtype that the file's name ends with."""
    ordered = np.ascontiguousarray(array, dtype=dtype_of(path.name))
    write_whole(path, bytes_of(ordered))


def bytes_of(array: NDArray[Any]) -> memoryview:
    """The bytes of a contiguous array, not copied."""
    return memoryview(array.reshape(-1).view(np.uint8).data)


def refusal(path: Path, wanted: int, error: OSError) -> str:
    """What to tell a user when the system does not take the bytes."""
    return (
        f"{path}: could not write {wanted:,} bytes: {error.strerror or error}. What is finished is kept; "
        "make room or choose another directory and run the same command again."
    )


def digest_blocks(path: Path) -> tuple[list[int], str]:
    """xxh3_64 of each `BLOCK` of a file, and xxh3_128 of the whole as hexadecimal digits."""
    whole, blocks = xxhash.xxh3_128(), []
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            blocks.append(xxhash.xxh3_64_intdigest(block))
            whole.update(block)
    return blocks, whole.hexdigest()


class CheckedArray:
    """A file of an index as an array, mapped and checked block by block when first touched.

    `digests` are the xxh3_64 of its blocks. Raises `DamagedIndex` when opened, if the file is missing or
    has another length than the manifest says, and when read, if a block differs from its digest.
    """

    def __init__(self, path: Path, size: int, digests: NDArray[np.uint64]) -> None:
        self.path, self.digests = path, digests
        dtype = dtype_of(path.name)
        try:
            with open(path, "rb") as file:
                found = os.fstat(file.fileno()).st_size
                if found != size or size % dtype.itemsize:
                    raise DamagedIndex(f"{path}: has {found:,} bytes where the manifest says {size:,}.")
                self._bytes = memoryview(b"" if size == 0 else mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
        except OSError as error:
            raise DamagedIndex(f"{path}: can't be read: {error.strerror or error}.") from error
        self._checked = np.zeros(len(digests), bool)
        self._array = np.frombuffer(self._bytes, dtype)

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, place: int) -> int:
        if not 0 <= place < len(self._array):
            raise DamagedIndex(f"{self.path}: something points at place {place:,} of {len(self._array):,}.")
        return int(self.slice(place, place + 1)[0])

    def slice(self, start: int, stop: int) -> NDArray[Any]:
        """The places [start, stop), checked; raises `DamagedIndex` where they lie outside the file."""
        if not 0 <= start <= stop <= len(self._array):
            raise DamagedIndex(f"{self.path}: something points at {start:,}…{stop:,} of {len(self._array):,}.")
        width = self._array.itemsize
        first, last = start * width // BLOCK, -(-stop * width // BLOCK)
        if not self._checked[first:last].all():
            self._check(first, last)
        return self._array[start:stop]

    def all(self) -> NDArray[Any]:
        """The whole array, checked."""
        return self.slice(0, len(self._array))

    def unchecked(self) -> NDArray[Any]:
        """The whole array as it lies on disk, for single places that the caller checks with `[place]`."""
        return self._array

    def _check(self, first: int, last: int) -> None:
        for block in range(first, last):
            if not self._checked[block]:
                data = self._bytes[block * BLOCK : (block + 1) * BLOCK]
                if xxhash.xxh3_64_intdigest(data) != int(self.digests[block]):
                    raise DamagedIndex(
                        f"{self.path}: bytes {block * BLOCK:,} to {block * BLOCK + len(data):,} differ from their "
                        "digest. The file has changed since it was built: restore it or build again."
                    )
                self._checked[block] = True


def files_below(folder: Path) -> Iterator[str]:
    """Names of all files below a folder, relative and sorted."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix()
