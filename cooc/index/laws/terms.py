"""The laws of the vocabulary and of the units."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from cooc.index.laws.law import Array, Law, first, law, offset_fault, unchecked
from cooc.index.layout import UNITS, VOCABULARY
from cooc.index.manifest import Manifest
from cooc.index.shape import Arrays
from cooc.kernels.laws import first_disorder
from cooc.tokens.spec import TokenizerSpec

WORD_BYTES, CAPITALS = b"0123456789abcdefghijklmnopqrstuvwxyz'", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
VOCABULARY_FILES = ("terms.u8", "offsets.i64", "sorted.u32", "occurrences.i64", "documents.i64")
UNIT_FILES = ("words.u32", "phrase_starts.i64", "phrase_terms.u32", "listed.u32",
              "phrase_occurrences.i64", "phrase_documents.i64")  # fmt: skip


def vocabulary_laws(held: Arrays) -> Iterator[Law]:
    names = [f"{VOCABULARY}/{name}" for name in VOCABULARY_FILES]
    if missing := held.lacks(*names):
        yield unchecked("vocabulary", missing)
        return
    terms, offsets, order, occurrences, documents = (held.sound[name] for name in names)
    where, manifest = held.folder / VOCABULARY, held.manifest
    cut = offset_fault(offsets, len(terms))
    yield law("terms fill their bytes", where / "offsets.i64", cut)
    if not cut:
        if manifest.tokenizer.kind != "bytes":
            fault = spelling_fault(terms, offsets, manifest.tokenizer)
            yield law("terms are characters that terms have", where / "terms.u8", fault)
        disorder = order_fault(terms, offsets, order)
        yield law("terms are distinct, and sorted by their bytes", where / "sorted.u32", disorder)
        if not disorder and manifest.tokenizer.kind == "word":
            yield law("ids go by falling occurrences, then by bytes", where / "occurrences.i64",
                      rank_fault(order, occurrences))  # fmt: skip
    faults = sum_faults(manifest, occurrences)
    yield law("occurrences add up to the tokens", where / "occurrences.i64", faults)
    fault = spread_fault("term", occurrences, documents, manifest.documents)
    yield law("terms are in no more documents than they occur", where / "documents.i64", fault)


def spelling_fault(terms: Array, offsets: Array, tokenizer: TokenizerSpec) -> str:
    try:
        str(terms.data, "utf-8")
    except UnicodeDecodeError as error:
        return f"byte {error.start:,} is no UTF-8"
    starts = offsets[:-1][np.diff(offsets) > 0]
    place = first((terms[starts] & 0xC0) == 0x80)
    if place is not None:
        return f"a term begins inside a character, at byte {int(starts[place]):,}"
    if tokenizer.kind == "word":
        within = np.zeros(256, bool)
        within[np.frombuffer(WORD_BYTES + (CAPITALS if tokenizer.keep_case else b""), np.uint8)] = True
        within[0x80:] = True
        place = first(~within[terms])
    return "" if place is None else f"byte {place:,} is {int(terms[place])}, which no word has"


def order_fault(terms: Array, offsets: Array, order: Array) -> str:
    size = len(order)
    if size and (int(order.max()) >= size or (np.bincount(order, minlength=size) != 1).any()):
        return "does not name each term once"
    place = int(first_disorder(terms, offsets, order))
    return "" if place < 0 else f"places {place:,} and {place + 1:,} are not in order, or equal"


def rank_fault(order: Array, occurrences: Array) -> str:
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    falls, same = occurrences[1:] < occurrences[:-1], occurrences[1:] == occurrences[:-1]
    place = first(~(falls | (same & (rank[1:] > rank[:-1]))))
    return "" if place is None else f"term {place + 1:,} should stand before the term before it"


def sum_faults(manifest: Manifest, occurrences: Array) -> Iterator[str]:
    total = int(occurrences.sum())
    if total != manifest.tokens:
        yield f"adds up to {total:,}, the manifest has {manifest.tokens:,} tokens"
    place = first(occurrences < (1 if manifest.tokenizer.kind == "word" else 0))
    if place is not None:
        yield f"term {place:,} occurs {int(occurrences[place]):,} times"


def spread_fault(what: str, occurrences: Array, documents: Array, most: int) -> str:
    """What is in more documents than it occurs, or than there are, or in none though it occurs."""
    place = first((documents > occurrences) | (documents > most) | ((documents > 0) != (occurrences > 0)))
    if place is None:
        return ""
    times = f"occurs {int(occurrences[place]):,} times"
    return f"{what} {place:,} {times}, in {int(documents[place]):,} of {most:,} documents"


def unit_laws(held: Arrays) -> Iterator[Law]:
    names = [f"{UNITS}/{name}" for name in UNIT_FILES]
    if missing := held.lacks(*names):
        yield unchecked("units", missing)
        return
    words, starts, terms, listed, occurrences, documents = (held.sound[name] for name in names)
    where, manifest = held.folder / UNITS, held.manifest
    rising = ascend_below(words, manifest.terms)
    yield law("words are terms, ascending", where / "words.u32", rising)
    phrases = len(starts) - 1
    fault = ascend_below(listed, len(words) + phrases)
    if not fault and np.count_nonzero(listed >= len(words)) < phrases:
        fault = "lacks a phrase"
    yield law("listed units ascend and include all phrases", where / "listed.u32", fault)
    cut = offset_fault(starts, len(terms))
    if not cut and (np.diff(starts) < 2).any():
        cut = "has a phrase of one word"
    yield law("phrases have their words", where / "phrase_starts.i64", cut)
    if rising or cut or not phrases:
        return
    disorder = phrase_fault(words, starts, terms)
    yield law("phrases ascend and their words have rows", where / "phrase_terms.u32", disorder)
    fault = spread_fault("phrase", occurrences, documents, manifest.documents)
    yield law("phrases are in no more documents than they occur", where / "phrase_documents.i64", fault)
    name, about = f"{VOCABULARY}/occurrences.i64", "phrases occur no more often than their words"
    if missing := held.lacks(name):
        yield unchecked(about, missing)
    elif not disorder:
        place = first(occurrences > np.minimum.reduceat(held.sound[name][terms], starts[:-1]))
        times = "" if place is None else f"{int(occurrences[place]):,} times, one of its words less often"
        yield law(about, where / "phrase_occurrences.i64", times and f"phrase {place:,} occurs {times}")


def ascend_below(numbers: Array, end: int) -> str:
    if len(numbers) and int(numbers.max()) >= end:
        return f"names {int(numbers.max()):,} of {end:,}"
    place = first(numbers[1:] <= numbers[:-1])
    return "" if place is None else f"does not ascend at place {place + 1:,}"


def phrase_fault(words: Array, starts: Array, terms: Array) -> str:
    places = np.minimum(np.searchsorted(words, terms), max(len(words) - 1, 0))
    if not len(words) or (words[places] != terms).any():
        return "names a term without a row"
    phrases = [terms[a:b].tolist() for a, b in pairwise(starts.tolist())]
    falls = [place for place, (one, next_one) in enumerate(pairwise(phrases)) if one >= next_one]
    return f"phrases {falls[0]:,} and {falls[0] + 1:,} are not in order, or equal" if falls else ""
