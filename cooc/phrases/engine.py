"""infini-gram's own engine on a cooc index: an independent road to the same counts, and the measure of our speed.

cooc's answers do not go through it. It reads blocks that nobody has checked, takes one phrase a call, and returns
errors as dictionaries; a path with "table" or "tokenized" in it, or a stray file, crashes it. So it gets a folder of
links under neutral names, after every digest of the two files has been checked.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cooc.errors import CoocError, UsageError
from cooc.index.layout import TOKENS
from cooc.index.reader import Index

Array = NDArray[Any]

FILES = ("tokenized.0", "table.0", "offset.0")


class EngineError(CoocError):
    """infini-gram's engine has answered with an error."""


class Engine:
    """The engine on the links in `folder`, which `close` removes, as does the end of its use. `raw` is infini-gram's
    own."""

    def __init__(self, raw: Any, folder: Path) -> None:
        self.raw, self.folder = raw, folder
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    @classmethod
    def of(cls, index: Index) -> Engine:
        """The engine on an index's own files. Raises `DamagedIndex` where one has changed since it was built."""
        if index.tokens.table is None:
            raise UsageError(f"{index.name} has no suffix array; build it without --no-phrases.")
        index.tokens.table.all()
        index.tokens.codes.all()
        index.tokens.offsets.all()
        return cls(*opened({name: index.path / TOKENS / name for name in FILES}))

    def count(self, codes: Sequence[int] | Array) -> int:
        """How often a phrase of codes occurs."""
        return int(self._answer(self.raw.count(input_ids=as_list(codes)))["count"])

    def find(self, codes: Sequence[int] | Array) -> tuple[int, int]:
        """The ranks [low, high) of the suffixes that begin with a phrase of codes."""
        low, high = self._answer(self.raw.find(input_ids=as_list(codes)))["segment_by_shard"][0]
        return int(low), int(high)

    def close(self) -> None:
        """Remove the links; the engine is not to be asked any more."""
        self._remove()

    def _answer(self, answer: Any) -> Any:
        if "error" in answer:
            raise EngineError(f"infini-gram's engine refused: {answer['error']}")
        return answer


def opened(files: dict[str, Path]) -> tuple[Any, Path]:
    """infini-gram's engine on some files, linked into a folder of its own, and that folder."""
    folder = Path(tempfile.mkdtemp(prefix="cooc-engine-"))
    for name, path in files.items():
        (folder / name).symlink_to(path.resolve())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from infini_gram.engine import InfiniGramEngine  # loads a library of its own

        raw = InfiniGramEngine(
            index_dir=str(folder), eos_token_id=0, vocab_size=65_535, token_dtype="u16", version=4,
            ds_prefetch_depth=0, sa_prefetch_depth=0, od_prefetch_depth=0,
        )  # fmt: skip
    return raw, folder


def as_list(codes: Sequence[int] | Array) -> list[int]:
    """Codes as the engine takes them: it refuses tuples and NumPy's integers."""
    return [int(code) for code in np.asarray(codes).tolist()]
