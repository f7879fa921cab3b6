"""Of which corpus, counted how: what the manifest of an index says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cooc.index.reader import Index
from cooc.page.documents import Row
from cooc.page.parts import Section, Table, slug


def corpus_section(index: Index) -> Section:
    """The section of an index: what is in it, and how it was counted."""
    held = index.manifest
    chosen, spec = held.parameters, held.tokenizer
    kept = "case kept" if spec.keep_case else "case folded"
    skipped = sum(sum(source.skipped.values()) for source in held.sources)
    dropped = sum(source.dropped for source in held.sources)
    lead = [
        f"{held.documents:,} documents with {held.tokens:,} tokens, {held.terms:,} different terms "
        f"(tokenizer {spec.kind}{f', {kept}' if spec.kind == 'word' else ''}). Index digest {index.digest}.",
        f"{skipped:,} records were skipped, {dropped:,} near-duplicates left out"
        + (f" (threshold {chosen.dedup})." if chosen.dedup is not None else "."),
        "A window of w counts up to w token positions to either side and never crosses the end of a document; a token "
        "outside the vocabulary keeps its position; logarithms are binary.",
    ]
    name = slug("corpus", index.name)
    return Section(name, f"The corpus: {index.name}", lead, tables=[
        Table(f"{name}-sources", "Sources", [_source(source) for source in held.sources]),
        Table(f"{name}-windows", "Windows", [_window(window) for window in held.windows]),
    ])  # fmt: skip


def _source(source: Any) -> Row:
    return {
        "source": Path(source.url).name, "format": source.format, "documents": source.documents,
        "tokens": source.tokens, "skipped": sum(source.skipped.values()), "near_duplicates": source.dropped,
        "digest": source.digest,
    }  # fmt: skip


def _window(window: Any) -> Row:
    return {
        "window": window.name, "direction": window.direction, "weighting": window.weighting,
        "distinct_pairs": window.cells, "pairs": window.total / window.unit if window.unit > 1 else window.total,
        "least_count": window.min_pair_count,
    }  # fmt: skip
