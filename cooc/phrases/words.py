"""Tokens of somebody else's tokenizer as bytes: what a token spells, so that tokens are put together to text again.

Three alphabets are known, told by the `tokenizer.json`:

    bytes       a token is a byte (an index of infini-gram without a tokenizer)
    byte-level  BPE over bytes (GPT-2, OLMo, Llama 3): a character of a token stands for a byte
    metaspace   SentencePiece and its kin (Llama 2, T5): "▁" stands for a space, <0x0A> for a byte

A word-piece vocabulary ("##ing") has thrown away what stood between words, and is refused.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.tokens.fixed import digest_of, read_file, read_model

Array = NDArray[Any]

Kind = Literal["bytes", "byte-level", "metaspace"]
BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
UNKNOWN = "\ufffd".encode()
PROBE = "The Great Auk's egg (no. 27), Königsberg – ‘tis said:\n\tIt cost £300; 大海雀 was 75 cm.\n"


class Spelling(NamedTuple):
    """The bytes of token i are `data[starts[i]:starts[i + 1]]`."""

    data: Array
    starts: Array

    def of(self, token: int) -> bytes:
        """The bytes of a token; none of an id the tokenizer doesn't have."""
        if token + 1 >= len(self.starts):
            return b""
        return bytes(self.data[self.starts[token] : self.starts[token + 1]])

    @property
    def longest(self) -> int:
        """Bytes of the longest token."""
        return int(np.diff(self.starts).max(initial=1))

    def __len__(self) -> int:
        return len(self.starts) - 1


class ForeignTokenizer:
    """A tokenizer of a foreign index: what its tokens spell. Raises `UsageError` if that can't be told."""

    def __init__(self, kind: Kind, content: bytes | None, where: str = "") -> None:
        self.kind, self.content = kind, content
        self.digest = digest_of(content) if content is not None else None
        self._where = where

    @cached_property
    def model(self) -> Any:
        """The tokenizer as its own package has it; None for bytes."""
        return None if self.content is None else read_model(self.content, self._where)

    @cached_property
    def spelling(self) -> Spelling:
        """What each token spells."""
        if self.content is None:
            return spelling_of([bytes([byte]) for byte in range(255)])  # 255 separates documents
        vocabulary: dict[str, int] = self.model.get_vocab(with_added_tokens=True)
        description = json.loads(self.content)
        added = {each["id"]: each for each in description.get("added_tokens") or ()}
        unknown = unknown_of(description, vocabulary)
        tokens = [b""] * (max(vocabulary.values(), default=-1) + 1)
        for token, number in vocabulary.items():
            if number == unknown or added.get(number, {}).get("special"):
                tokens[number] = UNKNOWN  # which stands between words, and in none
            elif number in added:
                tokens[number] = added[number]["content"].replace("▁", " ").encode()
            else:
                tokens[number] = spelled(token, self.kind)
        return spelling_of(tokens)

    def encode(self, text: str) -> list[int]:
        """The tokens that the tokenizer would make of a text."""
        if self.content is None:
            return list(text.encode("utf-8", "replace"))
        ids: list[int] = self.model.encode(text, add_special_tokens=False).ids
        return ids

    def text(self, ids: Any) -> bytes:
        """The bytes that tokens spell."""
        return b"".join(self.spelling.of(int(token)) for token in ids)


def tokenizer_from(option: str) -> ForeignTokenizer:
    """The tokenizer that `--tokenizer` names: hf:FILE or bytes."""
    if option == "bytes":
        return ForeignTokenizer("bytes", None)
    if not option.startswith("hf:") or option == "hf:":
        raise UsageError(
            f'no tokenizer "{option}" for an infini-gram index; name the tokenizer.json it was made with as '
            "hf:FILE, or bytes for one without a tokenizer."
        )
    path = Path(option[3:])
    return stored_tokenizer(read_file(path), str(path))


def stored_tokenizer(content: bytes, where: str) -> ForeignTokenizer:
    """The tokenizer of a `tokenizer.json`, tried on a sample of text."""
    read_model(content, where)
    made = ForeignTokenizer(kind_of(json.loads(content), where), content, where)
    ids = made.encode(PROBE)
    found, wanted = made.text(ids), made.model.decode(ids, skip_special_tokens=False)
    if found.decode("utf-8", "replace").split() != wanted.split():
        raise UsageError(
            f"{where}: its tokens can't be put together to text: {found.decode('utf-8', 'replace')!r} where the "
            f"tokenizer itself has {wanted!r}. cooc knows byte-level BPE and SentencePiece-like tokenizers."
        )
    return made


def kind_of(description: dict[str, Any], where: str) -> Kind:
    """How a tokenizer's tokens are spelled."""
    used = parts_of(description.get("pre_tokenizer")) + parts_of(description.get("decoder"))
    used += parts_of(description.get("normalizer"))
    types = {part.get("type") for part in used}
    if "ByteLevel" in types:
        return "byte-level"
    marked = any("▁" in json.dumps(part, ensure_ascii=False) for part in used)
    if "Metaspace" in types or marked:
        return "metaspace"
    raise UsageError(
        f"{where}: a tokenizer of type {description['model'].get('type')} without byte-level or ▁ tokens has not kept "
        "what stood between words, so text can't be put together again. cooc knows byte-level BPE and "
        "SentencePiece-like tokenizers."
    )


def parts_of(part: Any) -> list[dict[str, Any]]:
    """A component of a tokenizer, or those of a sequence."""
    if not isinstance(part, dict):
        return []
    inner = [each for name in ("pretokenizers", "decoders", "normalizers") for each in part.get(name) or ()]
    return [part, *(found for each in inner for found in parts_of(each))]


def unknown_of(description: dict[str, Any], vocabulary: dict[str, int]) -> int | None:
    """The id that stands for what the tokenizer could not write, if it has one."""
    model = description["model"]
    if isinstance(model.get("unk_id"), int):
        return int(model["unk_id"])
    return vocabulary.get(model["unk_token"]) if isinstance(model.get("unk_token"), str) else None


def spelled(token: str, kind: Kind) -> bytes:
    """The bytes that a token stands for.

    >>> spelled("Ġauk", "byte-level"), spelled("▁auk", "metaspace"), spelled("<0x0A>", "metaspace")
    (b' auk', b' auk', b'\\n')
    """
    if kind == "byte-level":
        return bytes(BYTE_OF.get(c, 0xFF) for c in token)
    if byte := BYTE.fullmatch(token):
        return bytes([int(byte[1], 16)])
    return token.replace("▁", " ").encode("utf-8", "replace")


def byte_alphabet() -> dict[str, int]:
    """The character by which byte-level BPE writes each byte: itself where it can be seen, else one from 256 on."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(256 + k): byte for k, byte in enumerate(hidden)}


BYTE_OF = byte_alphabet()


def spelling_of(tokens: list[bytes]) -> Spelling:
    """A table of what tokens spell."""
    starts = np.zeros(len(tokens) + 1, np.int64)
    np.cumsum([len(token) for token in tokens], out=starts[1:])
    return Spelling(np.frombuffer(b"".join(tokens), np.uint8), starts)
