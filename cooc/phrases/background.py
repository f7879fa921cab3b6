"""What a foreign index holds at all: its words with their counts and margins, from all of it or a sample of documents.

An infini-gram index counts subwords. What chance would give needs words: how often each occurs, and how many windows
it stands in. Reading gives both, exactly for an index of up to `MOST_TOKENS`, else from a uniform sample of whole
documents, scaled up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.kernels.foreign import add_margins
from cooc.phrases.reading import BATCH, Reader, batches_of
from cooc.phrases.shards import distinct_below

if TYPE_CHECKING:
    from cooc.phrases.foreign import ForeignIndex

Array = NDArray[Any]

MOST_TOKENS = 50_000_000
"""Tokens that are read to know an index's words."""

ENDLESS = 1 << 61


class Background(NamedTuple):
    """Words of an index, by their numbers in a reader's vocabulary, scaled to the whole index."""

    occurrences: Array
    columns: Array
    """How many windows each word stands in: C1."""
    words: float
    pairs: float
    """N, the sum of C1."""
    documents_read: int
    documents: int

    @property
    def is_exact(self) -> bool:
        return self.documents_read == self.documents

    @property
    def note(self) -> str | None:
        """What a reader must know of a sample."""
        if self.is_exact:
            return None
        return (
            f"expected counts are estimates from a uniform sample of {self.documents_read:,} of the "
            f"{self.documents:,} documents."
        )


def background(
    index: ForeignIndex, reader: Reader, window: tuple[int, int], *, most_tokens: int = MOST_TOKENS, seed: int = 0
) -> Background:
    """The words of an index and the margins of a window of so many words to the left and the right."""
    total = index.documents
    share = min(1.0, most_tokens / max(1, index.token_count))
    numbers = np.arange(total) if share == 1.0 else distinct_below(
        total, max(1, int(total * share)), np.random.default_rng(seed))  # fmt: skip
    occurrences, columns, words = np.zeros(0, np.int64), np.zeros(0, np.int64), 0
    for ids, edges in documents_as_words(index, reader, numbers):
        size = reader.counter.known
        occurrences, columns = grown(occurrences, size), grown(columns, size)
        occurrences += np.bincount(ids, minlength=size)
        add_margins(ids, edges, *window, columns)
        words += len(ids)
    scale = total / max(1, len(numbers))
    pairs = int(columns.sum())
    if scale == 1.0:
        return Background(occurrences, columns, words, pairs, len(numbers), total)
    return Background(occurrences * scale, columns * scale, words * scale, pairs * scale, len(numbers), total)


def grown(array: Array, size: int) -> Array:
    """The array with zeros behind it up to a size, and half as many again, so that growing stays cheap."""
    if len(array) == size:
        return array
    return np.concatenate([array, np.zeros(max(0, size - len(array)), array.dtype)])


def documents_of(index: ForeignIndex, numbers: Array) -> Iterator[tuple[int, Array, Array, Array]]:
    """(shard, numbers, first token, place behind the last) of documents by their numbers, some at a time."""
    shards = index.shards
    for shard, each in enumerate(shards.arrays):
        low, high = np.searchsorted(numbers, shards.first_documents[shard : shard + 2])
        inside = numbers[low:high] - shards.first_documents[shard]
        width = each.files.token_width
        starts = np.asarray(each.offsets[inside]) // width + 1
        following = np.minimum(inside + 1, len(each.offsets) - 1)
        stops = np.where(inside + 1 < len(each.offsets), each.offsets[following] // width, len(each.tokens))
        for begin, end in batches_of(stops - starts):
            yield shard, numbers[low + begin : low + end], starts[begin:end], stops[begin:end]


def documents_as_words(index: ForeignIndex, reader: Reader, numbers: Array) -> Iterator[tuple[Array, Array]]:
    """(numbers of the words, where each document begins among them) of documents, some at a time."""
    for shard, _, starts, stops in documents_of(index, numbers):
        data, _, _, offsets = reader.texts(shard, starts, stops)
        ids, counts = reader.counter.add(data, offsets)
        yield ids.astype(np.int64), np.append(0, np.cumsum(counts)).astype(np.int64)


def document_texts(index: ForeignIndex, numbers: Array) -> Iterator[tuple[int, str]]:
    """(number, text) of documents by their numbers, which ascend."""
    reader = Reader(index)
    strip = index.tokenizer.kind == "metaspace"
    for shard, part, starts, stops in documents_of(index, numbers):
        data, _, _, offsets = reader.texts(shard, starts, stops)
        whole = data.tobytes()
        for number, a, b in zip(part.tolist(), offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            text = whole[a:b].decode("utf-8", "replace")
            # the space that such a tokenizer puts before every text
            yield number, text.removeprefix(" ") if strip else text


__all__ = ["BATCH", "ENDLESS", "Background", "background", "document_texts", "documents_as_words"]
