"""Writes the tables of the word tokenizer from the running Python's `unicodedata`; run by hand.

    python3.11 -m cooc.tokens.make_unicode_tables

The file is a fixed header (`MAGIC`, Unicode version, three lengths) and three little-endian arrays:

    pages   u8,  one per 128 code points: which page of `records` describes them
    records u16, 128 a page: class of the code point in the low 3 bits, the rest is 0 or a position in `folds`
    folds   u64, the UTF-8 bytes of the folded character, first byte lowest; position 0 is not used

A full case folding is never longer than six bytes, so it always fits one word.
"""

import struct
import sys
import unicodedata

import numpy as np

from cooc.kernels.classes import APOSTROPHE, JOINER, LETTER, MARK, SEPARATOR, SOFT_HYPHEN
from cooc.tokens.unicode import HEADER, MAGIC, PAGE, path_of

SPECIAL = {0x27: APOSTROPHE, 0x2019: APOSTROPHE, 0x200C: JOINER, 0x200D: JOINER, 0xAD: SOFT_HYPHEN}


def class_of(code_point: int) -> int:
    """The class the rules give a code point."""
    if code_point in SPECIAL:
        return SPECIAL[code_point]
    category = unicodedata.category(chr(code_point))
    if category[0] in "LN":
        return LETTER
    return MARK if category[0] == "M" else SEPARATOR


def fold_of(code_point: int) -> int:
    """The UTF-8 bytes of the case-folded character as one integer, 0 where folding changes nothing."""
    folded = chr(code_point).casefold()
    return 0 if folded == chr(code_point) else int.from_bytes(folded.encode(), "little")


def tables() -> bytes:
    """The content of the file."""
    records = np.zeros(sys.maxunicode + 1, dtype="<u2")
    folds = [0]
    for code_point in range(sys.maxunicode + 1):
        kind = class_of(code_point)
        records[code_point] = kind
        if kind in (LETTER, MARK) and (folded := fold_of(code_point)):
            records[code_point] |= len(folds) << 3
            folds.append(folded)
    pages, distinct = page_table(records)
    version = unicodedata.unidata_version
    header = struct.pack(HEADER, MAGIC, version.encode(), len(pages), len(distinct), len(folds))
    return header + pages.tobytes() + distinct.tobytes() + np.array(folds, dtype="<u8").tobytes()


def page_table(records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split one record per code point into the number of its page and the distinct pages end to end."""
    seen: dict[bytes, int] = {}
    pages = [seen.setdefault(page.tobytes(), len(seen)) for page in records.reshape(-1, PAGE)]
    return np.array(pages, dtype="u1"), np.frombuffer(b"".join(seen), dtype="<u2")


if __name__ == "__main__":
    path_of(unicodedata.unidata_version).write_bytes(tables())
