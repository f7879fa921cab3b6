"""Tokenizers whose terms are known before any text is read: bytes, and Hugging Face `tokenizer.json`."""

import json
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.tokens.spec import TokenizerSpec
from cooc.tokens.vocabulary import LocalVocabulary, vocabulary_of
from cooc.tokens.words import cut_character

FILE_NAME = "tokenizer.json"
HELD_BYTES = 16 << 20  # of a document that arrives in pieces; then it is cut
BATCH_BYTES = 1 << 20


class FixedCounts:
    """Occurrences and distinct documents of known ids."""

    def __init__(self, terms: LocalVocabulary) -> None:
        self._vocabulary = terms
        self._counts = np.zeros((terms.occurrences.size, 4), dtype=np.int64)
        self._counts[:, 2] = -1
        self._document = 0

    def add(self, ids: NDArray[np.uint32], counts: NDArray[np.int64], *, open_end: bool) -> None:
        """Count the ids of pieces, of which the last may be unfinished."""
        from cooc.kernels.vocabulary import count_ids

        offsets = np.zeros(counts.size + 1, dtype=np.int64)
        np.cumsum(counts, out=offsets[1:])
        self._document = count_ids(ids, offsets, open_end, self._document, self._counts)

    def vocabulary(self) -> LocalVocabulary:
        """All terms with the counts so far."""
        return self._vocabulary._replace(
            occurrences=self._counts[:, 0].copy(), documents=self._counts[:, 1].copy()
        )


class ByteTokenizer:
    """A term for each of the 256 bytes; the id is the byte."""

    spec = TokenizerSpec(kind="bytes", keep_case=True, vocabulary=256)
    stored: bytes | None = None

    @cached_property
    def fixed(self) -> LocalVocabulary:
        """The single bytes."""
        return vocabulary_of([bytes([i]) for i in range(256)])

    def counter(self) -> "ByteCounter":
        """A new counter, nothing counted yet."""
        return ByteCounter(self.fixed)

    def words(self, text: str) -> list[bytes]:
        """The bytes of a text, one by one."""
        return [bytes([byte]) for byte in text.encode("utf-8", "replace")]


class ByteCounter:
    """Counts bytes."""

    def __init__(self, terms: LocalVocabulary) -> None:
        self._counts = FixedCounts(terms)

    def add(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        *,
        continues: bool = False,
        open_end: bool = False,
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The bytes of pieces as ids."""
        del continues  # what goes on needs nothing of what came before
        ids = data[offsets[0] : offsets[-1]].astype(np.uint32)
        counts = np.diff(offsets)
        self._counts.add(ids, counts, open_end=open_end)
        return ids, counts

    def vocabulary(self) -> LocalVocabulary:
        """The 256 bytes and their counts."""
        return self._counts.vocabulary()


class HuggingFaceTokenizer:
    """The tokens of a `tokenizer.json`, without special tokens, truncation or padding."""

    def __init__(self, content: bytes, where: str) -> None:
        self.stored: bytes | None = content
        self._model = read_model(content, where)
        by_token: dict[str, int] = self._model.get_vocab(with_added_tokens=True)
        size = max(by_token.values(), default=-1) + 1
        tokens = [b""] * size  # an id that no token has keeps an empty term
        for token, i in by_token.items():
            tokens[i] = token.encode("utf-8", "replace")
        self.fixed = vocabulary_of(tokens)
        self.spec = TokenizerSpec(
            kind="hf", keep_case=True, file=FILE_NAME, digest=digest_of(content), vocabulary=size
        )

    def counter(self) -> "HuggingFaceCounter":
        """A new counter, nothing counted yet."""
        return HuggingFaceCounter(self._model, self.fixed)

    def words(self, text: str) -> list[bytes]:
        """The token strings of a text, encoded as it stands (a leading space may matter)."""
        tokens: list[str] = self._model.encode(text, add_special_tokens=False).tokens
        return [token.encode("utf-8", "replace") for token in tokens]


class HuggingFaceCounter:
    """Counts tokens.

    A document that comes in pieces is held back until it ends. Beyond 16 MB it is cut behind the last line
    end, or else the last blank, and its parts are tokenised by themselves, which may change tokens there.
    """

    def __init__(self, model: Any, terms: LocalVocabulary) -> None:
        self._model = model
        self._counts = FixedCounts(terms)
        self._held: list[bytes] = []

    def add(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        *,
        continues: bool = False,
        open_end: bool = False,
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Tokenise pieces of documents; the tokens of one that is held back count for a later piece."""
        texts = [data[a:b].tobytes() for a, b in pairwise(offsets)]
        if continues:
            texts[0] = b"".join([*self._held, texts[0]])
        self._held = []
        if open_end:
            texts[-1], rest = ready_part(texts[-1])
            self._held = [rest]
        ids: list[NDArray[np.uint32]] = []
        counts = np.zeros(len(texts), dtype=np.int64)
        for first, batch in batches(texts):
            encodings = self._model.encode_batch_fast([t.decode() for t in batch], add_special_tokens=False)
            for i, encoding in enumerate(encodings, first):
                ids.append(np.array(encoding.ids, dtype=np.uint32))
                counts[i] = ids[-1].size
        flat = np.concatenate(ids) if ids else np.zeros(0, dtype=np.uint32)
        self._counts.add(flat, counts, open_end=open_end)
        return flat, counts

    def vocabulary(self) -> LocalVocabulary:
        """All tokens and their counts."""
        return self._counts.vocabulary()


def batches(texts: list[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Runs of texts of about a megabyte, each with the number of its first."""
    first, size = 0, 0
    for i, text in enumerate(texts):
        size += len(text)
        if size >= BATCH_BYTES or i == len(texts) - 1:
            yield first, texts[first : i + 1]
            first, size = i + 1, 0


def ready_part(text: bytes) -> tuple[bytes, bytes]:
    """Split what has arrived of a document into what to tokenise now and what to hold back."""
    if len(text) < HELD_BYTES:
        return b"", text
    cut = text.rfind(b"\n") + 1 or max(text.rfind(b" "), text.rfind(b"\t")) + 1
    if cut == 0:  # no white space in all of it
        cut = len(text) - cut_character(text[-3:])
    return text[:cut], text[cut:]


def read_model(content: bytes, where: str) -> Any:
    """The tokenizer of a `tokenizer.json`, or an error that says what was expected."""
    from tokenizers import Tokenizer

    expected = 'expected the tokenizer.json of a Hugging Face model: a JSON object with a "model"'
    try:
        parsed = json.loads(content)
    except ValueError as error:
        raise UsageError(f"{where} is no JSON ({error}); {expected}") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("model"), dict):
        raise UsageError(f"{where} is no tokenizer; {expected}")
    try:
        model = Tokenizer.from_str(content.decode())
    except Exception as error:  # the package raises plain Exception
        raise UsageError(f"{where} can't be read as a tokenizer ({error}); {expected}") from error
    model.no_truncation()
    model.no_padding()
    return model


def read_file(path: Path) -> bytes:
    """The bytes of a tokenizer file."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = f"can't read the tokenizer file {path}: {error.strerror}"
        raise UsageError(f"{reason}; give the path of a tokenizer.json as hf:FILE") from error


def digest_of(content: bytes) -> str:
    """The digest that ties an index to its tokenizer."""
    return xxhash.xxh3_128_hexdigest(content)
