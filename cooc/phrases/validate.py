"""A directory of infini-gram's files, looked over before anything else reads it.

The engine believes its files: a truncated table or a wrong token width makes it answer 0, a stray file or a missing
one kills it. So every size is compared with every other here, and a sample of separators, pointers and their order
is read. Raises `NotAnIndex` where there are no such files, else `DamagedIndex`: what, where, found and expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import DamagedIndex, NotAnIndex, UsageError

Array = NDArray[Any]

REQUIRED = ("tokenized", "table", "offset")
OPTIONAL = ("metadata", "metaoff", "unigram")
WORDS = (*REQUIRED, *OPTIONAL)
WIDTHS = {"u8": 1, "u16": 2, "u32": 4}
DTYPES = {width: name for name, width in WIDTHS.items()}

SAMPLED = 20_000
"""Places that are read of a file too long to be read whole."""

WHOLE = 64 << 20
"""Bytes of tokens up to which every separator and every pointer is read."""

LONGEST_TIE = 4_096
"""Tokens that two neighbouring suffixes are compared for."""


class ShardFiles(NamedTuple):
    """The files of one shard, and what their sizes say."""

    folder: Path
    suffix: str  # ".0", or nothing in version 6
    tokens: int
    documents: int
    token_width: int
    pointer_width: int
    optional: tuple[str, ...] = ()

    def path(self, name: str) -> Path:
        return self.folder / f"{name}{self.suffix}"

    def open(self) -> ShardArrays:
        """Its arrays, mapped."""
        tokens = mapped(self.path("tokenized"), f"<u{self.token_width}")
        return ShardArrays(tokens, mapped(self.path("table"), "u1"), mapped(self.path("offset"), "<i8"), self)


class ShardArrays(NamedTuple):
    """Tokens, table (bytes) and offsets (bytes into the tokens) of a shard."""

    tokens: Array
    table: Array
    offsets: Array
    files: ShardFiles


class Layout(NamedTuple):
    """A directory understood: its shards in the order of their numbers, version 4, 5 or 6."""

    shards: tuple[ShardFiles, ...]
    dtype: str
    version: int


def inspect(directory: Path, *, dtype: str | None = None, version: int | None = None, seed: int = 0) -> Layout:
    """The layout of a directory, after every check. `dtype` u8, u16 or u32 and `version` are told by the files
    where they are not given; reversed documents (5) can't be."""
    if dtype is not None and dtype not in WIDTHS:
        raise UsageError(f'no token type "{dtype}"; infini-gram has u8, u16 and u32.')
    if version not in (None, 4, 5, 6):
        raise UsageError(f"no version {version} of infini-gram's files; there are 4, 5 (reversed documents) and 6.")
    places, six = shard_places(directory)
    if version is not None and (version == 6) != six:
        raise DamagedIndex(
            f"{directory} is laid out as version {6 if six else '4 or 5'}, not {version}: "
            + ("files without numbers are version 6's." if six else "version 6 has files without numbers.")
        )
    shards = tuple(measured(folder, suffix, dtype) for folder, suffix in places)
    widths = sorted({shard.token_width for shard in shards})
    if len(widths) > 1:
        raise DamagedIndex(
            f"{directory}: its shards hold tokens of {' and '.join(map(str, widths))} bytes; expected one kind. "
            "Do the shards belong together?"
        )
    for number, shard in enumerate(shards):
        check_offsets(shard, seed + number)
        check_table(shard, seed + number)
        check_optional(shard)
    return Layout(shards, DTYPES[widths[0]], 6 if six else version or (5 if directory.name.startswith("v5") else 4))


def shard_places(directory: Path) -> tuple[list[tuple[Path, str]], bool]:
    """Where each shard is, and whether they are version 6's: one folder each, without suffixes."""
    if not directory.exists():
        raise NotAnIndex(f"{directory}: there is no such directory.")
    if not directory.is_dir():
        raise NotAnIndex(f"{directory} is a file; expected the directory that holds tokenized.0, table.0 and offset.0.")
    if (directory / "tokenized").is_file():
        return [(checked_names(directory, numbered=False), "")], True
    folders = sorted(each for each in directory.iterdir() if each.is_dir() and (each / "tokenized").is_file())
    if folders:
        return [(checked_names(folder, numbered=False), "") for folder in folders], True
    checked_names(directory, numbered=True)
    numbers = numbers_in(directory)
    if not numbers:
        raise NotAnIndex(
            f"{directory} is no infini-gram index: no tokenized.0 in it, nor folders with a file tokenized (version 6)."
        )
    for number in range(max(numbers) + 1):
        for name in REQUIRED:
            if not (directory / f"{name}.{number}").is_file():
                lost = f"{name}.{number} is missing from shards 0 to {max(numbers)}"
                raise DamagedIndex(f"{directory}: {lost}. Copy it again; cooc needs all of {', '.join(REQUIRED)}.")
    return [(directory, f".{number}") for number in range(max(numbers) + 1)], False


