"""Builds the golden indexes: small, of every kind of file, and kept as this format's version wrote them.

    python tests/golden/make.py

An index of a version that has been released is never made again: it must open in every later one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import cooc
from cooc.index.layout import LOG
from cooc.index.manifest import FORMAT

HERE = Path(__file__).parent
SOURCE = "corpus.jsonl"
OPTIONS: dict[str, dict[str, Any]] = {
    "symmetric": {
        "id_field": "id", "meta_fields": ["year"], "window": [2, 10], "ngrams": 3, "min_count": 1,
        "terms": ["great auk", "goatsucker", "dodo"],
    },
    "right": {
        "window": 3, "direction": "right", "weighting": "harmonic", "ngrams": 2, "min_count": 2, "min_pair_count": 4,
        "max_terms": 5, "terms": ["the great auk", "boat"],
    },
}  # fmt: skip


def make(folder: Path) -> None:
    """Build each index below `folder`; its source is named without a directory."""
    begun_in = Path.cwd()
    folder = folder.resolve()
    os.chdir(HERE)
    try:
        for name, options in OPTIONS.items():
            shutil.rmtree(folder / name, ignore_errors=True)
            cooc.build([SOURCE], folder / name, workers=1, **options)
            (folder / name / LOG).unlink()  # it tells of this machine, and is no part of the index
    finally:
        os.chdir(begun_in)


if __name__ == "__main__":
    make(HERE / f"v{FORMAT}")
