"""An infini-gram index that somebody else made, asked for words and phrases.

Its tokens are subwords and tell capitals apart. A phrase is looked up as all the sequences of tokens that may spell it
(`variants`); their places are read, the tokens around them put together to text, and the text cut into words as cooc
cuts it. So an occurrence is one of whole words, a window is one of words, and the numbers are those that a cooc index
of the same text has.
"""

from __future__ import annotations

import os
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cooc.errors import DamagedIndex, UnknownTerm, UsageError
from cooc.phrases.child import witnessed
from cooc.phrases.reading import Found, Reader, occurrences
from cooc.phrases.shards import Shards, chosen
from cooc.phrases.sidecar import Sidecar, checked_tokenizer, read_sidecar, write_sidecar
from cooc.phrases.validate import Layout, inspect, separator_of
from cooc.phrases.variants import Forms, Variant, sequences
from cooc.phrases.words import tokenizer_from
from cooc.tokens.words import WordTokenizer

MOST = 1_000_000
"""Places of one phrase that are read; of more, a sample of so many."""

Place = str | os.PathLike[str]


class ForeignIndex:
    """A foreign index by its sidecar. Holds no array until it is asked; travels to other processes by its path."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.sidecar: Sidecar = read_sidecar(self.path)

    def __reduce__(self) -> tuple[type[ForeignIndex], tuple[Path]]:
        return type(self), (self.path,)

    def __repr__(self) -> str:
        held = self.sidecar.record
        return (
            f"<infini-gram index {self.name}: {self.documents:,} documents, {self.token_count:,} {held.dtype} tokens, "
            f"version {held.index_version}, {len(held.shards)} shards, {held.tokenizer.kind} tokenizer>"
        )

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def digest(self) -> str:
        return self.sidecar.record.digest

    @property
    def keep_case(self) -> bool:
        return self.sidecar.record.keep_case

    @property
    def documents(self) -> int:
        return sum(shard.documents for shard in self.sidecar.record.shards)

    @property
    def token_count(self) -> int:
        """Subword tokens, without the separators of documents."""
        return sum(shard.tokens - shard.documents for shard in self.sidecar.record.shards)

    @cached_property
    def tokenizer(self) -> Any:
        return self.sidecar.tokenizer()

    @cached_property
    def shards(self) -> Shards:
        return Shards(
            [each.open() for each in self.sidecar.checked_shards()], backwards=self.sidecar.record.index_version == 5
        )

    @cached_property
    def forms(self) -> Forms:
        return Forms(self.tokenizer.spelling, keep_case=self.keep_case, backwards=self.shards.backwards)

    def words_of(self, phrase: str) -> list[bytes]:
        """The words of a phrase. Raises `UnknownTerm` if there are none."""
        words = WordTokenizer(keep_case=self.keep_case).words(phrase)
        if not words:
            raise UnknownTerm(f'"{phrase}" holds no term: words are letters and digits.')
        return words

    def variants(self, phrase: str) -> list[Variant]:
        """The token sequences of the index that may spell a phrase, the most frequent first."""
        shards = self.shards
        return sequences(self.forms, self.words_of(phrase), shards.everything, shards.narrow, shards.next_tokens)

    def spelled(self, variant: Variant) -> str:
        """A variant as text, in the order of reading."""
        tokens = variant.tokens[::-1] if self.shards.backwards else variant.tokens
        return str(self.tokenizer.text(tokens).decode("utf-8", "backslashreplace"))

    def find(
        self, phrase: str, *, reader: Reader | None = None, left: int | None = 0, right: int | None = 0,
        most: int | None = MOST, seed: int = 0,
    ) -> tuple[list[Variant], Found]:  # fmt: skip
        """The occurrences of a phrase with so many words to either side (None: the whole document).

        Of more than `most` places a uniform sample without replacement is read, over all variants and shards.
        """
        if most is not None and most < 1:
            raise UsageError(f"most is {most}; expected at least 1 occurrence.")
        reader = reader or Reader(self)
        (wanted,) = reader.number([phrase])
        variants = self.variants(phrase)
        places = chosen(variants, self.shards, most, np.random.default_rng(seed))
        return variants, occurrences(reader, wanted, variants, places, (left, right))


def open_infini_gram(
    directory: Place,
    *,
    tokenizer: str,
    out: Place | None = None,
    dtype: str | None = None,
    version: int | None = None,
    keep_case: bool = False,
    seed: int = 0,
) -> ForeignIndex:
    """Check a published infini-gram directory, write a sidecar for it, and open that.

    `tokenizer` is hf:FILE, the tokenizer.json the index was made with, or bytes. `out` is the sidecar's folder,
    DIRECTORY.cooc if not given; `cooc.open` opens it again. `dtype` (u8, u16, u32) is told by the files, version 5
    (reversed documents) by the directory's name or `version`. `keep_case` tells Bird from bird.

    Nothing of the index is copied or changed. Raises `NotAnIndex` or `DamagedIndex` for a directory that is not whole,
    `UsageError` for a tokenizer that is not its own, and `BuildError` if the sidecar can't be written.
    """
    path = Path(directory)
    using = tokenizer_from(tokenizer)
    layout = inspect(path, dtype=dtype, version=version, seed=seed)
    checks = checked_tokenizer(layout, using)
    checks |= compared_with_engine(layout, seed)
    place = Path(out) if out is not None else path.resolve().with_name(path.resolve().name + ".cooc")
    write_sidecar(place, path, layout, using, keep_case=keep_case, checks=checks)
    return ForeignIndex(place)


def compared_with_engine(layout: Layout, seed: int) -> dict[str, float]:
    """The counts of some token sequences by infini-gram's engine, in a process of its own, against our own.

    Raises `DamagedIndex` where they differ. Where infini-gram is not installed none are compared.
    """
    if find_spec("infini_gram") is None:  # it has no wheel for every platform; the checks of cooc's own were made
        return {"sequences_compared_with_engine": 0.0}
    shards = Shards([each.open() for each in layout.shards], backwards=layout.version == 5)
    random, asked = np.random.default_rng(seed), [[separator_of(layout.shards[0].token_width)]]
    for each in shards.arrays:
        for place in random.integers(0, len(each.tokens), 16).tolist():
            asked += [np.asarray(each.tokens[place : place + n]).tolist() for n in (1, 2, 4)]
    for phrase, theirs in zip(asked, witnessed(layout, asked), strict=True):
        ranges = shards.everything
        for depth, token in enumerate(phrase):
            ranges = shards.narrow(ranges, depth, np.array([token]))[0] if ranges else ranges
        ours = sum(high - low for _, low, high in ranges)
        if ours != theirs:
            raise DamagedIndex(
                f"{layout.shards[0].folder}: infini-gram's engine finds the tokens {phrase} {theirs:,} times, and its "
                f"table holds them {ours:,} times. The table is not sorted, or not of these tokens. Copy it again."
            )
    return {"sequences_compared_with_engine": float(len(asked))}
