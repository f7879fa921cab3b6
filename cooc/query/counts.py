"""How often does a phrase occur, and in how many documents?"""

from __future__ import annotations

import numpy as np

from cooc.errors import UnknownTerm
from cooc.index.reader import Index
from cooc.query.results import Counts, Provenance


def count(index: Index, *phrases: str) -> Counts:
    """Occurrences and distinct documents of each phrase, exact for phrases of any length.

    A phrase is cut into terms as the corpus was. Overlapping occurrences all count ("na na" is twice in
    "na na na"); none crosses the end of a document. A phrase that never occurs has 0. Where that is because
    the index does not have a word of it, `note` says which and names the nearest ones, since a misspelling
    should not look like an answer.

    Single terms and phrases of `--terms` are looked up. All other phrases of a call take one scan of the
    token store together, one to two seconds for a billion tokens and core; suffix arrays will replace the
    scan.
    """
    known = [_known(index, phrase) for phrase in phrases]
    ids = [terms for terms, _ in known]
    found = [_stored(index, terms) for terms in ids]
    missing = [place for place, counts in enumerate(found) if counts is None]
    if missing:
        from cooc.query.scan import phrase_counts  # compiled code, which a look-up needn't load

        occurrences, documents = phrase_counts(index, [ids[place] for place in missing])
        for place, *counts in zip(missing, occurrences.tolist(), documents.tolist(), strict=True):
            found[place] = (counts[0], counts[1])
    table = np.array(found, np.int64).reshape(-1, 2)
    return Counts(
        {
            "phrase": list(phrases),
            "occurrences": table[:, 0],
            "documents": table[:, 1],
            "note": [note for _, note in known],
        },
        Provenance("count", index.name, index.digest, phrases),
    )


def _known(index: Index, phrase: str) -> tuple[list[int], str | None]:
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
