"""The results as a page of tables; nothing on it names a machine, a user or a folder."""

import os
import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.glove import Comparison
from benchmarks.measure import Run

PACKAGES = ("cooc", "numpy", "numba", "pyarrow", "polars", "scikit-learn", "nltk")
BUILDS = ("text", "pairs", "jsonl", "jsonl_zst", "parquet")
FORMS = ("jsonl", "jsonl_zst", "parquet")
SAMPLED = ("vectorize_words", "vectorize_bigrams", "collocations")


@dataclass
class Results:
    """What was measured: `runs[contender][round]` has a run for each of its commands."""

    rounds: int
    words: int
    documents: int
    text_bytes: int
    sample_words: int = 0
    workers: int = 1
    memory: str = ""
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    labels: dict[str, str] = field(default_factory=dict)
    runs: dict[str, list[list[Run]]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    manifest: dict[str, Any] | None = None
    answers: dict[str, float] | None = None
    stages: dict[str, float] | None = None
    kernel: dict[str, Any] | None = None
    comparison: Comparison | None = None


def write(path: Path, results: Results) -> None:
    """Write the page; half-way through the rounds it holds what there is so far."""
    sections = (head, speed, forms, stages, size, answers, equality, failures)
    parts = [section(results) for section in sections]
    _, heading, phrases = path.read_text(encoding="utf-8").partition("# Phrases\n") if path.exists() else ("", "", "")
    parts.append((heading + phrases).strip())  # which benchmarks/phrases.py measures
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def head(results: Results) -> str:
    done = max((len(runs) for runs in results.runs.values()), default=0)
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"""# cooc against GloVe, scikit-learn and NLTK

Written by `python -m benchmarks.run`; don't edit. {done} of {results.rounds} rounds.

Text: {results.documents:,} documents, {results.words:,} words, {results.text_bytes / 1e6:,.0f} MB, one
document a line: words as cooc finds them, joined by spaces, so that all see the same tokens. Rows marked
"sample" read its first {results.sample_words:,} words, which flatters them.

Machine: {processor()}, {len(os.sched_getaffinity(0))} cores, {memory() / 2**30:.0f} GiB, load
{results.load:.1f} at the beginning. Python {platform.python_version()}; {versions}. GloVe was built by its
own Makefile and run with `-min-count 1`, `-symmetric 1 -window-size 10 -distance-weighting 0 -memory 4.0`;
cooc with `--window 10 --memory {results.memory} --workers {results.workers}`.

A run is a whole process, the start of the program and its output included; the text was in the page cache and
compiled code in its own. Times are medians over the rounds with the least and the most; a ratio is of runs of
the same round."""


def speed(results: Results) -> str:
    """A row for each contender; cooc's builds have one alone and one with `verify`."""
    rows = []
    for name, label in results.labels.items():
        words = results.sample_words if name in SAMPLED else results.words
        told = f"{label} (sample)" if name in SAMPLED else label
        parts = {told: slice(0, 1), f"{told}, then `verify`": slice(0, 2)}
        rows += [
            speed_row(results, name, text, words, commands)
            for text, commands in (parts if name in BUILDS else {told: slice(None)}).items()
        ]
    columns = ("", "seconds", "million words/s", "× GloVe", "CPU s", "largest process", "all, without files")
    return "## Throughput\n\n" + table(columns, rows)


def speed_row(results: Results, name: str, label: str, words: int, commands: slice) -> tuple[str, ...]:
    rounds = [runs[commands] for runs in results.runs.get(name, [])]
    taken = [sum(run.seconds for run in runs) for runs in rounds]
    if not taken:
        return label, "can't run, see below", "", "", "", "", ""
    rivals = [results.words / sum(run.seconds for run in runs) for runs in results.runs.get("glove", [])]
    ratios = [words / seconds / rival for seconds, rival in zip(taken, rivals, strict=False)]
    return (
        label,
        spread(taken, 2),
        spread([words / seconds / 1e6 for seconds in taken], 2),
        spread(ratios, 1),
        f"{median(sum(run.cpu for run in runs) for runs in rounds):.1f}",
        f"{max(run.largest for runs in rounds for run in runs) / 2**20:,.0f} MiB",
        f"{max(run.tree for runs in rounds for run in runs) / 2**20:,.0f} MiB",
    )


def forms(results: Results) -> str:
    """What another format costs over text, with the same options."""
    rows = []
    for name in FORMS:
        pairs = zip(results.runs.get(name, []), results.runs.get("pairs", []), strict=False)
        ratios = [ours[0].seconds / plain[0].seconds for ours, plain in pairs]
        if ratios:
            rows.append((results.labels[name], spread(ratios, 2)))
    return "## Other formats\n\n" + table(("", "× the time of text"), rows) if rows else ""


def stages(results: Results) -> str:
    """Where the time of a build goes, and what the pair kernel does with tokens in memory."""
    parts = []
    if results.stages:
        rows = [(stage, f"{seconds:.2f}") for stage, seconds in results.stages.items()]
        parts.append("One build from text, default n-grams.\n\n" + table(("stage", "seconds"), rows))
    if results.kernel:
        rates = [results.kernel["words"] / seconds / 1e6 for seconds in results.kernel["seconds"]]
        parts.append(
            f"The pair kernel alone, on tokens in memory, with {results.workers} threads: {spread(rates, 1)} "
            "million tokens a second."
        )
    return "## Where the time goes\n\n" + "\n\n".join(parts) if parts else ""


def size(results: Results) -> str:
    """The bytes of an index by its folders, and for each stored pair."""
    if not results.manifest:
        return ""
    folders: dict[str, int] = {}
    for file in results.manifest["files"]:
        folder = file["name"].split("/")[0] if "/" in file["name"] else "other files"
        folders[folder] = folders.get(folder, 0) + file["bytes"]
    cells = sum(window["cells"] for window in results.manifest["windows"])
    whole = sum(folders.values())
    sizes = [*sorted(folders.items()), ("whole index", whole)]
    rows = [(name, f"{size / 1e6:,.1f}", f"{size / max(cells, 1):.2f}") for name, size in sizes]
    told = f"{cells:,} stored pairs of {results.manifest['terms']:,} terms; from text, default n-grams."
    return f"## Size\n\n{told}\n\n" + table(("", "MB", "bytes a pair"), rows)


def answers(results: Results) -> str:
    if not results.answers:
        return ""
    told = "A median of the words in running text, a median of the vocabulary, and the most frequent word."
    rows = [(what, f"{taken:.2f}") for what, taken in results.answers.items()]
    return f"## Answers\n\n{told}\n\n" + table(("", "ms"), rows)


def equality(results: Results) -> str:
    found = results.comparison
    if not found:
        return ""
    verdict = "The same cells with the same counts." if found.same else "**Not the same.**"
    told = (
        f"GloVe stored {found.glove_cells:,} cells that sum to {found.total:,}; cooc exports "
        f"{found.cooc_cells:,}. "
        f"Equal: {found.equal:,}; different counts: {found.different:,}; only GloVe: {found.only_glove:,}; "
        f"only cooc: {found.only_cooc:,}."
    )
    return f"## The same counts\n\n{verdict} {told}"


def failures(results: Results) -> str:
    # a message may quote a path, which is nobody's business
    lines = [f"- {name}: {re.sub(r'/[^ ]*/', '', why)}" for name, why in results.failed.items()]
    return "## What could not be measured\n\n" + "\n".join(lines) if lines else ""


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(columns)
    marks = ["---", *("--:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, marks, *rows))


def spread(values: list[float], digits: int) -> str:
    """Median, least and most.

    >>> spread([3.0, 1.0, 2.0], 1)
    '2.0 [1.0–3.0]'
    """
    if not values:
        return ""
    return f"{median(values):.{digits}f} [{min(values):.{digits}f}–{max(values):.{digits}f}]"


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
