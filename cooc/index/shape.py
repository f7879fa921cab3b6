"""Which files an index has and how large each is, by the numbers in its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.index.files import BLOCK, dtype_of
from cooc.index.layout import BLOCKS, DUPLICATES, NGRAMS, PAIRS, TOKENIZER, TOKENS, UNITS, VOCABULARY
from cooc.index.manifest import Manifest

WIDER = {f"{TOKENS}/tokenized.0": "<u2", f"{TOKENS}/offset.0": "<u8", f"{TOKENS}/metaoff.0": "<u8"}
"""Files whose names, given by infini-gram, don't say their dtype."""


def as_array(name: str, data: memoryview) -> NDArray[Any]:
    """A file's bytes as the array it holds, read-only; bytes to spare are left out."""
    dtype = np.dtype(WIDER[name]) if name in WIDER else dtype_of(name)
    if len(data) < dtype.itemsize:
        # an empty buffer lies anywhere, and a kernel would be compiled again for unaligned arrays
        empty = np.zeros(0, dtype)
        empty.flags.writeable = False
        return empty
    return np.frombuffer(data, dtype, len(data) // dtype.itemsize)


def expected_sizes(manifest: Manifest) -> dict[str, int | None]:
    """Bytes of each file of the index by its name; None where only the file itself can tell."""
    held = manifest
    units = held.unit_words + held.unit_phrases
    sizes: dict[str, int | None] = {
        f"{TOKENS}/tokenized.0": None,
        f"{TOKENS}/offset.0": 8 * held.documents,
        f"{TOKENS}/metadata.0": None,
        f"{TOKENS}/metaoff.0": 8 * held.documents,
        f"{VOCABULARY}/terms.u8": None,
        f"{VOCABULARY}/offsets.i64": 8 * (held.terms + 1),
        f"{VOCABULARY}/occurrences.i64": 8 * held.terms,
        f"{VOCABULARY}/documents.i64": 8 * held.terms,
        f"{VOCABULARY}/sorted.u32": 4 * held.terms,
        f"{UNITS}/words.u32": 4 * held.unit_words,
        f"{UNITS}/phrase_starts.i64": 8 * (held.unit_phrases + 1),
        f"{UNITS}/phrase_terms.u32": None,
        f"{UNITS}/phrase_occurrences.i64": 8 * held.unit_phrases,
        f"{UNITS}/phrase_documents.i64": 8 * held.unit_phrases,
        f"{UNITS}/listed.u32": 4 * held.listed,
    }
    if held.phrases is not None:
        sizes[f"{TOKENS}/table.0"] = held.phrases.width * held.phrases.pointers
    for window in held.windows:
        folder = f"{PAIRS}/{window.name}"
        sizes[f"{folder}/cells.u8"] = None
        sizes[f"{folder}/starts.i64"] = 8 * (units + 1)
        sizes[f"{folder}/row_sums.i64"] = 8 * units
        if window.direction != "symmetric":
            sizes[f"{folder}/column_sums.i64"] = 8 * units
    rows = held.terms
    for level in held.ngrams:
        folder = f"{NGRAMS}/{level.n}"
        sizes |= {
            f"{folder}/starts.i64": 8 * (rows + 1),
            f"{folder}/last.u32": 4 * level.kept,
            f"{folder}/counts.i64": 8 * level.kept,
            f"{folder}/prefix_sums.i64": 8 * rows,
            f"{folder}/column_sums.i64": 8 * held.terms,
        }
        rows = level.kept
    if held.parameters.dedup is not None:
        sizes[DUPLICATES] = None
    if held.tokenizer.file is not None:
        sizes[TOKENIZER] = None
    sizes[BLOCKS] = 8 * sum(-(-record.bytes // BLOCK) for record in held.files if record.name != BLOCKS)
    return sizes


class Arrays(NamedTuple):
    """The files of an index that are whole, as arrays."""

    folder: Path
    manifest: Manifest
    sound: dict[str, NDArray[Any]]

    def lacks(self, *names: str) -> str:
        """The first of these files that is not whole; empty if all are."""
        return next((name for name in names if name not in self.sound), "")
