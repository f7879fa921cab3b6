"""How long phrases take, beside infini-gram's bare engine with prefetch off: `python -m benchmarks.phrases DIR`.

DIR is an index with a suffix array, on a disk with room for a second one. Everything is warm: files in memory and their
blocks checked, as after the first questions of a session. Writes its section of RESULTS.md.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

PHRASES = 500
BATCH = 5_000
OCCURRENCES = 100_000
ROUNDS = 5

RESULTS = Path(__file__).parent / "RESULTS.md"
HEADING = "# Phrases"

ENGINE = "bare engine, `count`, prefetch off"
COUNT, NEW = "`cooc.count`, phrase asked before", "`cooc.count`, new phrase"


def microseconds(call: Any, arguments: list[Any], times: int = 3) -> float:
    """The median over some arguments of the best of a few calls each."""
    best = []
    for argument in arguments:
        taken = []
        for _ in range(times):
            begun = time.perf_counter()
            call(argument)
            taken.append(time.perf_counter() - begun)
        best.append(min(taken) * 1e6)
    return median(best)


def seconds(call: Any, times: int = 1) -> float:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def some_phrases(index: Any, number: int, random: np.random.Generator) -> list[list[int]]:
    """Phrases of two to four terms as they stand in the corpus."""
    codes = index.tokens.all_codes()
    found: list[list[int]] = []
    while len(found) < number:
        at, n = int(random.integers(len(codes) - 5)), int(random.integers(2, 5))
        some = codes[at : at + n].tolist()
        if max(some) < index.tokens.singles:
            found.append(some)
    return found


def measured(index: Any) -> list[dict[str, float]]:
    """The figures of each round, in microseconds if their names don't say otherwise."""
    import cooc
    from cooc.phrases.engine import Engine
    from cooc.phrases.search import suffix_array
    from cooc.query.around import Gatherer
    from cooc.query.hits import find_hits
    from cooc.query.scan import codes_of
    from cooc.query.together import together
    from cooc.query.window import any_window

    random, array, engine = np.random.default_rng(0), suffix_array(index), Engine.of(index)
    assert array is not None
    phrases, batch = some_phrases(index, PHRASES, random), some_phrases(index, BATCH, random)
    texts = [" ".join(index.vocabulary.terms(phrase)) for phrase in phrases]
    coded = [codes_of(index, phrase) for phrase in phrases]
    lists, batch_lists = ([codes_of(index, each).tolist() for each in some] for some in (phrases, batch))
    assert [engine.count(codes) for codes in coded] == (array.ranges(coded) @ np.array([-1, 1])).tolist()
    occurrences = index.vocabulary.occurrences.all().astype(np.int64)
    term = int(np.argmin(abs(occurrences - OCCURRENCES)))
    hits, pair = find_hits(index, [[term]]), [[int(each)] for each in np.argsort(-occurrences)[20:22]]
    gatherers = {window: Gatherer(index, any_window(window)) for window in (10, 50)}

    def fresh(text: str) -> None:
        vars(index)["_known"].clear()
        cooc.count(index, text)

    def one_round() -> dict[str, float]:
        found = {
            ENGINE: microseconds(lambda ids: engine.raw.count(input_ids=ids), lists),
            "bare engine, `find`, prefetch off": microseconds(lambda ids: engine.raw.find(input_ids=ids), lists),
            "range by bisection": microseconds(lambda codes: array.ranges([codes]), coded),
            "places (`find_hits`)": microseconds(lambda phrase: find_hits(index, [phrase]), phrases),
            COUNT: microseconds(lambda text: cooc.count(index, text), texts),
            NEW: microseconds(fresh, texts),
            f"`find_hits` of {BATCH:,} phrases at once, each": seconds(lambda: find_hits(index, batch)) / BATCH * 1e6,
            f"bare engine, `find` of {BATCH:,} phrases, each": seconds(
                lambda: [engine.raw.find(input_ids=ids) for ids in batch_lists]) / BATCH * 1e6,
        }  # fmt: skip
        for window, gatherer in gatherers.items():
            took = seconds(lambda each=gatherer: each.around([term], hits.places, int(hits.lengths[0])), times=3)
            found[f"contexts of {len(hits.places):,} occurrences, window {window}, ms"] = took * 1000
        took = seconds(lambda: together(index, *pair, any_window(10)), times=3)
        return {**found, "two words of high frequency together, ms": took * 1000}

    one_round()  # compiles
    return [one_round() for _ in range(ROUNDS)]


