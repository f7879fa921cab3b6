"""infini-gram directories, made by infini-gram's own indexer from tokens; and broken ones."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

DTYPES = {"u8": np.uint8, "u16": np.uint16, "u32": np.uint32}


def write_index(
    folder: Path, documents: Sequence[Sequence[int]], *, dtype: str = "u16", version: int = 4, shards: int = 1,
    metadata: Sequence[dict[str, Any]] | None = None,
) -> Path:  # fmt: skip
    """An index of documents of token ids, as `infini_gram.indexing` lays it out; document d is in shard d mod N."""
    folder.mkdir(parents=True)
    for shard in range(shards):
        name = folder / f"shard-{shard}" if version == 6 else folder
        name.mkdir(exist_ok=True)
        end = "" if version == 6 else f".{shard}"
        write_shard(name, end, documents[shard::shards], dtype=dtype, version=version)
        if metadata is not None:
            write_metadata(name, end, metadata[shard::shards])
    return folder


def write_shard(folder: Path, end: str, documents: Sequence[Sequence[int]], *, dtype: str, version: int) -> None:
    kind = DTYPES[dtype]
    separator = np.array([np.iinfo(kind).max], kind)
    parts, offsets, size = [], [], 0
    for document in documents:
        tokens = np.array(document, kind)
        parts += [separator, tokens[::-1] if version == 5 else tokens]
        offsets.append(size)
        size += (1 + len(tokens)) * separator.itemsize
    np.concatenate(parts).tofile(folder / f"tokenized{end}")
    np.array(offsets, np.uint64).tofile(folder / f"offset{end}")
    if dtype == "u32":  # the indexer takes 34 GB for these, whatever the corpus
        plain_table(folder / f"tokenized{end}", folder / f"table{end}", 4)
    else:
        run_indexer(folder / f"tokenized{end}", folder / f"table{end}", separator.itemsize)


def write_metadata(folder: Path, end: str, metadata: Sequence[dict[str, Any]]) -> None:
    lines = [json.dumps({"path": "a.jsonl", "linenum": k, "metadata": each}) + "\n" for k, each in enumerate(metadata)]
    (folder / f"metadata{end}").write_text("".join(lines))
    np.cumsum([0, *map(len, lines[:-1])]).astype(np.uint64).tofile(folder / f"metaoff{end}")


def pointer_width(size: int) -> int:
    return ((size - 1).bit_length() + 7) // 8


def run_indexer(tokenized: Path, table: Path, width: int) -> None:
    """The suffix array by `rust_indexing`, in the three steps of infini-gram's driver."""
    import infini_gram

    builder = Path(infini_gram.__file__).parent / "rust_indexing"
    size, work = tokenized.stat().st_size, tokenized.parent.parent / f"{tokenized.parent.name}-work"
    parts, merged = work / "parts", work / "merged"
    parts.mkdir(parents=True)
    merged.mkdir()
    common = ["--data-file", tokenized, "--ratio", pointer_width(size), "--token-width", width]
    for arguments in (
        ["make-part", "--parts-dir", parts, "--start-byte", 0, "--end-byte", size],
        ["merge", "--parts-dir", parts, "--merged-dir", merged, "--num-threads", 1, "--hacksize", 100_000],
        ["concat", "--merged-dir", merged, "--merged-file", table, "--num-threads", 1],
    ):
        subprocess.run([str(each) for each in [builder, *arguments, *common]], check=True, capture_output=True)
    shutil.rmtree(work)


def plain_table(tokenized: Path, table: Path, width: int) -> None:
    """The suffix array by its definition: all suffixes sorted by their bytes."""
    data = tokenized.read_bytes()
    places = sorted(range(0, len(data), width), key=lambda place: data[place : place + 4_000])
    pointer = pointer_width(len(data))
    table.write_bytes(b"".join(place.to_bytes(pointer, "little") for place in places))
