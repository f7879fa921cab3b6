"""How often does a phrase occur, and in how many documents?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cooc.errors import UnknownTerm
from cooc.index.reader import Index
from cooc.query import results
from cooc.query.elsewhere import elsewhere
from cooc.query.results import Column, Provenance

if TYPE_CHECKING:
    from cooc.query.slices import Slice

Pair = tuple[int, int]
"""Occurrences and documents."""

KEPT = 100_000
"""Phrases whose term ids are kept with an index: finding them takes longer than counting."""

NEAR = 5
"""Unknown phrases of one question for which near misses are looked for."""


@dataclass(frozen=True, eq=False, repr=False)
class Counts(results.Counts):
    """Occurrences and documents of phrases. `variants` has a row {phrase, variant, occurrences, documents} for each way
    of writing a phrase that occurs, where these were asked for."""

    variants: tuple[Mapping[str, Any], ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Rows, variants and provenance, ready for JSON."""
        more = {"variants": [dict(row) for row in self.variants]} if "variants" in self.provenance.parameters else {}
        return {**super().to_dict(), **more}


def count(
    index: Index, *phrases: str, variants: bool = False, where: str | None = None, against: str | None = None,
    confidence: float = 0.95,
) -> Counts:  # fmt: skip
    """Occurrences and distinct documents of each phrase, exact for phrases of any length.

    A phrase is cut into terms as the corpus was. Overlapping occurrences all count ("na na" is twice in
    "na na na"); none crosses the end of a document. A phrase that never occurs has 0. Where that is because
    the index does not have a word of it, `note` says which and names the nearest ones, since a misspelling
    should not look like an answer.

    With `variants` a phrase is counted however its hyphens and apostrophes are written ("black-throated", "black
    throated", "blackthroated"; see `cooc.query.spellings`): occurrences are added up, documents are distinct ones of
    all together, and the result's `variants` has each by itself.

    Single terms and phrases of `--terms` are looked up, others found in the suffix array. An index without one reads
    its token store, once for all phrases of a call: one to two seconds for a billion tokens and core.

    With `where` (see cooc/query/where.py) only in documents that match, with `per_million` tokens of these.
    With `against` too, another expression or "rest", in both slices, with the binary logarithm of the
    ratio of the rates and its limits (`compare.log_ratio_limits`) at `confidence`; a limit is null where there is
    none, as above the logarithm of a rate to 0.
    """
    if not isinstance(index, Index):
        return elsewhere(
            "count", index, phrases, variants=variants, where=where, against=against, confidence=confidence
        )
    written = [_spellings(phrase) if variants else [phrase] for phrase in phrases]
    groups = [_distinct(index, ways) for ways in written]
    notes = why_unknown(index, [None if group else ways[0] for group, ways in zip(groups, written, strict=True)])
    options: dict[str, Any] = {"variants": True} if variants else {}
    if where is not None or against is not None:
        return _in_slices(index, phrases, groups, notes, (where, against), confidence, options)
    totals, single = counted(index, [[ids for _, ids in group] for group in groups], None)
    table = np.array(totals, np.int64).reshape(-1, 2)
    return Counts(
        {"phrase": list(phrases), "occurrences": table[:, 0], "documents": table[:, 1], "note": notes},
        Provenance("count", _name(index), index.digest, phrases, None, options),
        _rows_of_variants(phrases, groups, single) if variants else (),
    )


def counted(
    index: Index, groups: list[list[list[int]]], part: Slice | None
) -> tuple[list[Pair], list[list[Pair]]]:
    """The counts of groups of phrases of term ids, each group as one and each of its phrases by itself."""
    flat = [ids for group in groups for ids in group]
    found: list[Pair | None] = [_stored(index, ids) if part is None else None for ids in flat]
    missing = [place for place, counts in enumerate(found) if counts is None]
    if missing:
        from cooc.query.totals import totals_of  # compiled code, which a look-up needn't load

        for place, counts in zip(missing, totals_of(index, [flat[place] for place in missing], part), strict=True):
            found[place] = counts
    each = iter(found)
    single = [[pair for _ in group if (pair := next(each)) is not None] for group in groups]
    return [_as_one(index, ids, pairs, part) for ids, pairs in zip(groups, single, strict=True)], single


def _as_one(index: Index, phrases: list[list[int]], pairs: list[Pair], part: Slice | None) -> Pair:
    """The counts of variants together: documents that hold several count once."""
    occurring = [ids for ids, pair in zip(phrases, pairs, strict=True) if pair[0]]
    occurrences = sum(pair[0] for pair in pairs)
    if len(occurring) < 2:
        return occurrences, sum(pair[1] for pair in pairs)
    from cooc.query.totals import documents_of_any

    return occurrences, documents_of_any(index, occurring, part)


