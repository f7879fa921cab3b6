"""How much disk a build is going to need, told before it begins.

Sizes grow with the tokens, and those are guessed from the bytes of the sources. The figures below were taken
from builds of 1 to 50 MB of Gutenberg prose, Wikipedia and Simple Wikipedia (windows 2, 10 and 50, orders 3
and 5, one block and eleven), and widened for what those don't show: tables of sources hold more than text,
other scripts have longer words, and larger corpora other exponents. The ends of the range are far apart; the
low end is one that a corpus of prose can't come below.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from cooc.create.measure import bytes_below, free_bytes
from cooc.create.plan import Plan
from cooc.errors import BuildError
from cooc.index.manifest import Parameters


class Range(msgspec.Struct, frozen=True):
    """Two ends, low and high."""

    low: float
    high: float

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def __mul__(self, other: Range) -> Range:
        return Range(self.low * other.low, self.high * other.high)


class Estimate(msgspec.Struct, frozen=True):
    """Bytes: of the sources' text uncompressed, of the finished index, and of its directory at its largest."""

    text: Range
    tokens: Range
    index: Range
    peak: Range


UNPACKED = {None: Range(1, 1), "gzip": Range(2, 4.5), "zstd": Range(2, 6)}
"""Bytes in a byte of a compressed file. Measured: 2.7 to 3.9, of prose and of Wikipedia."""

TEXT_SHARE = {"jsonl": Range(0.4, 1), "text": Range(1, 1), "lines": Range(1, 1), "arrow": Range(0.3, 1),
              "parquet": Range(0.5, 4)}  # fmt: skip
"""Bytes of text in a byte of a file; columns of parquet are compressed in it."""

TOKENS_A_BYTE = {"word": Range(0.08, 0.25), "bytes": Range(1, 1), "hf": Range(0.12, 0.5)}
"""Measured for words: 0.16 to 0.18."""

BYTES_A_TOKEN = Range(2.0, 3.2)
"""Of the token store. Measured: 2.0 to 2.5, metadata included."""

BYTES_A_TERM = 40
BYTES_A_TERM_AND_ORDER = 12
BYTES_AN_NGRAM = 20
BYTES_A_CELL = Range(1.4, 2.3)
"""Of the pair rows, their sums included. Measured: 1.5 to 2.1."""

WORK_A_TOKEN = Range(4.0, 10.0)
"""Of what lies between the stages beside pairs. Measured: 5.2 to 7.3."""

RUNS = Range(0.6, 1.4)
"""Of the sorted runs of pairs, in bytes of the finished rows: 0.7 to 1.2 measured, and more with more blocks."""

POINTER_BYTES = Range(3, 5)
"""Of the suffix array, a code; a token has little more than one, and a document one more."""

SORTED_BYTES = 28
"""A code, of the suffix array while it is sorted on the disk; what is sorted in memory takes no more than its place."""

BLOCK_TOKENS = 50e6


def estimate_disk(plan: Plan, *, phrases: bool = True) -> Estimate:
    """What a build of the plan will take, as ranges."""
    text = Range(0, 0)
    for source in {part.source for part in plan.parts}:
        of_file = Range(source.bytes, source.bytes) * UNPACKED.get(source.compression, Range(1, 6))
        text += of_file * TEXT_SHARE.get(source.format, Range(0.3, 4))
    tokens = text * TOKENS_A_BYTE.get(plan.tokenizer.kind, Range(0.08, 1))
    return sizes_of(text, tokens, plan.parameters, phrases=phrases)


