"""One pass over the codes of the token store: where phrases occur, and where two of them meet.

A phrase is a sequence of codes. It holds no separator, so no match crosses a document's end; codes are
self-synchronising, so no match begins or ends inside a word.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.codes import SEPARATOR
from cooc.kernels.compile import compiled


@compiled
def count_phrases(codes, by_first, first_starts, phrase_starts, phrase_codes, occurrences, documents, seen):
    """Add the occurrences of each phrase, overlapping ones too, and the distinct documents that hold it.

    `by_first[first_starts[code]:first_starts[code + 1]]` are the phrases that begin with `code`; phrase k is
    `phrase_codes[phrase_starts[k]:phrase_starts[k + 1]]`. `codes` begins at a document's separator.
    `seen[k]`, -1 at first, is scratch: the last document that held phrase k.
    """
    document = np.int64(-1)
    for place in range(codes.size):
        code = codes[place]
        if code == SEPARATOR:
            document += 1
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
                occurrences[phrase] += 1
                documents[phrase] += seen[phrase] != document
                seen[phrase] = document


@compiled
def pair_documents(codes, first_trail, a, a_tokens, b, b_tokens, left, right, pending_a, pending_b):
    """The number of documents in which b stands at least once in the window of a.

    `a` and `b` are codes, `a_tokens` and `b_tokens` their lengths in tokens. b stands in the window if it
    begins at most `right` tokens behind a's last, or ends at most `left` tokens before a's first; where they
    overlap it does not. `codes` begins at a separator; codes from `first_trail` on go on with a token.
    `pending_a` and `pending_b` are scratch for `a_tokens` and `b_tokens` numbers: occurrences that have begun
    and, at the present token, not ended.
    """
    never = -(np.int64(1) << 62)
    found = np.int64(0)
    met = True
    position = np.int64(0)
    a_end, b_end = never, never  # last token of the latest occurrence that lies whole before `position`
    a_first, a_last, b_first, b_last = 0, 0, 0, 0
    for place in range(codes.size):
        code = codes[place]
        if code == SEPARATOR:
            met = False
            position = np.int64(0)
            a_end, b_end = never, never
            a_first, a_last, b_first, b_last = 0, 0, 0, 0
            continue
        if met or code >= first_trail:
            continue
        if a_first < a_last and pending_a[a_first % a_tokens] + a_tokens <= position:
            a_end = pending_a[a_first % a_tokens] + a_tokens - 1
            a_first += 1
        if b_first < b_last and pending_b[b_first % b_tokens] + b_tokens <= position:
            b_end = pending_b[b_first % b_tokens] + b_tokens - 1
            b_first += 1
        if code == a[0] and place + a.size <= codes.size:
            k = 1
            while k < a.size and codes[place + k] == a[k]:
                k += 1
            if k == a.size:
                met = position - b_end <= left
                pending_a[a_last % a_tokens] = position
                a_last += 1
        if code == b[0] and place + b.size <= codes.size:
            k = 1
            while k < b.size and codes[place + k] == b[k]:
                k += 1
            if k == b.size:
                met = met or position - a_end <= right
                pending_b[b_last % b_tokens] = position
                b_last += 1
        found += np.int64(met)
        position += 1
    return found
