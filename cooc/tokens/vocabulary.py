"""The terms of a counter by provisional id, with their counts."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class LocalVocabulary(NamedTuple):
    """Term i is `terms[offsets[i]:offsets[i + 1]]`; `documents` counts distinct documents."""

    terms: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    occurrences: NDArray[np.int64]
    documents: NDArray[np.int64]

    def term(self, i: int) -> bytes:
        """The UTF-8 bytes of term i."""
        return self.terms[self.offsets[i] : self.offsets[i + 1]].tobytes()


def vocabulary_of(terms: list[bytes]) -> LocalVocabulary:
    """A fixed list of terms, nothing counted yet."""
    offsets = np.zeros(len(terms) + 1, dtype=np.int64)
    np.cumsum([len(term) for term in terms], out=offsets[1:])
    zeros = np.zeros(len(terms), dtype=np.int64)
    return LocalVocabulary(np.frombuffer(b"".join(terms), dtype=np.uint8), offsets, zeros, zeros)