def sizes_of(text: Range, tokens: Range, chosen: Parameters, *, phrases: bool = True) -> Estimate:
    """The sizes that so many tokens come to."""
    millions = Range(tokens.low / 1e6, tokens.high / 1e6)
    terms = Range(min(tokens.low / 4, 18e3 * millions.low**0.35), min(tokens.high, 60e3 * millions.high**0.7))
    vocabulary = Range(BYTES_A_TERM * terms.low, BYTES_A_TERM * terms.high)
    pairs, least = Range(0, 0), chosen.min_pair_count
    for window in chosen.windows:
        cells = cells_of(millions, window, one_sided=chosen.direction != "symmetric")
        pairs += Range(cells.low / least**1.2, cells.high / least**0.5) * BYTES_A_CELL
    if chosen.max_terms is not None:
        most = (chosen.max_terms + len(chosen.terms)) ** 2 * 2.3 * len(chosen.windows)
        pairs = Range(min(pairs.low, most), min(pairs.high, most))
    pairs += Range(0, 2 * min(len(chosen.terms) * terms.high, 40 * tokens.high))
    index = tokens * BYTES_A_TOKEN + vocabulary + ngrams_of(tokens, terms, chosen) + pairs
    runs = Range(RUNS.low * pairs.low, RUNS.high * pairs.high * max(1.0, tokens.high / BLOCK_TOKENS) ** 0.2)
    if phrases:
        index += tokens * POINTER_BYTES
        runs = Range(runs.low, max(runs.high, SORTED_BYTES * tokens.high))  # the pairs' runs are gone by then
    return Estimate(text, tokens, index, index + tokens * WORK_A_TOKEN + runs)


def cells_of(millions: Range, window: int, *, one_sided: bool) -> Range:
    """Distinct pairs of so many million tokens: they grow with a power of the tokens, and one of the window."""
    wide = (window / 10) ** 0.7
    most = 2e6 * window * millions.high
    found = Range(3.0e6 * wide * millions.low**0.62, min(most, 8.5e6 * wide * millions.high**0.83))
    return Range(found.low * 0.45, found.high * 0.65) if one_sided else found


def ngrams_of(tokens: Range, terms: Range, chosen: Parameters) -> Range:
    """Bytes of the n-grams: few are kept that must occur often."""
    if chosen.ngrams < 2:
        return Range(0, BYTES_A_TERM_AND_ORDER * terms.high)
    kept = Range(0.05 / chosen.min_count, min(0.95, 0.25 / chosen.min_count**0.9) if chosen.min_count > 1 else 0.95)
    tables = BYTES_A_TERM_AND_ORDER * chosen.ngrams
    share = BYTES_AN_NGRAM * (chosen.ngrams - 1)
    low = tables * terms.low + 0.5 * share * kept.low * tokens.low
    return Range(low, tables * terms.high + share * kept.high * tokens.high)


def check_room(index: Path, estimate: Estimate) -> None:
    """Raise `BuildError` if even the least that the build will need is more than the file system has free.

    What lies in the directory already counts as free: a build that is resumed has it behind it.
    """
    free = free_bytes(index)
    if free is None or free + bytes_below(index) >= estimate.peak.low:
        return
    missing = round(estimate.peak.low) - free - bytes_below(index)
    raise BuildError(
        f"{index}: the build needs {shown(estimate.peak)} of disk while it runs, and the file system has {free:,} "
        f"bytes free: at least {missing:,} are missing. Make room, or choose an --out elsewhere."
    )


def told(estimate: Estimate) -> str:
    """An estimate as a line for the user."""
    return (
        f"disk: about {shown(estimate.index)} for the index, and {shown(estimate.peak)} while building "
        f"({shown(estimate.tokens, '')} tokens expected)"
    )


def shown(size: Range, unit: str = "B") -> str:
    """A range in words: 1.2 to 3.4 GB."""
    low, high = size.low, size.high
    letters = ["", "K", "M", "G", "T", "P", "E"] if unit else ["", "k", "M", "G", "T", "P", "E"]
    step = 0
    while high >= 1000 and step < len(letters) - 1:
        low, high, step = low / 1000, high / 1000, step + 1
    return f"{rounded(low)} to {rounded(high)} {letters[step]}{unit}".rstrip()


def rounded(number: float) -> str:
    """Two digits that count: 250, 25, 2.5, 0.25."""
    return f"{round(number, 2 - len(str(int(number)))):.0f}" if number >= 10 else f"{number:.2g}"
