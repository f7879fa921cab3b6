"""How long each stage of a build takes, as JSON: `python -m benchmarks.stages FILE DIR WORKERS MEMORY`.

Runs the build inside this process, as the command does, and looks at the clock whenever it tells of its
progress. A stage's seconds are from its first word to its last; what comes between two belongs to neither.
"""

import json
import sys
import time

from cooc.create.pipeline import build


def main() -> None:
    source, folder, workers, memory = sys.argv[1:]
    first: dict[str, float] = {}
    last: dict[str, float] = {}

    def watch(stage: str, done: int, total: int, note: str = "") -> None:
        last[stage] = time.perf_counter()
        first.setdefault(stage, last[stage])

    how = {"text_documents": "line", "window": 10, "memory": memory, "workers": int(workers)}
    begun = time.perf_counter()
    build(source, folder, progress=watch, **how)  # type: ignore[arg-type]
    whole = time.perf_counter() - begun
    stages = {stage: last[stage] - first[stage] for stage in first}
    print(json.dumps({**stages, "everything else": whole - sum(stages.values()), "whole": whole}))


if __name__ == "__main__":
    main()
