"""Corpus → token store: read and tokenise the parts, merge their vocabularies, write the codes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.corpus import Batch, Receipt, read
from cooc.create.plan import Plan
from cooc.create.vocabulary import merge_vocabularies
from cooc.create.work import Work
from cooc.errors import BuildError
from cooc.index.files import bytes_of, refusal, write_array, write_whole
from cooc.index.layout import TOKENS, VOCABULARY
from cooc.kernels.codes import MOST_IDS, SEPARATOR, SINGLES, write_codes
from cooc.tokens import LocalVocabulary, Tokenizer

Array = NDArray[Any]

BATCH_BYTES = 1 << 22
"""Text at a time: what passes from the reader to the tokenizer stays in the cache."""


VOCABULARY_FILES = {
    "terms": "terms.u8",
    "offsets": "offsets.i64",
    "occurrences": "occurrences.i64",
    "documents": "documents.i64",
    "sorted": "sorted.u32",
}


class PartCounts(msgspec.Struct):
    """What a part came to: the reader's receipt and the number of its tokens."""

    receipt: Receipt
    tokens: int
    metadata_bytes: int


def read_array(path: Path, dtype: str = "<i8") -> Array:
    return np.fromfile(path, dtype)


def tokenise_part(work: Work, plan: Plan, number: int) -> Any:
    """Read one part and write its tokens by provisional id, its documents and its vocabulary."""
    counter = plan.make_tokenizer().counter()
    receipt, folder = Receipt(), work.path(f"parts/{number}")
    folder.mkdir(parents=True, exist_ok=True)
    lengths: list[Array] = []
    tokens, metadata_bytes = 0, 0
    try:
        with open(folder / "ids.u32", "wb") as ids_file, open(folder / "metadata", "wb") as metadata_file:
            idle = len(plan.parts) < work.workers
            batches = read(
                plan.parts[number], plan.fields, on_bad=plan.parameters.on_bad_line,
                batch_bytes=4 * BATCH_BYTES if idle else BATCH_BYTES, receipt=receipt,
            )  # fmt: skip
            for batch in read_ahead(batches) if idle else batches:
                ids, pieces = counter.add(batch.data, batch.offsets, continues=batch.continues, open_end=batch.open_end)
                if batch.continues and len(pieces):
                    lengths[-1][-1] += pieces[0]
                    pieces = pieces[1:]
                if len(pieces):
                    lengths.append(pieces)
                ids_file.write(bytes_of(ids))
                tokens += len(ids)
                metadata_bytes += metadata_file.write(b"".join(batch.metadata))
    except OSError as error:
        raise BuildError(refusal(folder, 4 * tokens, error)) from error
    vocabulary = counter.vocabulary()
    write_array(folder / "lengths.i64", np.concatenate(lengths) if lengths else np.zeros(0, np.int64))
    for name, array in vocabulary._asdict().items():
        write_array(folder / VOCABULARY_FILES[name], array)
    return msgspec.to_builtins(PartCounts(receipt, tokens, metadata_bytes))


def read_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, each read while the one before is tokenised: for a worker that has a core to spare."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def part_vocabulary(work: Work, number: int) -> LocalVocabulary:
    folder = work.path(f"parts/{number}")
    return LocalVocabulary(
        read_array(folder / "terms.u8", "<u1"),
        *(read_array(folder / name) for name in ("offsets.i64", "occurrences.i64", "documents.i64")),
    )


def write_vocabulary(work: Work, parts: int, tokenizer: Tokenizer) -> Any:
    """Merge the vocabularies of the parts into the index's; each part gets its terms' final ids."""
    local = [part_vocabulary(work, number) for number in range(parts)]
    vocabulary, ranks = merge_vocabularies(local, fixed=tokenizer.fixed)
    if len(vocabulary.occurrences) > MOST_IDS:
        raise BuildError(
            f"the corpus has {len(vocabulary.occurrences):,} distinct terms; there is room for {MOST_IDS:,}."
        )
    singles = single_codes(tokenizer, len(vocabulary.occurrences))
    sizes = []
    for number, (part, rank) in enumerate(zip(local, ranks, strict=True)):
        write_array(work.path(f"parts/{number}/rank.u32"), rank)
        sizes.append(int(part.occurrences.sum() + part.occurrences[rank >= singles].sum()))
    folder = work.index / VOCABULARY
    for name, array in vocabulary._asdict().items():
        write_array(folder / VOCABULARY_FILES[name], array)
    return {"terms": len(vocabulary.occurrences), "singles": singles, "sizes": sizes}


