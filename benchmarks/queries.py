"""How long an index takes to open and to answer, as JSON: `python -m benchmarks.queries DIR TERM...`."""

import json
import sys
import time
from statistics import median
from typing import Any

_TIMES = 20


def milliseconds(call: Any, *arguments: Any, times: int = 1, **options: Any) -> float:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        call(*arguments, **options)
        taken.append((time.perf_counter() - begun) * 1000)
    return median(taken)


def main() -> None:
    folder, *terms = sys.argv[1:]
    importing = time.perf_counter()
    import cooc

    answers: dict[str, Any] = {"import": (time.perf_counter() - importing) * 1000}
    answers["first open"] = milliseconds(cooc.open, folder)
    answers["open"] = milliseconds(cooc.open, folder, times=_TIMES)
    index = cooc.open(folder)
    answers["first neighbors"] = milliseconds(cooc.neighbors, index, terms[:1], measure="npmi")
    for term in terms:
        answers[f"neighbors {term}"] = milliseconds(
            cooc.neighbors, index, [term], measure="npmi", times=_TIMES
        )
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
