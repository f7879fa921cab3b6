"""The laws of the suffix array: its pointers are all places of the store, in the order of what begins there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from cooc.index.laws.law import Law, law, unchecked
from cooc.index.layout import TOKENS
from cooc.index.manifest import PhraseRecord
from cooc.index.shape import Arrays
from cooc.index.table import Table, count_faults, decoded, order_faults, pointer_faults, pointer_width

MEMORY = 256 << 20
"""Bytes in which the pointers and the order are looked at: the whole order of up to 4 million."""

SEED = 0

LAWS = ("pointers are of all codes, each once", "suffixes are in order", "phrases are found as often as they occur")


def suffix_laws(held: Arrays) -> Iterator[Law]:
    """The later laws are held only where the pointers are sound."""
    record, names = held.manifest.phrases, [f"{TOKENS}/tokenized.0", f"{TOKENS}/table.0"]
    if record is None:
        return
    if missing := held.lacks(*names):
        yield unchecked("suffix array", missing)
        return
    where, fault = held.folder / names[1], size_fault(record, len(held.sound[names[0]]))
    table = table_of(held, record)
    pointers = law(LAWS[0], where, chain([fault] if fault else [], pointer_faults(table, MEMORY)))
    yield pointers
    if pointers.ok:
        yield law(LAWS[1], where, order_faults(table, MEMORY, SEED))
        yield law(LAWS[2], where, count_faults(table, SEED))


def size_fault(record: PhraseRecord, codes: int) -> str:
    width = pointer_width(2 * codes)
    if (record.pointers, record.width) == (codes, width):
        return ""
    return f"{record.pointers:,} pointers of {record.width} bytes, expected {codes:,} of {width}"


def table_of(held: Arrays, record: PhraseRecord) -> Table:
    codes, pointers, width = held.sound[f"{TOKENS}/tokenized.0"], held.sound[f"{TOKENS}/table.0"], record.width
    return Table(
        len(codes),
        lambda start, stop: codes[start:stop],
        lambda start, stop: decoded(pointers[width * start : width * stop], width),
    )