def single_codes(tokenizer: Tokenizer, terms: int) -> int:
    """How many ids take a single code: all of a small fixed vocabulary, else those left by leads and trails."""
    return SEPARATOR if tokenizer.fixed is not None and terms <= SEPARATOR else SINGLES


def encode_part(work: Work, number: int, place: dict[str, int]) -> Any:
    """Write a part's codes, document offsets and metadata into their places in the token store."""
    folder, store = work.path(f"parts/{number}"), work.index / TOKENS
    lengths = read_array(folder / "lengths.i64")
    codes, starts = np.empty(place["codes"], np.uint16), np.empty(len(lengths), np.int64)
    written = write_codes(
        read_array(folder / "ids.u32", "<u4"), lengths, read_array(folder / "rank.u32", "<u4"),
        np.uint32(place["singles"]), codes, starts,
    )  # fmt: skip
    if int(written) != len(codes):
        raise BuildError(
            f"part {number} wrote {int(written):,} codes where {len(codes):,} were counted; it has changed."
        )
    put(store / "tokenized.0", 2 * place["first_code"], codes)
    put(store / "offset.0", 8 * place["first_document"], (2 * (starts + place["first_code"])).astype("<u8"))
    metadata = np.fromfile(folder / "metadata", np.uint8)
    ends = np.flatnonzero(metadata == ord("\n")) + 1
    line_starts = np.concatenate([np.zeros(1, np.int64), ends])[: len(lengths)]
    put(store / "metadata.0", place["first_metadata"], metadata)
    put(store / "metaoff.0", 8 * place["first_document"], (line_starts + place["first_metadata"]).astype("<u8"))
    return None


def put(path: Path, offset: int, array: Array) -> None:
    """Write an array into its place in a file that other tasks write elsewhere."""
    data = bytes_of(np.ascontiguousarray(array))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(handle, data[done : done + (64 << 20)], offset + done)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise BuildError(refusal(path, len(data), error)) from error


def write_token_store(work: Work, plan: Plan, tokenizer: Tokenizer) -> dict[str, Any]:
    """All of the way from the sources to `vocabulary/` and `tokens/`; returns what the manifest says of it."""
    (work.index / TOKENS).mkdir(parents=True, exist_ok=True)
    numbers = range(len(plan.parts))
    counted = [
        msgspec.convert(result, PartCounts)
        for result in work.tasks("tokens", tokenise_part, [(plan, number) for number in numbers])
    ]
    vocabulary = cast(dict[str, Any], work.once("vocabulary", write_vocabulary, len(plan.parts), tokenizer))
    places, place = [], {"first_code": 0, "first_document": 0, "first_metadata": 0}
    for number, part in enumerate(counted):
        codes = vocabulary["sizes"][number] + part.receipt.documents
        places.append((number, {**place, "codes": codes, "singles": vocabulary["singles"]}))
        place["first_code"] += codes
        place["first_document"] += part.receipt.documents
        place["first_metadata"] += part.metadata_bytes
    for name in ("tokenized.0", "offset.0", "metadata.0", "metaoff.0"):
        (work.index / TOKENS / name).touch()
    work.tasks("encode", encode_part, places)
    if tokenizer.stored is not None:
        write_whole(work.index / "tokenizer.json", tokenizer.stored)
    return {
        "counted": counted,
        "terms": vocabulary["terms"],
        "singles": vocabulary["singles"],
        "codes": place["first_code"],
        "documents": place["first_document"],
        "tokens": sum(part.tokens for part in counted),
    }
