"""Measure cooc against GloVe, scikit-learn and NLTK on one text, and write the table.

    python -m benchmarks.run --glove DIR --text FILE

DIR holds GloVe's programs; FILE has one document a line, its words joined by spaces (`benchmarks.corpus`
writes such a file). Every contender is run as a whole process, from the start of its program to its end, in
every round; every other round goes through them backwards, so that a machine that slows down doesn't favor
one. Ratios are of runs of the same round. One that can't run keeps its row, which says why.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import corpus, glove
from benchmarks.contenders import Contender, Inputs, all_contenders, export_command
from benchmarks.measure import Command, CommandError, Run, run
from benchmarks.report import Results, write

KEPT = ("glove", "text")
"""Contenders whose last output is looked into afterwards."""


def main() -> None:
    args = arguments()
    with tempfile.TemporaryDirectory(prefix="cooc-benchmark-", dir=args.work) as name:
        work = Path(name)
        say("writing the text in its other forms")
        inputs = prepared(args.text, work, args.sample)
        contenders = all_contenders(args.glove.resolve(), args.workers, args.memory)
        documents, words = counted(args.text)
        results = Results(
            rounds=args.rounds,
            documents=documents,
            words=words,
            text_bytes=args.text.stat().st_size,
            sample_words=counted(inputs.sample)[1],
            workers=args.workers,
            memory=args.memory,
            labels={contender.name: contender.label for contender in contenders},
        )
        warm_up(contenders, args.text, work, results)
        for number in range(args.rounds):
            one_round(contenders if number % 2 == 0 else contenders[::-1], inputs, work, results)
            write(args.out, results)
        inspect_build(args.text, work, results)
        write(args.out, results)


def arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__, formatter_class=raw)
    parser.add_argument("--glove", type=Path, required=True, help="folder of vocab_count and cooccur")
    parser.add_argument("--text", type=Path, required=True, help="one document a line")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "RESULTS.md")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=1_000_000, help="words that the slow peers get")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--memory", default="8GB")
    parser.add_argument("--work", type=Path, help="where to put some GB of files for the time of the run")
    return parser.parse_args()


def say(what: str) -> None:
    print(f"benchmark: {what}", file=sys.stderr, flush=True)


def counted(text: Path) -> tuple[int, int]:
    """Documents and words of a text of one document a line."""
    with text.open("rb") as lines:
        sizes = [len(line.split()) for line in lines]
    return len(sizes), sum(sizes)


def prepared(text: Path, work: Path, sample_words: int) -> Inputs:
    folder = work / f"inputs-{text.stem}"
    folder.mkdir()
    sample = folder / "sample.txt"
    corpus.write_sample(text, sample, sample_words)
    return Inputs(text=text, sample=sample, **corpus.write_forms(text, folder))


def warm_up(contenders: list[Contender], text: Path, work: Path, results: Results) -> None:
    """Run each once on a little text: compiled code gets into its cache, and what can't run is found."""
    little = work / "little.txt"
    corpus.write_sample(text, little, 20_000)
    inputs = prepared(little, work, 20_000)
    for contender in contenders:
        say(f"warming up: {contender.label}")
        measured(contender, inputs, work, results)
    results.runs.clear()


def one_round(contenders: list[Contender], inputs: Inputs, work: Path, results: Results) -> None:
    for contender in contenders:
        if contender.name in results.failed:
            continue
        runs = measured(contender, inputs, work, results)
        say(f"{contender.label}: " + " + ".join(f"{each.seconds:.2f} s" for each in runs))


def measured(contender: Contender, inputs: Inputs, work: Path, results: Results) -> list[Run]:
    folder = work / contender.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.sync()  # what the last one wrote shall not be written on this one's time
    try:
        runs = [run(command, work / "said.txt") for command in contender.commands(inputs, folder)]
    except CommandError as fault:
        results.failed[contender.name] = str(fault)
        shutil.rmtree(folder)
        return []
    results.runs.setdefault(contender.name, []).append(runs)
    if contender.name not in KEPT:
        shutil.rmtree(folder)
    return runs


def inspect_build(text: Path, work: Path, results: Results) -> None:
    """Where a build's time goes, how large its index is, how fast it answers, and whether it is right."""
    results.kernel = answered("kernel", [text, str(results.workers)], work, results)
    again: list[str | Path] = [text, work / "again", str(results.workers), results.memory]
    results.stages = answered("stages", again, work, results)
    index = work / "text" / "index"
    if not (index / "manifest.json").exists():
        results.failed.setdefault("index", "there is no index to look into")
        return
    results.manifest = json.loads((index / "manifest.json").read_bytes())
    results.answers = answered("queries", [index, *typical_words(text)], work, results)
    if "glove" not in results.failed:
        compare_cells(index, work, results)


def answered(module: str, arguments: list[str | Path], work: Path, results: Results) -> Any:
    """What a module of the benchmark prints as JSON, run as a process of its own; None if it fails."""
    say(f"running benchmarks.{module}")
    answer = work / "answer.json"
    argv = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    try:
        run(Command(argv, stdout=answer), work / "said.txt")
    except CommandError as fault:
        results.failed[module] = str(fault)
        return None
    return json.loads(answer.read_bytes())


def compare_cells(index: Path, work: Path, results: Results) -> None:
    say("comparing every cell with GloVe's")
    exported = work / "pairs.parquet"
    try:
        run(export_command(index, exported), work / "said.txt")
        results.comparison = glove.compare(work / "glove", exported)
    except (CommandError, ValueError) as fault:
        results.failed["equality"] = str(fault)


def typical_words(text: Path) -> list[str]:
    """The median of the words in running text, the median of the vocabulary, and the most frequent word."""
    with text.open(encoding="utf-8", newline="\n") as lines:
        counts = Counter(word for line in lines for word in line.split())
    ranked = [word for word, _ in counts.most_common()]
    half, so_far = sum(counts.values()) / 2, 0
    for word in ranked:
        so_far += counts[word]
        if so_far >= half:
            return [word, ranked[len(ranked) // 2], ranked[0]]
    return ranked[:1]


if __name__ == "__main__":
    main()