def sorted_again(index: Any, memory: str) -> dict[str, float]:
    """Seconds and memory of the suffix array made for a copy without one, in processes of its own."""
    with tempfile.TemporaryDirectory(dir=index.path.parent) as folder:
        copy = Path(folder) / "index"
        subprocess.run(["cp", "-a", "--reflink=auto", index.path, copy], check=True)
        code = (
            "import sys; from pathlib import Path; from cooc.create.added import build_phrases, drop_table;"
            "from cooc.create.suffixes import TABLE; copy = Path(sys.argv[1]); drop_table(copy);"
            "(copy / TABLE).unlink(); build_phrases(copy, memory=sys.argv[2], workers=2)"
        )
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-c", code, str(copy), memory], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took = time.perf_counter() - begun
        logged = json.loads((copy / "build.jsonl").read_text().splitlines()[-1])
    millions = logged["codes"] / 1e6
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": took / millions, "cpu": processor / millions, "memory": logged["peak_memory"] / 1e6 / millions}


def spread(values: list[float]) -> str:
    """Median with the least and the most."""
    ends = median(values), min(values), max(values)
    shown = [f"{value:,.3g}" if value < 100 else f"{value:,.0f}" for value in ends]
    return f"{shown[0]} [{shown[1]}–{shown[2]}]"


def section(index: Any, rounds: list[dict[str, float]], sorts: dict[str, list[dict[str, float]]], load: float) -> str:
    """The section of RESULTS.md."""
    held = index.manifest
    lines = [
        HEADING, "",
        "Written by `python -m benchmarks.phrases`; don't edit.", "",
        f"Index: {held.documents:,} documents, {held.tokens:,} tokens, {held.terms:,} terms.",
        f"{PHRASES:,} phrases of two to four terms as they stand in it, each asked warm; a round takes the median over",
        f"them of the best of three. Below are medians of {len(rounds)} rounds with the least and the most,",
        f"on a machine of {os.cpu_count()} cores whose load was {load:.1f}.", "",
        "| | µs, or ms where said |", "| --- | --: |",
        *(f"| {name} | {spread([each[name] for each in rounds])} |" for name in rounds[0]),
        *(f"| {name} × the engine's | {spread([each[name] / each[ENGINE] for each in rounds])} |"
          for name in (COUNT, NEW)),
    ]  # fmt: skip
    if sorts:
        lines += ["", "The suffix array of this index, two workers:", "",
                  "| memory allowed | seconds a million codes | CPU s a million | peak MB a million |",
                  "| --- | --: | --: | --: |"]  # fmt: skip
        for memory, some in sorts.items():
            cells = [spread([each[name] for each in some]) for name in ("seconds", "cpu", "memory")]
            lines.append(f"| {memory} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure, and write the section."""
    import cooc

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index")
    parser.add_argument("--sort", nargs="*", default=[], metavar="MEMORY", help="Sort the suffix array anew in these.")
    parser.add_argument("--sorts", type=int, default=2, help="How often.")
    given = parser.parse_args()
    index, load = cooc.open(given.index), os.getloadavg()[0]
    rounds = measured(index)
    sorts = {memory: [sorted_again(index, memory) for _ in range(given.sorts)] for memory in given.sort}
    text = section(index, rounds, sorts, load)
    before = RESULTS.read_text().partition(HEADING + "\n")[0].rstrip() + "\n\n"
    RESULTS.write_text(before + text)
    print(text)


if __name__ == "__main__":
    main()
