"""How often does a phrase occur, and in how many documents?"""

from __future__ import annotations

import numpy as np

from cooc.errors import UnknownTerm
from cooc.index.reader import Index
from cooc.query.results import Column, Counts, Provenance


def count(
    index: Index, *phrases: str, where: str | None = None, against: str | None = None, confidence: float = 0.95
) -> Counts:
    """Occurrences and distinct documents of each phrase, exact for phrases of any length.

    A phrase is cut into terms as the corpus was. Overlapping occurrences all count ("na na" is twice in
    "na na na"); none crosses the end of a document. A phrase that never occurs has 0. Where that is because
    the index does not have a word of it, `note` says which and names the nearest ones, since a misspelling
    should not look like an answer.

    Single terms and phrases of `--terms` are looked up. All other phrases of a call take one scan of the
    token store together, one to two seconds for a billion tokens and core; suffix arrays will replace the
    scan.

    With `where` (see cooc/query/where.py) only in documents that match, with `per_million` tokens of these, always
    by a scan. With `against` too, another expression or "rest", in both slices, with the binary logarithm of the
    ratio of the rates and its limits (`compare.log_ratio_limits`) at `confidence`; a limit is null where there is
    none, as above the logarithm of a rate to 0.
    """
    asked = [known(index, phrase) for phrase in phrases]
    ids, notes = [terms for terms, _ in asked], [note for _, note in asked]
    if where is not None or against is not None:
        return _in_slices(index, phrases, ids, notes, where, against, confidence)
    found = [_stored(index, terms) for terms in ids]
    missing = [place for place, counts in enumerate(found) if counts is None]
    if missing:
        from cooc.query.scan import phrase_counts  # compiled code, which a look-up needn't load

        occurrences, documents = phrase_counts(index, [ids[place] for place in missing])
        for place, *counts in zip(missing, occurrences.tolist(), documents.tolist(), strict=True):
            found[place] = (counts[0], counts[1])
    table = np.array(found, np.int64).reshape(-1, 2)
    return Counts(
        {"phrase": list(phrases), "occurrences": table[:, 0], "documents": table[:, 1], "note": notes},
        Provenance("count", index.name, index.digest, phrases),
    )


def _in_slices(
    index: Index, phrases: tuple[str, ...], ids: list[list[int]], notes: list[str | None], where: str | None,
    against: str | None, confidence: float,
) -> Counts:  # fmt: skip
    """The counts in one slice, or in two and how they differ."""
    from cooc.query.compare import log_ratio, log_ratio_limits
    from cooc.query.slices import phrase_counts_in, slices_of

    parts, asked = slices_of(index, where, against), [place for place, terms in enumerate(ids) if terms]
    columns: dict[str, Column] = {"phrase": list(phrases)}
    found = []
    for part, ending in zip(parts, ("", "_against"), strict=False):
        counts = np.zeros((2, len(phrases)), np.int64)
        if asked:
            counts[:, asked] = phrase_counts_in(part, [ids[place] for place in asked])
        rates = 1e6 * counts[0] / part.tokens if part.tokens else np.full(len(phrases), np.nan)
        found.append(counts)
        columns |= {"occurrences" + ending: counts[0], "documents" + ending: counts[1], "per_million" + ending: rates}
    options: dict[str, float] = {}
    if len(parts) == 2:
        options = {"confidence": confidence}
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
    return Counts({**columns, "note": notes}, source)


def known(index: Index, phrase: str) -> tuple[list[int], str | None]:
    """The term ids of a phrase; none, and why, if the index lacks a word of it."""
    try:
        return index.vocabulary.ids(phrase), None
    except UnknownTerm as error:
        return [], str(error)


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
