"""An index described: for people, and as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from cooc.cli.show import print_table
from cooc.index.reader import Index

MOST_SOURCES = 10


def about_json(index: Index) -> dict[str, Any]:
    """The manifest, with the index's path, digest and sizes."""
    manifest: dict[str, Any] = msgspec.to_builtins(index.manifest)
    return {"path": str(index.path), "digest": index.digest, "sizes": sizes(index), **manifest}


def sizes(index: Index) -> dict[str, int]:
    """Bytes by folder, and of all."""
    found: dict[str, int] = {}
    for file in index.manifest.files:
        folder = file.name.split("/")[0]
        found[folder] = found.get(folder, 0) + file.bytes
    return {**found, "total": sum(found.values())}


def about(index: Index) -> None:
    """Print what a person wants to know first."""
    held, chosen, bytes_of = index.manifest, index.manifest.parameters, sizes(index)
    spec = held.tokenizer
    cutter = spec.kind + (", case kept" if spec.keep_case and spec.kind == "word" else "")
    print(f"{index.path}  (digest {index.digest[:16]}, {bytes_of['total']:,} bytes)")
    print(f"{held.documents:,} documents, {held.tokens:,} tokens, {held.terms:,} terms; tokenizer {cutter}")
    rows = f"{held.unit_words:,} words" + (f" and {held.unit_phrases:,} phrases" if held.unit_phrases else "")
    print(f"rows for {rows}" + (f" (--max-terms {chosen.max_terms:,})" if chosen.max_terms else ""))
    if held.absent:
        print(f"{len(held.absent):,} of --terms do not occur: {', '.join(held.absent)}")
    print()
    print_table({
        "window": [each.name for each in held.windows],
        "direction": [each.direction for each in held.windows],
        "weighting": [each.weighting for each in held.windows],
        "distinct pairs": [each.cells for each in held.windows],
        "pairs (N)": [each.total if each.unit == 1 else each.total / each.unit for each in held.windows],
        "least": [each.min_pair_count for each in held.windows],
    })  # fmt: skip
    if held.ngrams:
        print()
        print_table({
            "n-grams": [str(each.n) for each in held.ngrams],
            "kept": [each.kept for each in held.ngrams],
            "occurrences": [each.total for each in held.ngrams],
            "least": [each.minimum for each in held.ngrams],
        })  # fmt: skip
    print()
    _about_sources(index)


def _about_sources(index: Index) -> None:
    """The sources, those that skipped records first, and where these were."""
    sources = index.manifest.sources
    first = sorted(sources, key=lambda each: -sum(each.skipped.values()))[:MOST_SOURCES]
    shown = [each for each in sources if each in first]
    print_table({
        "source": [each.url for each in shown],
        "documents": [each.documents for each in shown],
        "tokens": [each.tokens for each in shown],
        "skipped": [sum(each.skipped.values()) for each in shown],
    })  # fmt: skip
    if len(sources) > len(shown):
        print(f"… {len(sources) - len(shown):,} more sources (--json has all)")
    for what in ("skipped", "repaired"):
        reasons: dict[str, int] = {}
        for each in sources:
            for reason, times in getattr(each, what).items():
                reasons[reason] = reasons.get(reason, 0) + times
        if reasons:
            print(f"{what}: {', '.join(f'{times:,} {reason}' for reason, times in sorted(reasons.items()))}")
    for place in [place for each in sources for place in each.skipped_where][:MOST_SOURCES]:
        print(f"  {place}")
