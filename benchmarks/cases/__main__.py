"""Run every case, or those named, over an index and the paper's lists; write the answers and their tables.

    python -m benchmarks.cases --index DIR --terms DIR --out DIR [--case birds …]

Each answer is the JSON of one command, OUT/CASE/STEP.json; OUT/CASE.md has the commands and their tables. A command
that fails says why in its place. An answer that is there is not asked for again: delete it to have it made anew.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from benchmarks.cases.asked import answer
from benchmarks.cases.lists import made_lists
from benchmarks.cases.steps import CASES, Places
from benchmarks.cases.tables import markdown


def main(given: list[str] | None = None) -> None:
    arguments = _arguments(given)
    made = arguments.out / "lists"
    made_lists(arguments.terms, made)
    at = Places(str(arguments.index), arguments.terms, made)
    extra = ["--null", str(arguments.null)] if arguments.null is not None else []
    for name in arguments.case or CASES:
        _run(name, at, arguments.out, extra)


def _run(name: str, at: Places, out: Path, extra: list[str]) -> None:
    (out / name).mkdir(parents=True, exist_ok=True)
    parts = []
    for step in CASES[name](at):
        begin = time.perf_counter()
        more = [] if step.command[0] in ("count", "derive", "years", "curation") else extra
        found = answer([*step.command, *more], out / name / f"{step.name.replace('/', ' ')}.json")
        print(f"{name}: {step.name}: {time.perf_counter() - begin:.1f} s", file=sys.stderr, flush=True)
        parts.append(markdown(step, found, at))
    heading = (CASES[name].__doc__ or name).strip()
    (out / f"{name}.md").write_text(f"# {heading}\n\n" + "\n".join(parts), encoding="utf-8")


def _arguments(given: list[str] | None) -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="benchmarks.cases", description=__doc__, formatter_class=raw)
    parser.add_argument("--index", type=Path, required=True, help="an index with the field year")
    parser.add_argument("--terms", type=Path, required=True, help="folder of the paper's lists: see README.md here")
    parser.add_argument("--out", type=Path, required=True, help="folder for answers and tables")
    parser.add_argument("--case", action="append", choices=sorted(CASES), help="only this one (repeatable)")
    parser.add_argument("--null", type=int, help="matched sets, where a command has them [each command's own]")
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
