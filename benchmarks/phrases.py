"""How long phrases take, beside infini-gram's bare engine with prefetch off: `python -m benchmarks.phrases DIR`.

DIR is an index with a suffix array. Prints JSON, times in microseconds unless said otherwise; everything warm: files in
memory and their blocks checked, as after the first questions of a session.
"""

import json
import sys
import time
from statistics import median
from typing import Any

import numpy as np

PHRASES = 2_000
BATCH = 20_000
OCCURRENCES = 100_000


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


def seconds(call: Any, times: int = 3) -> float:
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


def main() -> None:
    import cooc
    from cooc.phrases.engine import Engine
    from cooc.phrases.search import suffix_array
    from cooc.query.around import Gatherer
    from cooc.query.hits import find_hits
    from cooc.query.scan import codes_of
    from cooc.query.together import together
    from cooc.query.window import any_window

    index, random = cooc.open(sys.argv[1]), np.random.default_rng(0)
    array, engine = suffix_array(index), Engine.of(index)
    assert array is not None
    phrases = some_phrases(index, PHRASES, random)
    texts = [" ".join(index.vocabulary.terms(phrase)) for phrase in phrases]
    coded = [codes_of(index, phrase) for phrase in phrases]
    lists = [codes.tolist() for codes in coded]
    totals = [engine.count(codes) for codes in coded]
    assert totals == (array.ranges(coded) @ np.array([-1, 1])).tolist()
    answers: dict[str, Any] = {"tokens": index.manifest.tokens, "median occurrences": median(totals)}
    answers["bare engine, count"] = microseconds(lambda ids: engine.raw.count(input_ids=ids), lists)
    answers["bare engine, find"] = microseconds(lambda ids: engine.raw.find(input_ids=ids), lists)
    answers["range by bisection"] = microseconds(lambda codes: array.ranges([codes]), coded)
    answers["places (find_hits)"] = microseconds(lambda phrase: find_hits(index, [phrase]), phrases)
    answers["cooc.count, phrase asked before"] = microseconds(lambda text: cooc.count(index, text), texts)

    def fresh(text: str) -> None:
        vars(index)["_known"].clear()
        cooc.count(index, text)

    answers["cooc.count, new phrase"] = microseconds(fresh, texts)
    batch = some_phrases(index, BATCH, random)
    answers[f"find_hits, {BATCH:,} phrases at once, each"] = seconds(lambda: find_hits(index, batch)) / BATCH * 1e6
    as_lists = [codes_of(index, phrase).tolist() for phrase in batch]
    answers[f"bare engine, {BATCH:,} phrases, each"] = (
        seconds(lambda: [engine.raw.find(input_ids=ids) for ids in as_lists], times=1) / BATCH * 1e6
    )
    term = int(np.argmin(abs(index.vocabulary.occurrences.all().astype(np.int64) - OCCURRENCES)))
    hits = find_hits(index, [[term]])
    for window in (10, 50):
        gatherer = Gatherer(index, any_window(window))
        took = seconds(lambda each=gatherer: each.around([term], hits.places, int(hits.lengths[0])))
        answers[f"contexts of {len(hits.places):,} occurrences, window {window}, ms"] = took * 1000
    ten = any_window(10)
    pair = [[int(each)] for each in np.argsort(-index.vocabulary.occurrences.all().astype(np.int64))[20:22]]
    answers["two words of high frequency together, ms"] = seconds(lambda: together(index, *pair, ten)) * 1000
    print(json.dumps(answers, indent=1))


if __name__ == "__main__":
    main()
