"""The manifest must agree with itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from cooc.index.laws.law import Law, law, unchecked
from cooc.index.layout import DUPLICATES
from cooc.index.manifest import DOCUMENT, MANIFEST, Manifest
from cooc.index.shape import Arrays
from cooc.kernels.codes import MOST_IDS, SEPARATOR

MOST_HARMONIC = 22
"""The largest window whose counts in units of 1/lcm stay exact."""

MOST_ORDER = 5


def manifest_laws(held: Arrays) -> Iterator[Law]:
    manifest, where = held.manifest, held.folder / MANIFEST
    yield law("sources ascend and add up", where, source_faults(manifest))
    yield law("windows are those of the parameters", where, window_faults(manifest))
    yield law("n-grams are those of the parameters", where, order_faults(manifest))
    yield law("terms are those of the tokenizer and the parameters", where, term_faults(manifest))
    if manifest.parameters.dedup is None or DUPLICATES in held.sound:
        yield law("near-duplicates are listed", held.folder / DUPLICATES, duplicate_faults(held))
    else:
        yield unchecked("near-duplicates are listed", DUPLICATES)


def duplicate_faults(held: Arrays) -> Iterator[str]:
    dropped = sum(source.dropped for source in held.manifest.sources)
    lines = int(np.count_nonzero(held.sound[DUPLICATES] == ord("\n"))) if DUPLICATES in held.sound else 0
    if dropped != lines:
        yield f"lists {lines:,} documents where the manifest drops {dropped:,}"


def source_faults(manifest: Manifest) -> Iterator[str]:
    for name in ("documents", "tokens"):
        total, stated = sum(getattr(source, name) for source in manifest.sources), getattr(manifest, name)
        if total != stated:
            yield f"the sources have {total:,} {name}, the index {stated:,}"
    for before, after in pairwise(source.url for source in manifest.sources):
        if before >= after:
            yield f"the sources {before} and {after} are not in order"


def window_faults(manifest: Manifest) -> Iterator[str]:
    asked = manifest.parameters
    wanted = [str(size) for size in asked.windows] + ([DOCUMENT] if manifest.listed else [])
    names = [window.name for window in manifest.windows]
    if names != wanted:
        yield f"has the windows {', '.join(names)}; by its parameters {', '.join(wanted)}"
    for window in manifest.windows:
        size = window.window
        rules = ("symmetric", "uniform") if size is None else (asked.direction, asked.weighting)
        found = (window.name, window.direction, window.weighting, window.min_pair_count)
        if found != (DOCUMENT if size is None else str(size), *rules, asked.min_pair_count):
            yield f"window {window.name} is not counted as the parameters say"
        unit = lcm_to(size) if window.weighting == "harmonic" and size is not None else 1
        if window.unit != unit:
            yield f"window {window.name} has counts in units of 1/{window.unit}, expected 1/{unit}"


def lcm_to(size: int) -> int:
    """lcm(1..size), or 0 for a window too large for exact harmonic counts."""
    return math.lcm(*range(1, size + 1)) if size <= MOST_HARMONIC else 0


def order_faults(manifest: Manifest) -> Iterator[str]:
    orders, asked = [level.n for level in manifest.ngrams], manifest.parameters
    if orders != list(range(2, min(asked.ngrams, MOST_ORDER) + 1)):
        yield f"has n-grams of the orders {orders}; by its parameters up to {asked.ngrams}"
    for level in manifest.ngrams:
        if level.minimum != asked.min_count:
            yield f"has {level.n}-grams from {level.minimum:,} on; by its parameters from {asked.min_count:,}"


def term_faults(manifest: Manifest) -> Iterator[str]:
    terms, kind = manifest.terms, manifest.tokenizer.kind
    plain = kind != "word" and terms <= SEPARATOR
    if manifest.codes != ("plain" if plain else "pairs") or terms > MOST_IDS:
        yield f'has codes "{manifest.codes}" for {terms:,} terms of the tokenizer {kind}'
    if kind != "word" and terms != manifest.tokenizer.vocabulary:
        yield f"has {terms:,} terms, its tokenizer {manifest.tokenizer.vocabulary}"
    if manifest.parameters.max_terms is None and manifest.unit_words != terms:
        yield f"gives rows to {manifest.unit_words:,} of {terms:,} terms without a max_terms"
    if not set(manifest.absent) <= set(manifest.parameters.terms):
        yield "calls absent what is not among the terms of its parameters"
