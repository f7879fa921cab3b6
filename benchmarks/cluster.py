"""How long the clusters around seeds take, by stage: `python -m benchmarks.cluster DIR SEEDS.txt [NULL]`.

With `density` behind it, how long the density of the seeds towards a lexicon takes, with 1,000 matched sets, likewise:
`python -m benchmarks.cluster DIR SEEDS.txt density`. Prints JSON: wall and processor seconds of each stage, in the
order of `cooc.cluster`'s progress, and of the whole; then the same once more in the same process,
when libraries are loaded, kernels compiled and degrees known.
"""

import json
import sys
import time


class Stages:
    """Seconds by stage, from a progress."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self._stage, self._begun = "", self._now()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self.end()
            self._stage, self._begun = stage, self._now()

    def end(self) -> None:
        if self._stage:
            spent = [now - then for now, then in zip(self._now(), self._begun, strict=True)]
            self.seconds[self._stage] = [round(seconds, 2) for seconds in spent]

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()


def density_of(index: object, seeds: str) -> dict[str, float]:
    """Wall and processor seconds of a density with 1,000 matched sets."""
    import cooc

    wall, processor = time.perf_counter(), time.process_time()
    cooc.density(index, seeds, "@19th_century_language", null=1000)
    return {"wall": round(time.perf_counter() - wall, 2), "processor": round(time.process_time() - processor, 2)}


def main() -> None:
    import cooc

    folder, seeds, *null = sys.argv[1:]
    index = cooc.open(folder)
    if null == ["density"]:
        print(json.dumps({name: density_of(index, seeds) for name in ("first", "again")}, indent=1))
        return
    options = {"null": int(null[0])} if null else {}
    answers: dict[str, object] = {"index": repr(index)}
    for name in ("first", "again"):
        stages, begun = Stages(), time.perf_counter()
        found = cooc.cluster(index, seeds, progress=stages, **options)
        stages.end()
        whole = round(time.perf_counter() - begun, 2)
        answers[name] = {"seconds": whole, "stages (wall, processor)": stages.seconds, "rows": len(found)}
    print(json.dumps(answers, indent=1))


if __name__ == "__main__":
    main()
