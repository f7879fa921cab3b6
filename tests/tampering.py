"""Ways to break an index: as accidents do, and as somebody would who also puts the digests right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

from cooc.index.files import digest_blocks
from cooc.index.layout import BLOCKS
from cooc.index.manifest import MANIFEST, UNSIGNED
from cooc.index.shape import as_array


def copied(index: Path, folder: Path) -> Path:
    """A copy of an index that a test may break."""
    target = folder / index.name
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(index, target))


def flip(path: Path, bit: int) -> None:
    """Turn one bit of a file over."""
    data = bytearray(path.read_bytes())
    data[bit >> 3] ^= 1 << (bit & 7)
    path.write_bytes(data)


def edit_manifest(index: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the manifest as an object."""
    manifest = json.loads((index / MANIFEST).read_bytes())
    change(manifest)
    manifest["digest"] = UNSIGNED
    unsigned = json.dumps(manifest, indent=1)
    signed = xxhash.xxh3_128_hexdigest(unsigned.encode()).join(unsigned.rsplit(UNSIGNED, 1))
    (index / MANIFEST).write_bytes(signed.encode())


def edit_array(index: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Change a file as an array, in place or by what `change` returns, and make every digest right again."""
    array = as_array(name, memoryview((index / name).read_bytes())).copy()
    changed = change(array)
    (index / name).write_bytes((array if changed is None else changed.astype(array.dtype)).tobytes())
    sign(index)


def sign(index: Path) -> None:
    """Write the digests of the files as they are."""

    def change(manifest: dict[str, Any]) -> None:
        blocks: list[int] = []
        for record in manifest["files"]:
            path = index / record["name"]
            if record["name"] != BLOCKS:
                of_file, record["digest"] = digest_blocks(path)
                record["bytes"], record["first_block"] = path.stat().st_size, len(blocks)
                blocks += of_file
        data = np.array(blocks, "<u8").tobytes()
        (index / BLOCKS).write_bytes(data)
        last = next(record for record in manifest["files"] if record["name"] == BLOCKS)
        last["bytes"], last["digest"] = len(data), xxhash.xxh3_128_hexdigest(data)

    edit_manifest(index, change)
