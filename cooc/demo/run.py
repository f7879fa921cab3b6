"""The demo: the texts of the extra become an index, and the index answers. `cooc demo` runs `main`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cooc.demo import corpus, show
from cooc.demo.answers import Answers
from cooc.errors import BuildError
from cooc.verbs import build

if TYPE_CHECKING:
    from cooc.create.work import Progress
    from cooc.index.reader import Index

OUT = Path("indexes/demo")


@contextmanager
def stage_lines() -> Iterator[Progress]:
    """A line on standard error for each stage of a build as it begins."""
    begun, said = time.monotonic(), ""

    def progress(stage: str, done: int, total: int, note: str = "") -> None:
        nonlocal said
        if stage != said:
            said = stage
            say(f"{time.monotonic() - begun:6.1f} s  {stage}")

    yield progress


def main(out: Path | None, watched: Callable[[], AbstractContextManager[Progress]] = stage_lines) -> None:
    """Build the demo's index in `out`, unless it is there, and print what it answers to standard output.

    The texts and term files are written once into the folder `<out>-corpus` beside the index, the page of all
    answers is `<out>.html`. A build that was stopped goes on. How far it is goes to standard error, by `watched`
    while it builds.

    Raises `UsageError` if the packages of the extra are not installed, and `BuildError` where `out` or the
    folder beside it can't be written.
    """
    begun = time.monotonic()
    with watched() as progress:
        index = built(out or OUT, progress)
    answers = Answers(index, folder_of(out or OUT))
    for section in show.SECTIONS:
        for line in section(answers):
            print(line, flush=True)
        print(flush=True)
    say(f"all in {time.monotonic() - begun:.0f} s")


def built(out: Path, progress: Progress) -> Index:
    """The demo's index: built, or as it is there already."""
    from cooc.index.manifest import MANIFEST

    folder = folder_of(out)
    there = (out / MANIFEST).exists()
    say(f"texts: {folder} (the presidents' messages, and Webster's dictionary of 1913, supplemented)")
    try:
        sources, terms = corpus.write_corpus(folder), corpus.write_terms(folder)
    except OSError as error:
        raise BuildError(f"{folder}: can't write there ({error.strerror}). Choose another --out.") from error
    if there:
        say(f"index: {out}, built before")
    else:
        say(f"index: {out} (a first build also compiles the code that counts)")
    return build(sources, out, window=10, meta_fields=["year"], terms=terms, progress=progress)


def folder_of(out: Path) -> Path:
    """Where texts and terms lie: `<out>-corpus`."""
    return Path(f"{out if out.name else out.resolve()}-corpus")


def say(line: str) -> None:
    """A line for the person who waits."""
    print(line, file=sys.stderr, flush=True)
