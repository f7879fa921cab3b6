"""Tokens of a foreign index read as text, and the text as words: what stands at a place, and around it.

How many tokens a word takes isn't known before they are read. So some are read beside each place, and where they turn
out to be too few, ever twice as many, until the words wanted are certain or the document ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.kernels.foreign import copy_windows, find_words, write_bytes
from cooc.phrases.shards import Chosen
from cooc.phrases.variants import Variant
from cooc.tokens.unicode import unicode_tables
from cooc.tokens.words import WordCounter

if TYPE_CHECKING:
    from cooc.phrases.foreign import ForeignIndex

Array = NDArray[Any]

EMPTY = np.zeros(0, np.int64)

BATCH = 1 << 22
"""Tokens that are put together to text at a time."""

FIRST_REACH = 12
"""Tokens read beside a place at first, and two for each word wanted."""


class Found(NamedTuple):
    """Occurrences of one phrase, read. Each has its words around it in `ids`, numbers in `Reader.vocabulary`.

    Occurrence k is `ids[first[k]:first[k] + length]`; `ids[low[k]:high[k]]` are words of its document for certain,
    of which those within the window asked for are all there. `variant[k]` is the sequence it was found by.
    """

    shard: Array
    token: Array
    document: Array
    variant: Array
    ids: Array
    first: Array
    low: Array
    high: Array
    length: int
    read: int
    total: int
    sure: Array
    """How many of each variant's places were occurrences."""
    asked: Array
    """How many of each variant's places were read."""


class Reader:
    """Reads windows of tokens as words. One reader numbers words alike over all that it reads."""

    def __init__(self, index: ForeignIndex) -> None:
        self.index, self.counter = index, WordCounter(keep_case=index.keep_case)

    def number(self, phrases: Sequence[str]) -> list[list[int]]:
        """The numbers of the words of phrases."""
        texts = [phrase.encode("utf-8", "replace") for phrase in phrases]
        offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
        ids, counts = self.counter.add(np.frombuffer(b"".join(texts), np.uint8), offsets)
        return [part.tolist() for part in np.split(ids, np.cumsum(counts)[:-1])]

    @property
    def vocabulary(self) -> list[str]:
        """Every word met so far, by its number."""
        held = self.counter.vocabulary()
        data = held.terms.tobytes()
        return [data[a:b].decode("utf-8", "replace") for a, b in pairwise(held.offsets.tolist())]

    def texts(self, number: int, starts: Array, stops: Array) -> tuple[Array, Array, Array, Array]:
        """Windows of tokens of a shard as text: (bytes, place of each token, tokens of each window, of its text)."""
        each, spelling = self.index.shards.arrays[number], self.index.tokenizer.spelling
        token_starts = np.append(0, np.cumsum(stops - starts)).astype(np.int64)
        tokens = np.empty(int(token_starts[-1]), each.tokens.dtype)
        copy_windows(each.tokens, starts, stops, self.index.shards.backwards, tokens)
        places = np.empty(len(tokens) + 1, np.int64)
        known = np.minimum(tokens.astype(np.int64), len(spelling))
        sizes = np.append(np.diff(spelling.starts), 0)
        data = np.empty(int(sizes[known].sum()), np.uint8)
        write_bytes(tokens, spelling.data, spelling.starts, data, places)
        return data, places, token_starts, places[token_starts]

    def words(self, data: Array, offsets: Array) -> tuple[Array, Array, Array, Array, Array]:
        """(numbers of the words, those of each text, where words begin, where they end, what is sure of each text)."""
        ids, counts = self.counter.add(data, offsets)
        starts, stops = np.empty((2, len(data) + 1), np.int64)
        sure = np.empty((len(offsets) - 1, 2), np.int64)
        size = int(find_words(data, offsets, *unicode_tables(), self.index.keep_case, starts, stops, sure))
        if size != len(ids):
            raise AssertionError(f"the word tokenizer found {len(ids)} words, and their places were {size}")
        return ids.astype(np.int64), counts, starts[:size], stops[:size], sure


