"""Where phrases of codes occur: found by one pass over the token store, and told by document.

A phrase is a sequence of codes as in scan.py; a place is the offset of an occurrence's first code in the store.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.codes import SEPARATOR
from cooc.kernels.compile import compiled


@compiled
def record_phrases(codes, marks, by_first, first_starts, phrase_starts, phrase_codes, base, places, phrases):
    """Write every occurrence (`base` + its place, phrase) by place, overlapping ones too; returns their number.

    It may exceed the room in `places`: then only those that fit are written. `by_first[first_starts[code]:
    first_starts[code + 1]]` are the phrases that begin with `code`; phrase k is `phrase_codes[phrase_starts[k]:
    phrase_starts[k + 1]]`. `marks[code]` is not 0 for the codes that begin a phrase.
    """
    found = np.int64(0)
    for place in range(codes.size):
        code = codes[place]
        if not marks[code] or code == SEPARATOR:
            continue
        for candidate in range(first_starts[code], first_starts[code + 1]):
            phrase = by_first[candidate]
            start, size = phrase_starts[phrase], phrase_starts[phrase + 1] - phrase_starts[phrase]
            if place + size > codes.size:
                continue
            k = 1
            while k < size and codes[place + k] == phrase_codes[start + k]:
                k += 1
            if k == size:
                if found < places.size:
                    places[found] = base + place
                    phrases[found] = phrase
                found += 1
    return found


@compiled
def find_documents(starts, places, documents):
    """Write the document of each place; both `starts`, of the documents, and `places` ascend.

    Gallops from the last document found, so that many places cost little more than few.
    """
    low = np.int64(0)
    for k in range(places.size):
        place = places[k]
        step = np.int64(1)
        while low + step < starts.size and starts[low + step] <= place:
            low += step
            step *= 2
        high = min(low + step, np.int64(starts.size))
        # starts[low] <= place < starts[high]
        while high - low > 1:
            middle = (low + high) // 2
            if starts[middle] <= place:
                low = middle
            else:
                high = middle
        documents[k] = low


@compiled
def count_documents(starts, phrase_starts, places, mask, occurrences, documents):
    """Count the occurrences and distinct documents of phrases from their ascending places.

    Phrase k has `places[phrase_starts[k]:phrase_starts[k + 1]]`; `starts` of the documents ascend. With a `mask` only
    documents of which it is True count.
    """
    for phrase in range(phrase_starts.size - 1):
        low, last = np.int64(0), np.int64(-1)
        for k in range(phrase_starts[phrase], phrase_starts[phrase + 1]):
            place = places[k]
            step = np.int64(1)
            while low + step < starts.size and starts[low + step] <= place:
                low += step
                step *= 2
            high = min(low + step, np.int64(starts.size))
            while high - low > 1:
                middle = (low + high) // 2
                if starts[middle] <= place:
                    low = middle
                else:
                    high = middle
            if mask.size == 0 or mask[low]:
                occurrences[phrase] += 1
                documents[phrase] += np.int64(low != last)
                last = low
