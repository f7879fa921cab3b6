"""Who is measured, on what, and by which commands."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks import glove
from benchmarks.measure import Command


class Inputs(NamedTuple):
    """The same documents in every form, and the first of them for what is slow."""

    text: Path
    sample: Path
    jsonl: Path
    jsonl_zst: Path
    parquet: Path


class Contender(NamedTuple):
    """A row of the results: the commands that do its work, given the inputs and an empty folder."""

    name: str
    label: str
    commands: Callable[[Inputs, Path], list[Command]]


def all_contenders(programs: Path, workers: int, memory: str) -> list[Contender]:
    """Everything that is measured; cooc's builds are followed by `verify`, which is measured apart."""

    def build(source: str, *options: str) -> Callable[[Inputs, Path], list[Command]]:
        def commands(inputs: Inputs, folder: Path) -> list[Command]:
            index = folder / "index"
            argv = cooc("build", getattr(inputs, source), "--text-documents", "line", *options)
            argv += ["--window", "10", "--memory", memory, "--workers", str(workers), "--out", index]
            return [Command(argv), Command(cooc("verify", index))]

        return commands

    def peer(name: str, source: str) -> Callable[[Inputs, Path], list[Command]]:
        def commands(inputs: Inputs, folder: Path) -> list[Command]:
            return [Command([sys.executable, "-m", "benchmarks.peers", name, getattr(inputs, source)])]

        return commands

    def count(inputs: Inputs, folder: Path) -> list[Command]:
        return glove.commands(programs, inputs.text, folder)

    return [
        Contender("read", "reading the file, nothing else", peer("read", "text")),
        Contender("glove", "GloVe `vocab_count` + `cooccur`", count),
        Contender("text", "cooc build, text", build("text")),
        Contender("pairs", "cooc build, text, `--ngrams 1`", build("text", "--ngrams", "1")),
        Contender("jsonl", "cooc build, jsonl, `--ngrams 1`", build("jsonl", "--ngrams", "1")),
        Contender("jsonl_zst", "cooc build, jsonl.zst, `--ngrams 1`", build("jsonl_zst", "--ngrams", "1")),
        Contender("parquet", "cooc build, parquet, `--ngrams 1`", build("parquet", "--ngrams", "1")),
        Contender("vectorize_words", "scikit-learn, words a document", peer("vectorize_words", "sample")),
        Contender("vectorize_bigrams", "scikit-learn, bigrams", peer("vectorize_bigrams", "sample")),
        Contender("collocations", "NLTK, pairs in the window", peer("collocations", "sample")),
    ]


def cooc(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "cooc", *arguments]


def export_command(index: Path, table: Path) -> Command:
    return Command(cooc("export", index, "--pairs", table))
