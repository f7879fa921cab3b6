"""What a tokenizer is, as the index's manifest keeps it, so that a query is normalised as the build was."""

from typing import Literal

import msgspec

RULES = 1  # of the word tokenizer; to be raised whenever the same text would give other words


class TokenizerSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tokenizer's whole definition. `file` is the name of a copy of its file inside the index."""

    kind: Literal["word", "bytes", "hf"]
    keep_case: bool = False
    unicode: str | None = None
    max_word_bytes: int | None = None
    file: str | None = None
    digest: str | None = None
    vocabulary: int | None = None
    rules: int = RULES
