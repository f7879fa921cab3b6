"""The word tokenizer: Unicode letters, numbers and marks make words, inner apostrophes stay, case is folded.

A word is a longest run of word characters. Letters (category L) and numbers (N) start a word and continue it; marks (M),
ZERO WIDTH JOINER and NON-JOINER continue it. An apostrophe (' or ’, kept as ') belongs to a word between two of its
characters, of which the second is a letter or number and the first no joiner. SOFT HYPHEN is as if it were not there.
Everything else separates and takes no position. Each character is case-folded by itself, in full (ß gives ss); nothing
else is normalised, so a composed and a decomposed é differ. A word longer than 255 bytes is cut into words of at most
255, between characters, so that no blob of letters can make the vocabulary hold a term of megabytes.
"""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.errors import BuildError
from cooc.tokens.spec import RULES, TokenizerSpec
from cooc.tokens.unicode import VERSION, unicode_tables
from cooc.tokens.vocabulary import LocalVocabulary

MAX_WORD_BYTES = 255
ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")
MOST_TERMS = 2**31  # ids are 32 bits, and the table needs twice as many slots
STEPS = 1 << 14


class WordTokenizer:
    """Words of any script; the vocabulary grows without limit."""

    fixed: LocalVocabulary | None = None
    stored: bytes | None = None

    def __init__(self, *, keep_case: bool = False) -> None:
        self.spec = TokenizerSpec(
            kind="word", keep_case=keep_case, unicode=VERSION, max_word_bytes=MAX_WORD_BYTES, rules=RULES
        )

    def counter(self) -> "WordCounter":
        """A new, empty vocabulary to count into."""
        return WordCounter(keep_case=self.spec.keep_case)

    def words(self, text: str) -> list[bytes]:
        """The terms that a text makes, in order.

        >>> WordTokenizer().words("The Königsberg bird’s-eye view")
        [b'the', b'k\\xc3\\xb6nigsberg', b"bird's", b'eye', b'view']
        """
        if text.isascii() and len(text) <= MAX_WORD_BYTES:
            # what the kernel would give, without the time to load it: most queries are a plain word or two
            found = ASCII_WORD.findall(text if self.spec.keep_case else text.lower())
            return [word.encode() for word in found]
        counter = self.counter()
        data = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8)
        ids, _ = counter.add(data, np.array([0, data.size], dtype=np.int64))
        terms = counter.vocabulary()
        return [terms.term(i) for i in ids]


class WordCounter:
    """Counts pieces of documents into one vocabulary; ids are in order of first appearance."""

    def __init__(self, *, keep_case: bool = False, rows: int = 256, multiplier: int | None = None) -> None:
        # `rows` and `multiplier` are for tests, which force growth and collisions
        from cooc.kernels import words as kernel

        self._kernel = kernel
        self._keep_case = keep_case
        self._multiplier = kernel.MULTIPLIER if multiplier is None else np.uint64(multiplier)
        self._tables = unicode_tables()
        self._state = np.zeros(kernel.STATE_FIELDS, dtype=np.int64)
        self._scratch = np.zeros((2, kernel.UNITS), dtype=np.uint64)
        self._table = np.zeros((2 * rows, 2), dtype=np.uint64)
        self._terms = np.zeros((rows, 4), dtype=np.int64)
        self._arena = np.zeros(2 * kernel.ROOM_UNITS, dtype=np.uint64)
        self._open = False
        self._tail = b""

    def add(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], *, continues: bool = False, open_end: bool = False
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Tokenise pieces of documents: the ids of their words, and how many of them each piece has.

        A word that is cut by the end of an unfinished piece counts for the piece it ends in.
        """
        if continues != self._open:
            raise ValueError("a piece that continues must follow an unfinished one, and nothing else may")
        data, offsets = self._whole_characters(data, offsets, open_end=open_end)
        data = np.ascontiguousarray(data).view()
        data.flags.writeable = False  # the kernel is compiled once, for arrays that can't be written, whatever comes
        self._open = open_end and offsets.size > 1
        ids = np.empty(int(offsets[-1] - offsets[0]) // 2 + 2 * offsets.size, dtype=np.uint32)
        counts = np.zeros(offsets.size - 1, dtype=np.int64)
        kernel, state = self._kernel, self._state
        state[kernel.PIECE] = state[kernel.WRITTEN] = state[kernel.FIRST] = 0
        state[kernel.POSITION] = offsets[0]
        with np.errstate(over="ignore"):  # for interpreted mode; compiled integers wrap silently, as meant
            while kernel.count_words(
                data, offsets, self._open, state, self._scratch, *self._tables, self._table, self._terms, self._arena,
                ids, counts, self._keep_case, self._multiplier,
            ):  # fmt: skip
                self._grow()
        return ids[: state[kernel.WRITTEN]], counts

    def vocabulary(self) -> LocalVocabulary:
        """The terms seen so far and their counts, by id."""
        kernel = self._kernel
        terms = self._terms[: self._state[kernel.SIZE]]
        padded = self._arena[: self._state[kernel.ARENA]].astype("<u8", copy=False).view(np.uint8)
        is_text = padded != 0
        ends = np.zeros(padded.size + 1, dtype=np.int64)
        np.cumsum(is_text, out=ends[1:])
        starts = np.append(terms[:, kernel.START] * 8, padded.size)
        return LocalVocabulary(
            padded[is_text], ends[starts], terms[:, kernel.OCCURRENCES].copy(), terms[:, kernel.DOCUMENTS].copy()
        )

    def _whole_characters(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], *, open_end: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Put back the bytes of a character that the last call's end had cut, and hold back those of the next."""
        if self._tail:
            first = int(offsets[0])
            data = np.concatenate([np.frombuffer(self._tail, dtype=np.uint8), data[first:]])
            offsets = offsets - first + len(self._tail)
            offsets[0] = 0
            self._tail = b""
        if open_end and offsets.size > 1:
            stop = int(offsets[-1])
            cut = cut_character(data[max(int(offsets[-2]), stop - 3) : stop].tobytes())
            if cut:
                self._tail = data[stop - cut : stop].tobytes()
                offsets = offsets.copy()
                offsets[-1] -= cut
        return data, offsets

    def _grow(self) -> None:
        """Make room for more terms, or more of their text, whichever is short."""
        kernel, state = self._kernel, self._state
        if len(self._terms) - state[kernel.SIZE] < kernel.ROOM:
            rows = len(self._terms) * (8 if len(self._terms) < STEPS else 2)
            if rows > MOST_TERMS:
                raise BuildError(f"one worker met more than {MOST_TERMS // 2:,} different words; use more workers")
            self._terms = grown(self._terms, rows)
            table = np.zeros((2 * rows, 2), dtype=np.uint64)
            kernel.rehash(self._table, table, self._multiplier)
            self._table = table
        if self._arena.size - state[kernel.ARENA] < kernel.ROOM_UNITS:
            self._arena = grown(self._arena, self._arena.size * 2)


def grown(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """A copy with more rows; the new ones are not set."""
    larger = np.empty((rows, *array.shape[1:]), dtype=array.dtype)
    larger[: len(array)] = array
    return larger


def cut_character(end: bytes) -> int:
    """How many of the last bytes are the beginning of a character that is not there in whole."""
    for back in range(1, min(3, len(end)) + 1):
        byte = end[-back]
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if size > back else 0
        if byte < 0x80:
            return 0
    return 0