def occurrences(
    reader: Reader, wanted: list[int], variants: Sequence[Variant], places: Sequence[Chosen],
    needs: tuple[int | None, int | None],
) -> Found:  # fmt: skip
    """Read the places, and keep those where the phrase stands as whole words."""
    parts = [part for each in places for part in read_places(reader, wanted, each, needs)]
    asked = np.zeros(len(variants), np.int64)
    for each in places:
        asked += np.bincount(each.variant, minlength=len(variants))
    shift = np.append(0, np.cumsum([len(part["ids"]) for part in parts])).astype(np.int64)
    columns = {
        name: np.concatenate([EMPTY, *(part[name] for part in parts)])
        for name in ("shard", "token", "document", "variant", "ids")
    }
    moved = {
        name: np.concatenate([EMPTY, *(part[name] + by for part, by in zip(parts, shift, strict=False))])
        for name in ("first", "low", "high")
    }
    return Found(
        **columns, **moved, length=len(wanted), read=int(asked.sum()), total=sum(each.total for each in variants),
        sure=np.bincount(columns["variant"], minlength=len(variants)), asked=asked,
    )  # fmt: skip


def read_places(
    reader: Reader, wanted: list[int], places: Chosen, needs: tuple[int | None, int | None]
) -> Iterator[dict[str, Array]]:
    """The occurrences at some places of a shard, in parts: read ever further until each is decided."""
    documents, starts, ends = reader.index.shards.document_bounds(places.shard, places.tokens)
    waiting, reach = np.arange(len(places.tokens)), FIRST_REACH + 2 * max(needs[0] or 0, needs[1] or 0)
    unlimited = None in needs
    while len(waiting):
        undecided = []
        far = np.int64(1) << 60 if unlimited else np.int64(reach + 4 * len(wanted))
        a = np.maximum(starts[waiting], places.tokens[waiting] - far)
        b = np.minimum(ends[waiting], places.tokens[waiting] + far + 1)
        for begin, end in batches_of(b - a):
            part = waiting[begin:end]
            batch = Batch(places.shard, places.tokens[part], a[begin:end], b[begin:end], starts[part], ends[part])
            found, open_ones = read_batch(reader, wanted, batch, needs)
            taken = part[found.pop("which")]
            found |= {
                "shard": np.full(len(taken), places.shard), "token": places.tokens[taken],
                "variant": places.variant[taken],
                "document": documents[taken] + reader.index.shards.first_documents[places.shard],
            }  # fmt: skip
            yield found
            undecided.append(part[open_ones])
        waiting, reach = np.concatenate(undecided), 2 * reach


