"""What a build costs as a corpus grows: `python -m benchmarks.growth --text FILE --work DIR`, JSON lines to stdout.

The text has a document a line. Its copies are made of the same passages of 40 words in another order, and in each
but the first, half of the words that occur at most 20 times get an ending of their own, so that the vocabulary
grows with the corpus. Each build is a process of its own, whose processes are looked at every 50 ms:

    seconds, processor   of the wall, and of all processes together
    memory               most of their proportional set sizes together, in bytes; `limit` is what was allowed
    disk                 most bytes in the directory of the index
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cooc
from cooc.create.measure import bytes_below, memory_of
from cooc.create.plan import parse_memory

PASSAGE, PASSAGES, RARE = 40, 30, 20
EVERY = 0.05
BUILD = "import json, sys, cooc; cooc.build(sys.argv[1], sys.argv[2], **json.loads(sys.argv[3]))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 7])
    parser.add_argument("--memory", nargs="+", default=["1GB"])
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    args = parser.parse_args()
    for copies in args.copies:
        corpus = args.work / f"{copies}.txt"
        if not corpus.exists():
            write_copies(args.text, corpus, copies)
        for memory in args.memory:
            for workers in args.workers:
                print(json.dumps(measured(corpus, args.work / "index", memory, workers)), flush=True)


def write_copies(text: Path, out: Path, copies: int) -> None:
    """The corpus in so many copies."""
    documents = [line.split(" ") for line in text.read_text("utf-8").splitlines()]
    counts = collections.Counter(word for document in documents for word in document)
    rare = sorted(word for word, times in counts.items() if times <= RARE)
    passages = [document[k : k + PASSAGE] for document in documents for k in range(0, len(document), PASSAGE)]
    with out.open("w", encoding="utf-8") as file:
        for copy in range(copies):
            chance = random.Random(copy)
            chance.shuffle(passages)
            renamed = {word: f"{word}q{copy}" for word in rare if copy and chance.random() < 0.5}
            for k in range(0, len(passages), PASSAGES):
                words = (renamed.get(word, word) for passage in passages[k : k + PASSAGES] for word in passage)
                file.write(" ".join(words) + "\n")


def measured(corpus: Path, index: Path, memory: str, workers: int) -> dict[str, Any]:
    """Build an index of a corpus, and what it took."""
    shutil.rmtree(index, ignore_errors=True)
    options = {"text_documents": "line", "memory": memory, "workers": workers}
    begun, most, disk, processor = time.monotonic(), 0, 0, dict[int, float]()
    build = subprocess.Popen([sys.executable, "-c", BUILD, corpus, index, json.dumps(options)])
    while build.poll() is None:
        pids = below(build.pid)
        most, disk = max(most, memory_of(pids)), max(disk, bytes_below(index))
        for pid in pids:
            with contextlib.suppress(OSError, IndexError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                processor[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        time.sleep(EVERY)
    seconds = time.monotonic() - begun
    if build.returncode:
        raise SystemExit(build.returncode)
    made = cooc.open(index).manifest
    return {
        "tokens": made.tokens, "terms": made.terms, "cells": made.windows[0].cells, "workers": workers,
        "limit": parse_memory(memory), "memory": most, "seconds": round(seconds, 1),
        "processor": round(sum(processor.values()), 1), "disk": disk, "index": bytes_below(index),
    }  # fmt: skip


def below(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children = dict[int, list[int]]()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


if __name__ == "__main__":
    main()