def _spellings(phrase: str) -> list[str]:
    from cooc.query.spellings import spellings

    return spellings(phrase)


def _distinct(index: Index, ways: Sequence[str]) -> list[tuple[str, list[int]]]:
    """The ways of writing a phrase that the index has the words of, each sequence of terms once."""
    found: dict[tuple[int, ...], str] = {}
    for way in ways:
        if ids := known(index, way):
            found.setdefault(tuple(ids), way)
    return [(way, list(ids)) for ids, way in found.items()]


def _rows_of_variants(
    phrases: Sequence[str], groups: list[list[tuple[str, list[int]]]], single: list[list[Pair]]
) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {"phrase": phrase, "variant": way, "occurrences": occurrences, "documents": documents}
        for phrase, group, pairs in zip(phrases, groups, single, strict=True)
        for (way, _), (occurrences, documents) in zip(group, pairs, strict=True)
        if occurrences
    )


def _in_slices(
    index: Index, phrases: tuple[str, ...], groups: list[list[tuple[str, list[int]]]], notes: list[str | None],
    asked: tuple[str | None, str | None], confidence: float, options: dict[str, Any],
) -> Counts:  # fmt: skip
    """The counts in one slice, or in two and how they differ."""
    from cooc.query.compare import log_ratio, log_ratio_limits
    from cooc.query.slices import slices_of

    parts = slices_of(index, *asked)
    ids = [[terms for _, terms in group] for group in groups]
    variants: tuple[Mapping[str, Any], ...] = ()
    columns: dict[str, Column] = {"phrase": list(phrases)}
    found = []
    for part, ending in zip(parts, ("", "_against"), strict=False):
        totals, single = counted(index, ids, part)
        counts = np.array(totals, np.int64).reshape(-1, 2).T
        if "variants" in options and not ending:
            variants = _rows_of_variants(phrases, groups, single)
        rates = 1e6 * counts[0] / part.tokens if part.tokens else np.full(len(phrases), np.nan)
        found.append(counts)
        columns |= {"occurrences" + ending: counts[0], "documents" + ending: counts[1], "per_million" + ending: rates}
    if len(parts) == 2:
        options = {**options, "confidence": confidence}
        chances = parts[0].tokens, parts[1].tokens
        both = list(zip(found[0][0].tolist(), found[1][0].tolist(), strict=True))
        limits = [log_ratio_limits(*counts, *chances, confidence) for counts in both]
        columns |= {
            "log_ratio": np.array([log_ratio(*counts, *chances) for counts in both], np.float64),
            "log_ratio_low": np.array([low for low, _ in limits], np.float64),
            "log_ratio_high": np.array([high for _, high in limits], np.float64),
        }
    slices = tuple(part.to_dict() for part in parts)
    source = Provenance("count", index.name, index.digest, phrases, None, options, slices)
    return Counts({**columns, "note": notes}, source, variants)


def _name(index: Index) -> str:
    """The index's name, kept with it: asking the system for the real path takes as long as counting."""
    held: str | None = vars(index).get("_name")
    if held is None:
        held = vars(index)["_name"] = index.name
    return held


def known(index: Index, phrase: str) -> list[int]:
    """The term ids of a phrase; none if the index lacks a word of it. Kept with the index."""
    kept: dict[str, list[int]] = vars(index).setdefault("_known", {})
    found = kept.get(phrase)
    if found is None:
        found = index.vocabulary.known_ids(phrase)
        while len(kept) >= KEPT:
            kept.pop(next(iter(kept)))
        kept[phrase] = found
    return found


def why_unknown(index: Index, phrases: Sequence[str | None]) -> list[str | None]:
    """Why phrases are unknown, None for None. Near misses are looked for of the first `NEAR` alone: each takes as
    long as thousands of counts."""
    notes: list[str | None] = []
    left = NEAR
    for phrase in phrases:
        notes.append(None if phrase is None else _why_unknown(index, phrase, near=left > 0))
        left -= phrase is not None
    return notes


def _why_unknown(index: Index, phrase: str, *, near: bool) -> str:
    kept: dict[tuple[str, bool], str] = vars(index).setdefault("_unknown", {})
    if (phrase, near) not in kept:
        try:
            index.vocabulary.ids(phrase, near=near)
        except UnknownTerm as error:
            kept[phrase, near] = str(error)
    return kept[phrase, near]


def _stored(index: Index, ids: list[int]) -> tuple[int, int] | None:
    """Occurrences and documents of what the index holds a number for."""
    if not ids:
        return 0, 0
    if len(ids) == 1:
        return index.vocabulary.occurrences[ids[0]], index.vocabulary.documents[ids[0]]
    unit = index.units.find(ids)
    if unit is None:
        return None
    phrase = unit - index.units.words
    return index.units.phrase_occurrences[phrase], index.units.phrase_documents[phrase]
