"""An index described: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from cooc.cli.foreign import about_foreign, about_foreign_json
from cooc.cli.progress import in_bytes
from cooc.cli.show import print_table, put
from cooc.create.log import finished, read_events
from cooc.index.layout import LOG
from cooc.index.reader import Index

MOST_SHOWN = 10


def about_json(index: Index) -> dict[str, Any]:
    """The manifest, with the index's path, digest and sizes, and what its build took."""
    if not isinstance(index, Index):
        return about_foreign_json(index)
    manifest: dict[str, Any] = msgspec.to_builtins(index.manifest)
    return {"path": str(index.path), "digest": index.digest, "sizes": sizes(index), "log": took(index), **manifest}


def took(index: Index) -> dict[str, Any] | None:
    """Seconds, and peaks and limit in bytes, as the log of the build has them; None where there is no log."""
    end = finished(index.path)
    names = ("seconds", "peak_memory", "memory_limit", "peak_disk")
    return {**{name: end.get(name) for name in names}, "stages": stages(index)} if end else None


def stages(index: Index) -> list[dict[str, Any]]:
    """Seconds, tasks, and highest memory in bytes of each stage, by its name in the order of the build."""
    found: dict[str, dict[str, Any]] = {}
    for event in read_events(index.path / LOG):
        if event["event"] == "stage":
            name = str(event.get("part_of", event.get("stage")))
            row = found.setdefault(name, {"stage": name, "seconds": 0.0, "tasks": 0, "memory": 0})
            row["seconds"] = round(row["seconds"] + event.get("seconds", 0.0), 3)
            row["tasks"] += event.get("tasks", 0)
            row["memory"] = max(row["memory"], event.get("memory") or 0)
    return list(found.values())


def sizes(index: Index) -> dict[str, int]:
    """Bytes by folder, and of all."""
    found: dict[str, int] = {}
    for file in index.manifest.files:
        folder = file.name.split("/")[0]
        found[folder] = found.get(folder, 0) + file.bytes
    return {**found, "total": sum(found.values())}


def about(index: Index) -> None:
    """Print what a person wants to know first."""
    if not isinstance(index, Index):
        about_foreign(index)
        return
    held, chosen, bytes_of = index.manifest, index.manifest.parameters, sizes(index)
    spec = held.tokenizer
    cutter = spec.kind + (", case kept" if spec.keep_case and spec.kind == "word" else "")
    put(f"{index.path}  (digest {index.digest[:16]}, {bytes_of['total']:,} bytes)")
    put(f"{held.documents:,} documents, {held.tokens:,} tokens, {held.terms:,} terms; tokenizer {cutter}")
    rows = f"{held.unit_words:,} words" + (f" and {held.unit_phrases:,} phrases" if held.unit_phrases else "")
    put(f"rows for {rows}" + (f" (--max-terms {chosen.max_terms:,})" if chosen.max_terms else ""))
    if chosen.dedup is not None:
        dropped = sum(source.dropped for source in held.sources)
        put(f"{dropped:,} near-duplicates left out (--dedup {chosen.dedup}); duplicates.jsonl names them")
    if held.absent:
        put(f"{len(held.absent):,} of --terms do not occur: {listed(held.absent)}")
    put("")
    print_table({
        "window": [each.name for each in held.windows],
        "direction": [each.direction for each in held.windows],
        "weighting": [each.weighting for each in held.windows],
        "distinct pairs": [each.cells for each in held.windows],
        "pairs (N)": [each.total if each.unit == 1 else each.total / each.unit for each in held.windows],
        "least": [each.min_pair_count for each in held.windows],
    })  # fmt: skip
    if held.ngrams:
        put("")
        print_table({
            "n-grams": [str(each.n) for each in held.ngrams],
            "kept": [each.kept for each in held.ngrams],
            "occurrences": [each.total for each in held.ngrams],
            "least": [each.minimum for each in held.ngrams],
        })  # fmt: skip
    put("")
    _about_sources(index)
    _about_build(index)


def _about_build(index: Index) -> None:
    """What its build took, by stage."""
    log = took(index)
    if log is None or log["seconds"] is None:
        return
    peak = f", at most {in_bytes(log['peak_memory'])} of memory" if log["peak_memory"] else ""
    parts = ", ".join(f"{row['stage']} {row['seconds']:,.1f} s" for row in log["stages"])
    put("")
    put(f"built in {log['seconds']:,.1f} s{peak}" + (f": {parts}" if parts else ""))


def listed(names: Sequence[str]) -> str:
    """The first of some names."""
    return ", ".join(names[:MOST_SHOWN]) + (", …" if len(names) > MOST_SHOWN else "")


def reasons(index: Index, what: Literal["skipped", "repaired"]) -> str:
    """How many records were skipped or repaired, by reason; empty if none."""
    found: dict[str, int] = {}
    for source in index.manifest.sources:
        for reason, times in getattr(source, what).items():
            found[reason] = found.get(reason, 0) + times
    return ", ".join(f"{times:,} {reason}" for reason, times in sorted(found.items()))


def _about_sources(index: Index) -> None:
    """The sources, those that skipped records first, and where these were."""
    sources = index.manifest.sources
    first = sorted(sources, key=lambda each: -sum(each.skipped.values()))[:MOST_SHOWN]
    shown = [each for each in sources if each in first]
    put(f"{'documents':>12}{'tokens':>16}{'skipped':>10}  source")
    for each in shown:
        put(f"{each.documents:>12,}{each.tokens:>16,}{sum(each.skipped.values()):>10,}  {each.url}")
    if len(sources) > len(shown):
        put(f"… {len(sources) - len(shown):,} more sources (--json has all)")
    if skipped := reasons(index, "skipped"):
        put(f"skipped: {skipped}")
    if repaired := reasons(index, "repaired"):
        put(f"repaired: {repaired}")
    for place in [place for each in sources for place in each.skipped_where][:MOST_SHOWN]:
        put(f"  {place}")