def batches_of(sizes: Array) -> Iterator[tuple[int, int]]:
    """Runs of windows of about `BATCH` tokens."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + BATCH)))
        yield start, stop
        start = stop


class Batch(NamedTuple):
    """Windows [start, stop) of tokens around places in documents [begin, end) of one shard."""

    shard: int
    tokens: Array
    start: Array
    stop: Array
    begin: Array
    end: Array


def read_batch(
    reader: Reader, wanted: list[int], batch: Batch, needs: tuple[int | None, int | None]
) -> tuple[dict[str, Array], Array]:
    """(occurrences by column, which windows must be read further): `which` is the window of each occurrence.

    An occurrence belongs to the token that holds the first byte of its first word; in an index of reversed documents
    to the one that holds the last byte of its last. So none is found twice.
    """
    backwards = reader.index.shards.backwards
    data, places, token_starts, offsets = reader.texts(batch.shard, batch.start, batch.stop)
    ids, counts, starts, stops, sure = reader.words(data, offsets)
    edges = np.append(0, np.cumsum(counts)).astype(np.int64)
    inside = batch.stop - 1 - batch.tokens if backwards else batch.tokens - batch.start
    anchor = token_starts[:-1] + inside
    from_byte, to_byte = places[anchor], places[anchor + 1]
    at_begin = batch.stop == batch.end if backwards else batch.start == batch.begin
    at_end = batch.start == batch.begin if backwards else batch.stop == batch.end
    # words before the first sure separator, or behind the last, may be parts of words
    first_sure = np.where(at_begin, edges[:-1], np.searchsorted(starts, sure[:, 0]))
    last_sure = np.where(at_end, edges[1:], np.searchsorted(stops, sure[:, 1], side="right"))
    nothing = (sure[:, 0] < 0) & ~(at_begin & at_end)
    first_sure = np.where(nothing & ~at_begin, edges[1:], first_sure)
    last_sure = np.where(nothing & ~at_end, edges[:-1], last_sure)
    first_sure, last_sure = np.maximum(first_sure, edges[:-1]), np.minimum(last_sure, edges[1:])
    sure_words = SureWords(ids, edges, first_sure, last_sure, at_begin, at_end)
    # first words of what may be the phrase: those that begin (end) inside the anchor token, mostly one
    if backwards:
        low, high = np.searchsorted(stops, from_byte, side="right"), np.searchsorted(stops, to_byte, side="right")
        low, high = low - len(wanted) + 1, high - len(wanted) + 1
        open_ones = (low == high) & ~at_end & (sure[:, 1] < from_byte)
    else:
        low, high = np.searchsorted(starts, from_byte), np.searchsorted(starts, to_byte)
        open_ones = (low == high) & ~at_begin & ((sure[:, 0] < 0) | (sure[:, 0] >= to_byte))
    matches = []
    for k in range(int((high - low).max(initial=0))):
        which = np.flatnonzero(low + k < high)
        is_match, is_open = compared(sure_words, which, low[which] + k, wanted, needs)
        open_ones[which[is_open]] = True
        matches.append((which[is_match], low[which[is_match]] + k))
    return columns_of(sure_words, matches, open_ones, len(wanted), needs), open_ones


class SureWords(NamedTuple):
    """The words `ids[edges[t]:edges[t + 1]]` of each text, of which [first, last) are certain to be words."""

    ids: Array
    edges: Array
    first: Array
    last: Array
    at_begin: Array
    at_end: Array


def compared(
    words: SureWords, which: Array, at: Array, wanted: list[int], needs: tuple[int | None, int | None]
) -> tuple[Array, Array]:
    """Whether the phrase stands at word `at[k]` of text `which[k]`, and whether that can't yet be told."""
    first, last = words.first[which], words.last[which]
    dead, equal = np.zeros(len(which), np.bool_), np.ones(len(which), np.bool_)
    for k, number in enumerate(wanted):
        is_sure = (at + k >= first) & (at + k < last)
        same = words.ids[np.clip(at + k, 0, max(0, len(words.ids) - 1))] == number if len(words.ids) else is_sure
        dead |= is_sure & ~same
        dead |= (at + k < first) & words.at_begin[which] | (at + k >= last) & words.at_end[which]
        equal &= is_sure & same
    before, after = needs[0] or 0, needs[1] or 0
    enough = (at - before >= first) | words.at_begin[which]
    enough &= (at + len(wanted) + after <= last) | words.at_end[which]
    return equal & enough, ~dead & ~(equal & enough)


def columns_of(
    words: SureWords, matches: list[tuple[Array, Array]], open_ones: Array, length: int,
    needs: tuple[int | None, int | None],
) -> dict[str, Array]:  # fmt: skip
    """The occurrences in the texts that are decided, with the words around them that are wanted."""
    which = np.concatenate([EMPTY, *(each for each, _ in matches)])
    first = np.concatenate([EMPTY, *(each for _, each in matches)])
    kept = ~open_ones[which]
    which, first = which[kept], first[kept]
    low, high = words.first[which], words.last[which]
    if needs[0] is not None:
        low = np.maximum(low, first - needs[0])
    if needs[1] is not None:
        high = np.minimum(high, first + length + needs[1])
    return {"which": which, "ids": words.ids, "first": first, "low": low, "high": high}
