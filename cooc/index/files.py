"""Files that appear whole or not at all, and files that are checked as they are read."""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import xxhash
from numpy.typing import NDArray

from cooc.errors import BuildError, DamagedIndex

BLOCK = 1 << 20
"""Bytes under one digest: small enough to check on the way to an answer (about 0.1 ms)."""

WRITTEN_AT_ONCE = 64 << 20

BEGIN_ANEW = "Remove the directory of the index and build anew."

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


class Written(NamedTuple):
    """Bytes that a task has put into a file, from `offset` on, and their xxh3_128."""

    path: str
    offset: int
    size: int
    digest: str


_noted: list[list[Written]] = []


@contextmanager
def noting() -> Iterator[None]:
    """Note what this process writes: a receipt tells of it, so that a build that goes on can tell what has changed
    since. Notes taken inside such a block are not those of the block around it."""
    _noted.append([])
    try:
        yield
    finally:
        _noted.pop()


def written_so_far() -> list[Written]:
    """What was noted in the innermost block of `noting`."""
    return list(_noted[-1]) if _noted else []


def note(path: Path, offset: int, size: int, hashed: xxhash.xxh3_128) -> None:
    if _noted and size:
        _noted[-1].append(Written(str(path), offset, size, hashed.hexdigest()))


def move(source: Path, target: Path) -> None:
    """Give a file that was written just now another name in its folder; it lasts."""
    os.replace(source, target)
    sync_folder(target.parent)
    if _noted:
        _noted[-1][:] = [each._replace(path=str(target)) if each.path == str(source) else each for each in _noted[-1]]


class NewFile:
    """A file written as a stream: it appears under its name when all of it is on the disk, or not at all.

    Used with `with`; an error inside removes what was written. All of a build that must last goes through
    here or `put`: written beside its place, synced, renamed, and the folder synced, in this order. Raises
    `BuildError` with the path and the bytes wanted where the system refuses (no space, no right).
    """

    def __init__(self, path: Path) -> None:
        self.path, self.size = path, 0
        # a name of its own: where a lost node is only out of sight, a task may run twice at a time
        self._temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        self._waiting = bytearray()
        self._hashed = xxhash.xxh3_128()
        self._handle = -1

    def __enter__(self) -> Self:
        try:
            make_folder(self.path.parent)
            self._handle = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise BuildError(refusal(self.path, 0, error)) from error
        return self

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes; little pieces are gathered."""
        self.size += len(data)
        if len(self._waiting) + len(data) < BLOCK:
            self._waiting += data
            return
        self._send(self._waiting)
        self._waiting = bytearray()
        self._send(data)

    def write_array(self, array: NDArray[Any]) -> None:
        """Append an array in the dtype that the file's name ends with."""
        self.write(bytes_of(np.ascontiguousarray(array, dtype=dtype_of(self.path.name))))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._handle < 0:
            return  # left already, with an error
        try:
            try:
                if kind is None:
                    self._send(self._waiting)
                    os.fsync(self._handle)
            finally:
                handle, self._handle = self._handle, -1
                os.close(handle)
            if kind is None:
                os.replace(self._temporary, self.path)
                sync_folder(self.path.parent)
                note(self.path, 0, self.size, self._hashed)
            else:
                self._remove()
        except OSError as error:
            self._remove()
            if kind is None:
                raise BuildError(refusal(self.path, self.size, error)) from error
        except BuildError:  # of the last bytes, which were sent here
            self._remove()
            raise

    def _remove(self) -> None:
        """Let go of what was written: it takes the room that is wanted."""
        with suppress(OSError):
            os.unlink(self._temporary)

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        try:
            write_all(self._handle, data)
            self._hashed.update(data)
        except OSError as error:
            raise BuildError(refusal(self.path, self.size, error)) from error


def write_all(handle: int, data: bytes | bytearray | memoryview, offset: int | None = None) -> None:
    """Write all of `data`, at the end or at an offset: the system may take less than it is given."""
    with memoryview(data) as view:
        done = 0
        while done < len(view):
            some = view[done : done + WRITTEN_AT_ONCE]
            done += os.write(handle, some) if offset is None else os.pwrite(handle, some, offset + done)


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Write `data` so that `path` holds all of it or does not exist, whatever happens meanwhile."""
    with NewFile(path) as file:
        file.write(data)


def check_written(written: Written) -> None:
    """Raise `BuildError` if a file has other bytes than a task put there; one that is gone was needed no more."""
    path, left, hashed = Path(written.path), written.size, xxhash.xxh3_128()
    try:
        with open(path, "rb") as file:
            file.seek(written.offset)
            while left and (data := file.read(min(left, BLOCK))):
                hashed.update(data)
                left -= len(data)
    except FileNotFoundError:
        return
    except OSError as error:
        raise BuildError(f"{path}: can't be read: {error.strerror or error}. {BEGIN_ANEW}") from error
    if hashed.hexdigest() != written.digest:
        raise BuildError(
            f"{path}: bytes {written.offset:,} to {written.offset + written.size:,} differ from what this build wrote "
            f"there; the file has changed since. {BEGIN_ANEW}"
        )


def write_sealed(path: Path, data: bytes) -> None:
    """As `write_whole`, with a last line that is the digest of the rest."""
    write_whole(path, data + b"\n" + xxhash.xxh3_128_hexdigest(data).encode())


def read_sealed(path: Path) -> bytes:
    """What `write_sealed` wrote; raises `BuildError` if it has changed since."""
    try:
        data, _, digest = path.read_bytes().rpartition(b"\n")
    except OSError as error:
        raise BuildError(f"{path}: can't be read: {error.strerror or error}. {BEGIN_ANEW}") from error
    if xxhash.xxh3_128_hexdigest(data).encode() != digest:
        raise BuildError(f"{path}: differs from its digest; it has changed since it was written. {BEGIN_ANEW}")
    return data


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array in the dtype that the file's name ends with."""
    with NewFile(path) as file:
        file.write_array(array)