def numbers_in(directory: Path) -> set[int]:
    """The numbers of the shards that any required file belongs to."""
    found = re.compile(rf"(?:{'|'.join(REQUIRED)})\.(\d+)")
    matches = (found.fullmatch(each.name) for each in directory.iterdir())
    return {int(match[1]) for match in matches if match}


def checked_names(directory: Path, *, numbered: bool) -> Path:
    """The directory, if no file in it could be taken for another: the engine goes by parts of names."""
    proper = re.compile(f"(?:{'|'.join(WORDS)})" + (r"\.(0|[1-9][0-9]*)" if numbered else ""))
    for each in sorted(directory.iterdir()):
        if any(word in each.name for word in WORDS) and not proper.fullmatch(each.name):
            raise DamagedIndex(
                f"{each}: a stray file. infini-gram's engine takes every file with such a name for a part of the "
                f"index; expected only {', '.join(WORDS)}{' with a number' if numbered else ''}. Move it away."
            )
    if not numbered:
        for name in REQUIRED:
            if not (directory / name).is_file():
                raise DamagedIndex(
                    f"{directory}: {name} is missing. Copy it again; cooc needs all of {', '.join(REQUIRED)}."
                )
    return directory


def size_of(path: Path) -> int:
    """Bytes of a file that must be there and be readable."""
    try:
        with path.open("rb"):
            return path.stat().st_size
    except OSError as error:
        raise DamagedIndex(f"{path}: can't be read: {error.strerror or error}.") from error


