"""The road over text: parts of corpus files, read, tokenised and counted at once; nothing of them is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.corpus import Batch, Fields, Part, Receipt, Source, read, split
from cooc.corpus.model import OnBad
from cooc.seeds.cells import Cells
from cooc.seeds.count import Counter, block_tokens
from cooc.seeds.model import ScanSource, Shape
from cooc.seeds.stores import Epoch, epoch_of, in_threads
from cooc.seeds.terms import Seeds, trie_of
from cooc.seeds.words import Margins, Words, names_of
from cooc.tokens import TokenCounter, Tokenizer

Array = NDArray[Any]

PART_BYTES = 32 << 20
BATCH_BYTES = 1 << 22


class Reading(NamedTuple):
    """How text is read and cut into terms."""

    tokenizer: Tokenizer
    fields: Fields
    on_bad: OnBad


def scan_texts(
    sources: list[Source], seeds: Seeds, shape: Shape, reading: Reading, *,
    folder: Path, workers: int, share: int, progress: Any,
) -> list[Epoch]:  # fmt: skip
    """Count the seeds over corpus files; each worker numbers the words it meets by itself."""
    parts = [part for source in sources for part in split(source, target_bytes=PART_BYTES)]
    receipts = [(Receipt(), 0)] * len(parts)
    lock, waiting, done = threading.Lock(), iter(range(len(parts))), 0
    idle = len(parts) < workers

    def work(number: int) -> tuple[TextCounter, int]:
        nonlocal done
        texts = TextCounter(reading, seeds, shape, folder / f"text-{number}", share=share)
        while True:
            with lock:
                part = next(waiting, None)
            if part is None:
                texts.flush()
                return texts, number
            receipts[part] = texts.read(parts[part], ahead=idle)
            with lock:
                done += 1
                progress("scan", done, len(parts))

    counted = in_threads(work, min(workers, max(1, len(parts))))
    epochs = [texts.epoch() for texts, _ in counted]
    records = records_of(sources, parts, receipts)
    return [epoch._replace(sources=records if number == 0 else []) for number, epoch in enumerate(epochs)]


class TextCounter:
    """One worker: its vocabulary, which knows the seeds from the start, and what it has counted."""

    def __init__(self, reading: Reading, seeds: Seeds, shape: Shape, folder: Path, *, share: int) -> None:
        self._reading = reading
        self._vocabulary: TokenCounter = reading.tokenizer.counter()
        folder.mkdir(parents=True)
        cells = Cells(folder, columns=2 * shape.windows, budget=share // 4)
        sequences = self._number(seeds)
        self._counter = Counter(trie_of(sequences), shape, cells)
        self._margins = Margins(shape, 1 << 12)
        # the seeds were tokenised as if they were documents; this is to be taken off
        self._counted = [token for sequence in sequences for token in sequence]
        self._holding = [token for sequence in sequences for token in set(sequence)]
        self._room = block_tokens(share)
        self._ids: list[Array] = []
        self._lengths: list[Array] = []
        self._held = 0

    def _number(self, seeds: Seeds) -> list[list[int]]:
        """The ids that the tokens of the seeds have from now on."""
        texts = [given[0].encode("utf-8", "replace") for given in seeds.given]
        offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
        data = np.frombuffer(b"".join(texts), np.uint8)
        ids, counts = self._vocabulary.add(data, offsets)
        return [part.tolist() for part in np.split(ids, np.cumsum(counts)[:-1])]

    def read(self, part: Part, *, ahead: bool) -> tuple[Receipt, int]:
        """Read a part; returns its receipt and its number of tokens."""
        receipt, tokens = Receipt(), 0
        fields, on_bad = self._reading.fields, self._reading.on_bad
        batches = read(part, fields, on_bad=on_bad, batch_bytes=BATCH_BYTES, receipt=receipt)
        for batch in read_ahead(batches) if ahead else batches:
            ids, lengths = self._vocabulary.add(
                batch.data, batch.offsets, continues=batch.continues, open_end=batch.open_end
            )
            tokens += len(ids)
            self._take(ids, lengths, continues=batch.continues)
            if self._held >= self._room and not batch.open_end:
                self.flush()
        return receipt, tokens

    def _take(self, ids: Array, lengths: Array, *, continues: bool) -> None:
        """Hold the tokens of a batch until there are enough; a document that goes on is one document."""
        self._ids.append(ids.copy())
        self._held += len(ids)
        if continues and len(lengths):
            self._lengths[-1][-1] += lengths[0]
            lengths = lengths[1:]
        if len(lengths):
            self._lengths.append(lengths.copy())

    def flush(self) -> None:
        """Count what is held."""
        if not self._lengths:
            return
        ids = np.concatenate(self._ids)
        starts = np.cumsum(np.concatenate([np.zeros(1, np.int64), *self._lengths]))
        self._ids, self._lengths, self._held = [], [], 0
        self._counter.add(ids, starts)
        self._margins.add(ids, starts)

    def epoch(self) -> Epoch:
        """All that was counted."""
        held = self._vocabulary.vocabulary()
        size = len(held.occurrences)
        occurrences = held.occurrences - np.bincount(self._counted, minlength=size)
        documents = held.documents - np.bincount(self._holding, minlength=size)
        words = Words(names_of(held.terms, held.offsets), occurrences, documents, self._margins.sums(occurrences))
        return epoch_of(words, [self._counter], [], is_ordered=False)


def read_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The same batches, each read while the one before is counted: for a worker that has a core to spare."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


def records_of(sources: list[Source], parts: list[Part], receipts: list[tuple[Receipt, int]]) -> list[ScanSource]:
    """What each corpus file gave, over its parts."""
    found: dict[str, list[tuple[Receipt, int]]] = {source.url: [] for source in sources}
    for part, counted in zip(parts, receipts, strict=True):
        found[part.source.url].append(counted)
    return [record_of(url, counted) for url, counted in found.items()]


def record_of(url: str, counted: list[tuple[Receipt, int]]) -> ScanSource:
    """What one corpus file gave."""
    skipped: dict[str, int] = {}
    for receipt, _ in counted:
        for reason, count in receipt.skipped.items():
            skipped[reason] = skipped.get(reason, 0) + count
    return ScanSource(
        url=url, documents=sum(receipt.documents for receipt, _ in counted),
        tokens=sum(tokens for _, tokens in counted), skipped=dict(sorted(skipped.items())),
    )  # fmt: skip
