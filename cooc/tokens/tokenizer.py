"""What every tokenizer can do, and how to get one: by the user's option, or by an index's specification."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cooc.errors import DamagedIndex, LaterFormat, UsageError
from cooc.tokens.fixed import ByteTokenizer, HuggingFaceTokenizer, digest_of, read_file
from cooc.tokens.spec import RULES, TokenizerSpec
from cooc.tokens.unicode import VERSION
from cooc.tokens.vocabulary import LocalVocabulary
from cooc.tokens.words import WordTokenizer


class TokenCounter(Protocol):
    """Tokenises documents, whole or in pieces, and counts their terms."""

    def add(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        *,
        continues: bool = False,
        open_end: bool = False,
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The ids of the tokens of pieces `data[offsets[i]:offsets[i + 1]]`, and how many each piece has.

        `continues`: the first piece goes on with the document that the last call left open by `open_end`.
        """
        ...

    def vocabulary(self) -> LocalVocabulary:
        """The terms by id, with their counts so far."""
        ...


class Tokenizer(Protocol):
    """A tokenizer. `fixed` are its terms where they are known, `stored` is the file an index must keep."""

    @property
    def spec(self) -> TokenizerSpec: ...
    @property
    def fixed(self) -> LocalVocabulary | None: ...
    @property
    def stored(self) -> bytes | None: ...
    def counter(self) -> TokenCounter: ...
    def words(self, text: str) -> list[bytes]:
        """The terms that a text makes, as `counter` would find them."""
        ...


def tokenizer_for(option: str, *, keep_case: bool = False) -> Tokenizer:
    """The tokenizer that `--tokenizer` names."""
    if option == "word":
        return WordTokenizer(keep_case=keep_case)
    if keep_case and (option == "bytes" or option.startswith("hf:")):
        raise UsageError(
            f"--keep-case says nothing with --tokenizer {option}, which keeps case; leave it out"
        )
    if option == "bytes":
        return ByteTokenizer()
    if option.startswith("hf:") and option != "hf:":
        path = Path(option[3:])
        return HuggingFaceTokenizer(read_file(path), str(path))
    raise UsageError(f'no tokenizer "{option}"; there are word, bytes, and hf:FILE (a tokenizer.json)')


def tokenizer_of(spec: TokenizerSpec, directory: Path) -> Tokenizer:
    """The tokenizer an index was built with; one that needs a file finds it in the index's directory."""
    if spec.kind == "bytes":
        return ByteTokenizer()
    if spec.kind == "hf":
        return stored_tokenizer(spec, directory)
    if spec.rules != RULES or spec.unicode != VERSION:
        raise LaterFormat(
            f"{directory} has words by rules {spec.rules} and Unicode {spec.unicode}; this cooc has "
            f"rules {RULES} and Unicode {VERSION} and might miss some. Open it with the cooc that built it."
        )
    return WordTokenizer(keep_case=spec.keep_case)


def stored_tokenizer(spec: TokenizerSpec, directory: Path) -> HuggingFaceTokenizer:
    """The tokenizer whose file lies in the index, if it is still the file the index was built with."""
    name = spec.file or ""
    if name in ("", ".", "..") or Path(name).name != name:
        raise DamagedIndex(f'the manifest of {directory} names "{name}" as tokenizer; expected a file name')
    path = directory / name
    if not path.is_file():
        raise DamagedIndex(f"{path} is missing; the index can't be asked without it. Build it again.")
    content = path.read_bytes()
    found = digest_of(content)
    if found != spec.digest:
        raise DamagedIndex(f"{path} has digest {found}, expected {spec.digest}. Restore it or build again.")
    return HuggingFaceTokenizer(content, str(path))