def make_empty(path: Path) -> None:
    """An empty file for `put`, unless it is there; it lasts."""
    try:
        make_folder(path.parent)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666))
        sync_folder(path.parent)
    except OSError as error:
        raise BuildError(refusal(path, 0, error)) from error


class InPlace:
    """A file that `make_empty` made, of which tasks write their own places; what was put lasts once it is left."""

    def __init__(self, path: Path) -> None:
        self.path, self._handle = path, -1
        self._runs: list[tuple[int, int, xxhash.xxh3_128]] = []  # begin, end, digest of what lies together

    def __enter__(self) -> Self:
        try:
            self._handle = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise BuildError(refusal(self.path, 0, error)) from error
        return self

    def put(self, offset: int, array: NDArray[Any]) -> None:
        """Write an array from a byte on; raises `BuildError` if the system refuses."""
        data = bytes_of(np.ascontiguousarray(array))
        try:
            write_all(self._handle, data, offset)
            self._note(offset, data)
        except OSError as error:
            raise BuildError(refusal(self.path, len(data), error)) from error

    def _note(self, offset: int, data: memoryview) -> None:
        begin, end, hashed = self._runs.pop() if self._runs else (offset, offset, xxhash.xxh3_128())
        if end != offset:
            self._runs.append((begin, end, hashed))
            begin, end, hashed = offset, offset, xxhash.xxh3_128()
        hashed.update(data)
        self._runs.append((begin, end + len(data), hashed))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                os.fsync(self._handle)
                for begin, end, hashed in self._runs:
                    note(self.path, begin, end - begin, hashed)
        except OSError as error:
            raise BuildError(refusal(self.path, 0, error)) from error
        finally:
            os.close(self._handle)


def put(path: Path, offset: int, array: NDArray[Any]) -> None:
    """Write one array into its place in a file that other tasks write elsewhere."""
    with InPlace(path) as file:
        file.put(offset, array)


def make_folder(folder: Path) -> None:
    """A folder with all above it, made so that it lasts."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    sync_folder(folder.parent)


def read_slice(path: Path, start: int, stop: int) -> NDArray[Any]:
    """The items [start, stop) of a file of a build, whose dtype its name ends with.

    Raises `BuildError` if the file is missing or too short: somebody has changed the work of a build.
    """
    dtype = dtype_of(path.name)
    try:
        found = np.fromfile(path, dtype, stop - start, offset=start * dtype.itemsize)
    except OSError as error:
        raise BuildError(f"{path}: can't be read: {error.strerror or error}. {BEGIN_ANEW}") from error
    if len(found) != stop - start:
        raise BuildError(f"{path}: has no items {start:,} to {stop:,}; it has been cut off. {BEGIN_ANEW}")
    return found


def items_of(path: Path) -> int:
    """How many items a file of a build has, by its size and the dtype its name ends with."""
    try:
        return path.stat().st_size // dtype_of(path.name).itemsize
    except OSError as error:
        raise BuildError(f"{path}: can't be read: {error.strerror or error}. {BEGIN_ANEW}") from error


def bytes_of(array: NDArray[Any]) -> memoryview:
    """The bytes of a contiguous array, not copied."""
    return memoryview(array.reshape(-1).view(np.uint8).data)


def refusal(path: Path, wanted: int, error: OSError) -> str:
    """What to tell a user when the system does not take the bytes."""
    return (
        f"{path}: could not write {wanted:,} bytes: {error.strerror or error}. What is finished is kept; "
        "make room or choose another directory and run the same command again."
    )


def refused(place: Path, error: OSError) -> BuildError:
    """The error to raise for one of the system's that nothing closer to it has made plain."""
    return BuildError(
        f"{error.filename or place}: {error.strerror or error}. What is finished is kept; mend that and run the same "
        "command again."
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
        except (OSError, ValueError) as error:  # of a name with a NUL
            raise DamagedIndex(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}.") from error
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
