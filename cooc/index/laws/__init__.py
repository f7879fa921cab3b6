"""The laws between the arrays of an index: what `indexes/FORMAT.md` promises and the arrays can show.

None trusts a number that it reads: offsets are looked at before anything follows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from cooc.index.laws.law import Law
from cooc.index.laws.manifest import manifest_laws
from cooc.index.laws.ngrams import ngram_laws
from cooc.index.laws.pairs import pair_laws
from cooc.index.laws.store import metadata_laws, token_laws
from cooc.index.laws.suffixes import suffix_laws
from cooc.index.laws.terms import unit_laws, vocabulary_laws
from cooc.index.shape import Arrays


def all_laws(held: Arrays, pool: Executor) -> Iterator[Law]:
    """The laws in the order of the pipeline. One that needs a file which is not whole is not checked."""
    lengths: list[NDArray[np.int64]] = []
    yield from manifest_laws(held)
    yield from vocabulary_laws(held)
    yield from token_laws(held, pool, lengths)
    yield from metadata_laws(held)
    yield from suffix_laws(held)
    yield from unit_laws(held)
    yield from ngram_laws(held, pool, lengths)
    for window in held.manifest.windows:
        yield from pair_laws(held, window, pool, lengths)


__all__ = ["Law", "all_laws"]
