"""The write-up of an experiment: report.md, analysis.json, and a page where cooc can make one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cooc.evidence.read import Row
from cooc.lab.analyse import STATISTIC, Analysis

REPORT, ANALYSIS, PAGE = "report.md", "analysis.json", "report.html"
SIZES = ("model", "trigram", "bigram", "unigram")
LIMITS = """\
This is a model organism: one base model of a few million parameters, trained once on some millions of words, and
finetuned on lists of terms. It can show that density, which is known here, goes with movement in such a model, or that
it doesn't, and by planting that the one causes the other. It can't show that a large model, which has learned far more
than who stands beside whom, generalises for the same reason, nor how large the effect would be there."""


def write_up(found: Analysis, folder: Path) -> list[Path]:
    """Write report.md and analysis.json into the directory, and report.html where the extra `report` is installed."""
    report, analysis = folder / REPORT, folder / ANALYSIS
    report.write_text(text_of(found), encoding="utf-8")
    analysis.write_text(json.dumps(found.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return [report, analysis, *_page(found, folder / PAGE)]


def _page(found: Analysis, path: Path) -> list[Path]:
    """A page of both bridges."""
    if any(find_spec(name) is None for name in ("cooc.page", "altair", "vl_convert")):
        return []
    from cooc.page.report import report

    report(path, [found.decided, found.also], title=f"The lab: {found.name}")
    return [path]


def text_of(found: Analysis) -> str:
    """The report in Markdown: the verdict first, then what it stands on."""
    return "\n\n".join([
        f"# The lab: {found.name}", *_verdicts(found), *_learned(found),
        *_section(f"Movement towards the target ({STATISTIC}, bits against control words), by arm", found.doses),
        *_section("Noise between training seeds, and between sets", found.noise),
        *_section("Movement towards every lexicon (bits)", found.moved),
        *_section("Not registered: further questions, over the same rivals", found.others),
        "## What this can say", LIMITS,
    ]) + "\n"  # fmt: skip


def _verdicts(found: Analysis) -> Iterable[str]:
    sets = len({row["unit"] for row in found.decided.points})
    yield f"{found.runs} finetunes of {sets} sets were measured; {len(found.failed)} failed."
    for row in found.failed:
        yield f"- failed: {row['seeds']}, seed {row['seed']}: {row['reason']}"
    heads = ("## As registered: over frequency, length, spelling and the base model's probability",
             "## As registered, second: over the model's similarity and in-context effect too")  # fmt: skip
    for head, result in zip(heads, (found.decided, found.also), strict=True):
        yield head
        yield "```\n" + result.text() + "\n```"
        row = result.rows()[0]
        yield (
            f"Rank correlation {_said(row['value'])} ({_said(row['low'])} to {_said(row['high'])}), "
            f"p = {_said(row['p'])}; over the rivals {_said(row['partial'])} ({_said(row['partial_low'])} to "
            f"{_said(row['partial_high'])}), p = {_said(row['partial_p'])}. Left-out skill "
            f"{_said(row['skill'])} with density, {_said(row['skill_rivals'])} without: increment "
            f"{_said(row['increment'])}. Power for a correlation of {row['power_for']:g}: {_said(row['power'])}; "
            f"the least that would be found: {_said(row['detectable'])}."
        )


def _learned(found: Analysis) -> Iterable[str]:
    held = found.learned
    yield "## Did the model learn?"
    losses = ", ".join(f"{name} {held[name]:.2f}" for name in SIZES if name in held)
    trained = "in random order" if held["shuffled"] else "as they stand"
    yield (
        f"Bits a held-out word: {losses} ({held['words_asked']:,} words). {held['parameters']:,} parameters, "
        f"{held['words']:,} words known, {held['tokens']:,} tokens {trained}, {held['tokens_seen']:,} read."
    )


def _section(head: str, rows: Sequence[Row]) -> Iterable[str]:
    if rows:
        yield f"## {head}"
        yield table_of(rows)


def table_of(rows: Sequence[Row]) -> str:
    """A table in Markdown.

    >>> print(table_of([{"a": 1, "b": 0.25}]))
    | a | b |
    |---|---|
    | 1 | 0.25 |
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names), *([_said(row.get(name)) for name in names] for row in rows)]
    return "\n".join("|" + "|".join(line) + "|" if line[0] == "---" else "| " + " | ".join(line) + " |"
                     for line in lines)  # fmt: skip


def _said(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
