"""A foreign index counted into one of cooc's, kept beside its sidecar: for questions that need all words of a corpus.

Density and its null model, pair matrices and n-grams are made of all words. A build is the other half of cooc, which
may not be imported here, so it is the command `cooc build`, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from cooc.errors import BuildError, UsageError
from cooc.index.reader import Index
from cooc.phrases.texts import PREFIX

if TYPE_CHECKING:
    from cooc.phrases.foreign import ForeignIndex

MOST_TOKENS = 200_000_000
"""Tokens up to which an index is counted without being asked to: some minutes, and a few GB beside the sidecar."""

FOLDER = "counted"


def counted(index: ForeignIndex) -> Index:
    """The cooc index of all words of a foreign index; counts it, if that has not been done.

    Raises `UsageError` for a larger one, which the user has to count, or a sample of it, and `BuildError`.
    """
    place = index.path / FOLDER
    if (place / "manifest.json").is_file():
        return Index(place)
    if index.token_count > MOST_TOKENS:
        share = MOST_TOKENS / index.token_count
        raise UsageError(
            f"{index.name} has {index.token_count:,} tokens; this question needs all its words counted, which is done "
            f"by itself up to {MOST_TOKENS:,}. Count it, cooc build {PREFIX}{index.path} --out DIR, or some of its "
            f"documents, cooc build '{PREFIX}{index.path}?share={share:.2g}' --out DIR, and ask DIR."
        )
    command = ["build", f"{PREFIX}{index.path}", "--out", str(place), "--id-field", "id"]
    command += ["--keep-case"] if index.keep_case else []
    done = subprocess.run([sys.executable, "-m", "cooc", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason was given"]
        raise BuildError(f"{place}: can't be counted: {lines[-1].removeprefix('cooc: ')}")
    return Index(place)
