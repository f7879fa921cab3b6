"""The word tokenizer: Unicode letters, numbers and marks make words, inner apostrophes stay, case is folded.

A word is a longest run of word characters. Letters (category L) and numbers (N) start a word and continue
it; marks (M), ZERO WIDTH JOINER and NON-JOINER continue it. An apostrophe (' or ’, kept as ') belongs to a
word between two of its characters, of which the first is no joiner and the second a letter or number.
SOFT HYPHEN is as if it were not there. Everything else separates and takes no position.

Each character is case-folded by itself, in full (ß gives ss); nothing else is normalised, so a composed and
a decomposed é differ. A word longer than 255 bytes is cut into words of at most 255, between characters, so
that no blob of letters makes a term of megabytes.
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
QUERY_ROWS = 256
MOST_TERMS = 2**31  # ids are 32 bits, and the table needs twice as many slots
MOST_DOCUMENTS = 2**32 - 2  # the number of the last document of a term is kept in 32 bits


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
        counter = WordCounter(keep_case=self.spec.keep_case, rows=QUERY_ROWS)
        data = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8)
        ids, _ = counter.add(data, np.array([0, data.size], dtype=np.int64))
        terms = counter.vocabulary()
        return [terms.term(i) for i in ids]


class WordCounter:
    """Counts pieces of documents into one vocabulary; ids are in order of first appearance.

    `rows` is how many terms there is room for at first; both are there for the tests, which force growth and
    collisions.
    """

    def __init__(self, *, keep_case: bool = False, rows: int = 1 << 15, multiplier: np.uint64 | None = None) -> None:
        from cooc.kernels import vocabulary, words

        self._count_words, self._rehash = words.count_words, vocabulary.rehash
        self._keep_case = keep_case
        self._multiplier = vocabulary.MULTIPLIER if multiplier is None else multiplier
        self._tables = unicode_tables()
        self._state = np.zeros(words.STATE_FIELDS, dtype=np.int64)
        self._state[words.DOCUMENT] = 1
        self._scratch = np.zeros((4, words.UNITS), dtype=np.uint64)
        self._table = empty_table(2 * rows)
        self._places = np.zeros(rows, dtype=np.int64)
        self._arena = np.zeros(2 * rows, dtype=np.uint64)
        self._open = False
        self._tail = b""

    def add(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        *,
        continues: bool = False,
        open_end: bool = False,
    ) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Tokenise pieces of documents: the ids of their words, and how many of them each piece has.

        A word that is cut by the end of an unfinished piece counts for the piece it ends in.
        """
        from cooc.kernels import words

        if continues != self._open:
            raise ValueError("a piece that continues must follow an unfinished one, and nothing else may")
        data, offsets = self._whole_characters(data, offsets, open_end=open_end)
        self._open = open_end
        # a word and its separator take two bytes, and each piece may end a word without one
        ids = np.empty(int(offsets[-1] - offsets[0]) // 2 + 2 * offsets.size, dtype=np.uint32)
        counts = np.zeros(offsets.size - 1, dtype=np.int64)
        state = self._state
        state[words.PIECE] = state[words.WRITTEN] = state[words.FIRST] = 0
        state[words.POSITION] = offsets[0]
        if state[words.DOCUMENT] + counts.size > MOST_DOCUMENTS:
            raise BuildError(f"one worker met more than {MOST_DOCUMENTS:,} documents; use more workers")
        with np.errstate(over="ignore"):  # for interpreted mode; compiled integers wrap silently, as meant
            while self._count_words(
                data, offsets, open_end, state, self._scratch, *self._tables,
                self._table, self._places, self._arena, ids, counts, self._keep_case, self._multiplier,
            ):  # fmt: skip
                self._grow()
        return ids[: state[words.WRITTEN]], counts

    @property
    def known(self) -> int:
        """Terms seen so far."""
        return int(self._state[0])

    def in_last_document(self) -> NDArray[np.bool_]:
        """Which terms, by id, occur in the document that is open, or was the last to end."""
        from cooc.kernels.vocabulary import DOCUMENTS, LABEL, LOW_HALF
        from cooc.kernels.words import DOCUMENT

        entries = self._table[self._table[:, LABEL] != 0]
        last = np.uint64(self._state[DOCUMENT] - (not self._open))
        found = np.zeros(self.known, dtype=np.bool_)
        found[(entries[:, LABEL] & LOW_HALF) - np.uint64(1)] = entries[:, DOCUMENTS] & LOW_HALF == last
        return found

    def successor(self) -> "WordCounter":
        """A counter with no terms that goes on where this one stopped, be it inside a word."""
        from cooc.kernels import words

        new = WordCounter(keep_case=self._keep_case, multiplier=self._multiplier)
        new._state[:] = self._state
        new._state[:2] = 0
        new._state[words.DOCUMENT] = 1
        new._scratch[:] = self._scratch
        new._open, new._tail = self._open, self._tail
        return new

    def vocabulary(self) -> LocalVocabulary:
        """The terms seen so far and their counts, by id."""
        from cooc.kernels.vocabulary import DOCUMENTS, LABEL, LOW_HALF, OCCURRENCES, SIZE, U32, USED

        units = self._arena[: self._state[USED]].astype("<u8", copy=False)
        begins = self._places[: self._state[SIZE]]
        ends = np.append(begins[1:], units.size)[: begins.size]
        # only the last unit of a term is padded, with zeros in its high bytes
        last = units[ends - 1]
        padding = sum((last < np.uint64(1 << 8 * k)).astype(np.int64) for k in range(1, 8))
        offsets = np.zeros(begins.size + 1, dtype=np.int64)
        np.cumsum(8 * (ends - begins) - padding, out=offsets[1:])
        text = units.view(np.uint8)
        entries = self._table[self._table[:, LABEL] != 0]
        entries = entries[np.argsort(entries[:, LABEL] & LOW_HALF)]
        return LocalVocabulary(
            text[text != 0],
            offsets,
            entries[:, OCCURRENCES].astype(np.int64),
            (entries[:, DOCUMENTS] >> U32).astype(np.int64),
        )

    def _whole_characters(
        self, data: NDArray[np.uint8], offsets: NDArray[np.int64], *, open_end: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Put back the bytes of a character that the last call's end had cut, hold back those cut now.

        The data is returned as the kernel is compiled for: contiguous, and not to be written.
        """
        if self._tail:
            first = int(offsets[0])
            data = np.concatenate([np.frombuffer(self._tail, dtype=np.uint8), data[first:]])
            offsets = offsets - first + len(self._tail)
            offsets[0] = 0
            self._tail = b""
        if open_end:
            stop = int(offsets[-1])
            cut = cut_character(data[max(int(offsets[-2]), stop - 3) : stop].tobytes())
            if cut:
                self._tail = data[stop - cut : stop].tobytes()
                offsets = offsets.copy()
                offsets[-1] -= cut
        data = np.ascontiguousarray(data).view()
        data.flags.writeable = False
        return data, offsets

    def _grow(self) -> None:
        """Make room for more terms, or more of their text, whichever is short."""
        from cooc.kernels.vocabulary import ROOM, ROOM_UNITS, SIZE, USED

        rows = self._places.size
        if rows - self._state[SIZE] < ROOM:
            rows *= 2
            if rows > MOST_TERMS:
                raise BuildError(f"one worker met more than {rows // 2:,} different words; use more workers")
            self._places = grown(self._places, rows)
            table = empty_table(2 * rows)
            self._rehash(self._table, table, self._multiplier)
            self._table = table
        if self._arena.size - self._state[USED] < ROOM_UNITS:
            self._arena = grown(self._arena, 2 * self._arena.size)


def empty_table(slots: int) -> NDArray[np.uint64]:
    """A table of 32-byte entries, none of which lies across two cache lines."""
    spare = np.zeros(4 * slots + 8, dtype=np.uint64)
    skip = -spare.ctypes.data % 64 // 8
    return spare[skip : skip + 4 * slots].reshape(slots, 4)


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