def measured(folder: Path, suffix: str, dtype: str | None) -> ShardFiles:
    """The shard whose sizes agree with each other."""
    sizes = {name: size_of(folder / f"{name}{suffix}") for name in REQUIRED}
    tokenized, table, offset = (folder / f"{name}{suffix}" for name in REQUIRED)
    if sizes["tokenized"] == 0:
        raise DamagedIndex(f"{tokenized} is empty; expected tokens. Copy it again.")
    if sizes["offset"] % 8 or sizes["offset"] == 0:
        raise DamagedIndex(
            f"{offset}: {sizes['offset']:,} bytes; expected 8 for each document, and at least one. Copy it again."
        )
    pointer = ((sizes["tokenized"] - 1).bit_length() + 7) // 8
    believed = width_by_separators(tokenized, offset)
    width = WIDTHS[dtype] if dtype else believed
    if dtype and width != believed:
        # a table of the width asked for and separators of another can't both be right
        raise DamagedIndex(
            f"{tokenized}: not {dtype}: each document begins with a separator of {believed} bytes, so its tokens are "
            f"{DTYPES[believed]}. Open it with dtype {DTYPES[believed]}, or without."
        )
    if sizes["tokenized"] % width:
        raise DamagedIndex(
            f"{tokenized}: {sizes['tokenized']:,} bytes are no whole number of {DTYPES[width]} tokens. Copy it again."
        )
    tokens = sizes["tokenized"] // width
    if sizes["table"] != tokens * pointer:
        kind = "truncated" if sizes["table"] < tokens * pointer else "too long"
        raise DamagedIndex(
            f"{table}: {kind}: {sizes['table']:,} bytes; expected {tokens * pointer:,}, which is {pointer} for each of "
            f"the {tokens:,} {DTYPES[width]} tokens of {tokenized.name}. Copy it again."
        )
    optional = tuple(name for name in OPTIONAL if (folder / f"{name}{suffix}").is_file())
    return ShardFiles(folder, suffix, tokens, sizes["offset"] // 8, width, pointer, optional)


def width_by_separators(tokenized: Path, offset: Path) -> int:
    """The token width that the separators have where the offsets say they are: the widest that all of them have."""
    offsets, data = mapped(offset, "<i8"), mapped(tokenized, "u1")
    chosen = np.asarray(offsets[sampled(len(offsets), SAMPLED, np.random.default_rng(0))])
    outside = (chosen < 0) | (chosen >= len(data))
    if outside.any():
        raise DamagedIndex(
            f"{offset}: a document at byte {int(chosen[outside][0]):,} of {tokenized.name}, which has {len(data):,}. "
            "Is one of the two truncated, or from another index? Copy both again."
        )
    for width in (4, 2, 1):
        if (chosen % width == 0).all() and all(
            (np.asarray(data[np.minimum(chosen + k, len(data) - 1)]) == 0xFF).all() for k in range(width)
        ):
            return width
    wrong = int(chosen[np.flatnonzero(np.asarray(data[chosen]) != 0xFF)[:1]].sum())
    raise DamagedIndex(
        f"{tokenized}: no separator at byte {wrong:,}, where {offset.name} has a document begin; expected bytes of ff. "
        "Are the two files from one index?"
    )


def check_offsets(shard: ShardFiles, seed: int) -> None:
    """Offsets that rise from 0, and separators where they point and nowhere else."""
    arrays, path = shard.open(), shard.path("offset")
    width, separator = shard.token_width, separator_of(shard.token_width)
    if arrays.offsets[0] != 0:
        raise DamagedIndex(f"{path}: the first document begins at byte {int(arrays.offsets[0])}; expected 0.")
    for start, stop in stretches(shard.documents, 1 << 20, seed):
        offsets = np.asarray(arrays.offsets[start:stop])
        if (offsets % width).any() or (np.diff(offsets) < width).any() or offsets[-1] >= shard.tokens * width:
            place = int(np.flatnonzero(np.append(np.diff(offsets) < width, False) | (offsets % width > 0))[:1].sum())
            raise DamagedIndex(
                f"{path}: document {start + place:,} is at byte {int(offsets[place]):,}; expected offsets that rise by "
                f"whole tokens of {width} bytes and end before {shard.tokens * width:,}. Copy it again."
            )
    for start, stop in stretches(shard.tokens, 1 << 20, seed):
        found = start + np.flatnonzero(np.asarray(arrays.tokens[start:stop]) == separator)
        low, high = np.searchsorted(arrays.offsets, [start * width, stop * width])
        expected = np.asarray(arrays.offsets[low:high]) // width
        if not np.array_equal(found, expected):
            place = int(np.setxor1d(found, expected)[0])
            there = "a separator that no document begins with" if place in found else "no separator"
            raise DamagedIndex(
                f"{shard.path('tokenized')}: {there} at token {place:,}; expected one exactly where {path.name} says. "
                "Are the two files from one index?"
            )


def check_table(shard: ShardFiles, seed: int) -> None:
    """Pointers within the tokens, at whole tokens, each once, and in the order of their suffixes."""
    from cooc.kernels.foreign import check_pointers, read_pointers

    arrays, path, width = shard.open(), shard.path("table"), shard.token_width
    whole = shard.tokens * width <= WHOLE
    ranks = np.arange(shard.tokens) if whole else sampled(shard.tokens, SAMPLED, np.random.default_rng(seed))
    kind, rank = check_pointers(
        arrays.table, shard.pointer_width, ranks, width, arrays.tokens, min(LONGEST_TIE, shard.tokens)
    )
    wrong = ("", "points behind the tokens", "points inside a token", "is not in the order of its suffix")[kind]
    if kind:
        raise DamagedIndex(
            f"{path}: entry {int(rank):,} {wrong}; expected the suffixes of {shard.path('tokenized').name} in the "
            "order of their bytes. Is the table of another index, or of another token type? Copy it again."
        )
    if whole:
        places = np.empty(shard.tokens, np.int64)
        read_pointers(arrays.table, shard.pointer_width, ranks, width, places)
        times = np.bincount(places, minlength=shard.tokens)
        if (times != 1).any():
            place = int(np.flatnonzero(times != 1)[0])
            raise DamagedIndex(f"{path}: has the suffix at token {place:,} {times[place]} times; expected each once.")


def check_optional(shard: ShardFiles) -> None:
    """Metadata with a place for each document, counts that come to the tokens there are."""
    has = set(shard.optional)
    if ("metadata" in has) != ("metaoff" in has):
        lost = "metaoff" if "metadata" in has else "metadata"
        raise DamagedIndex(f"{shard.path(lost)} is missing; metadata and metaoff belong together. Copy it again.")
    if "metaoff" in has:
        path, size = shard.path("metaoff"), size_of(shard.path("metadata"))
        if size_of(path) != 8 * shard.documents:
            raise DamagedIndex(
                f"{path}: {size_of(path):,} bytes; expected {8 * shard.documents:,}, 8 for each of the "
                f"{shard.documents:,} documents. Copy it again."
            )
        places = mapped(path, "<i8")
        for start, stop in stretches(shard.documents, 1 << 20, 0):
            part = np.asarray(places[start:stop])
            if part[0] < 0 or (np.diff(part) < 0).any() or part[-1] > size:
                raise DamagedIndex(f"{path}: offsets that don't rise within the {size:,} bytes of metadata.")


def separator_of(token_width: int) -> int:
    """The token before each document: all ones."""
    return (1 << 8 * token_width) - 1


def mapped(path: Path, dtype: str) -> Array:
    """A file as an array that is read where it is touched; bytes that make no whole entry are left out."""
    item = np.dtype(dtype).itemsize
    try:
        count = path.stat().st_size // item
        return np.memmap(path, dtype, "r", shape=(count,)).view(np.ndarray) if count else np.zeros(0, dtype)
    except OSError as error:
        raise DamagedIndex(f"{path}: can't be read: {error.strerror or error}.") from error


def sampled(size: int, most: int, random: np.random.Generator) -> Array:
    """Numbers below `size`, all of them or so many drawn evenly, the first and the last among them."""
    if size <= most:
        return np.arange(size)
    return np.unique(np.append(random.integers(0, size, most), [0, size - 1]))


def stretches(size: int, most: int, seed: int) -> Iterator[tuple[int, int]]:
    """Parts to be read: all in turn up to so many megabytes, else sixteen of them, the first and the last too."""
    starts = list(range(0, size, most))
    if len(starts) > WHOLE >> 20:
        starts = [starts[k] for k in sampled(len(starts), 16, np.random.default_rng(seed))]
    yield from ((start, min(size, start + most)) for start in starts)
