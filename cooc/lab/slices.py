"""A corpus of passages: a random choice from each file, a few of them held out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from cooc.corpus.find import find_sources
from cooc.corpus.model import Fields, Part, Receipt
from cooc.corpus.reader import read
from cooc.errors import UsageError
from cooc.lab.recipe import Corpus

TRAIN, HELDOUT = "train.jsonl", "heldout.jsonl"


def passages(source: str, text_field: str, size: int) -> list[str]:
    """All passages of `size` words (split at white space) of a corpus file; a document's last has what is left."""
    found: list[str] = []
    for text in _documents(source, text_field):
        words = text.split()
        found += [" ".join(words[k:k + size]) for k in range(0, len(words), size)]
    return found


def _documents(source: str, text_field: str) -> Iterator[str]:
    """Texts of a file; one that comes in pieces is put together."""
    sources, _ = find_sources([source])
    for each in sources:
        open_text = ""
        for batch in read(Part(each), Fields(text=text_field, id=None), receipt=Receipt()):
            data, ends = batch.data.tobytes(), batch.offsets.tolist()
            texts = [data[a:b].decode() for a, b in pairwise(ends)]
            if batch.continues:
                texts[0] = open_text + texts[0]
            open_text = texts.pop() if batch.open_end else ""
            yield from texts


def chosen(corpus: Corpus, seed: int) -> tuple[list[str], list[str]]:
    """Passages to train on and passages held out, by lot from each part."""
    train: list[str] = []
    heldout: list[str] = []
    for number, part in enumerate(corpus.parts):
        rng = np.random.default_rng([seed, number])
        held = passages(part.source, part.text_field, corpus.passage)
        count = min(len(held), max(2, round(part.words / corpus.passage)))
        if len(held) < 2:
            raise UsageError(f"{part.source}: {len(held)} passages of {corpus.passage} words; expected two or more.")
        some = [held[k] for k in rng.permutation(len(held))[:count].tolist()]
        apart = max(1, round(corpus.heldout * count))
        heldout += some[:apart]
        train += some[apart:]
    return train, heldout


def write_passages(path: Path, texts: Sequence[str]) -> None:
    """A JSON line for each passage, numbered; the file has its name only once it is whole."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"id": str(k), "text": text}, ensure_ascii=False) + "\n"
                        for k, text in enumerate(texts))  # fmt: skip
    partial.replace(path)


def read_passages(path: Path) -> list[str]:
    """The texts that `write_passages` wrote."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]
