"""Two phrases together: their pairs by distance, from the places where each occurs.

Positions are tokens. `places` and positions ascend, also from one document to the next.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled


@compiled
def token_positions(codes, first_trail, places, documents, far, jump, positions):
    """Write the position of each place in tokens: right within a document as far as places are near each other.

    Places that follow each other more than `far` codes apart, or in different documents, get positions `jump` apart.
    Codes from `first_trail` on go on with a token; `documents[k]` is the document of place k.
    """
    position = np.int64(0)
    for k in range(places.size):
        if k > 0:
            gap = places[k] - places[k - 1]
            if documents[k] != documents[k - 1] or gap > far:
                position += jump
            else:
                for at in range(places[k - 1], places[k]):
                    position += np.int64(codes[at] < first_trail)
        positions[k] = position


@compiled
def meet_in_window(a, a_size, b, b_size, documents, left, right, distances, met_a, met_b):
    """Count the pairs of an a and a b by their distance: `distances[left + d]`, d negative where b comes first.

    b lies up to `right` tokens behind a's last or `left` before its first; where they overlap it does not. `a` and
    `b` are positions of first tokens, `documents[k]` the document of a k. Marks the occurrences that are in a pair;
    returns the distinct documents with a pair.
    """
    found, last, first = np.int64(0), np.int64(-1), np.int64(0)
    for k in range(a.size):
        end = a[k] + a_size - 1
        while first < b.size and b[first] + b_size - 1 < a[k] - left:
            first += 1
        other = first
        while other < b.size and b[other] <= end + right:
            distance = b[other] - end
            if distance <= 0:
                distance = b[other] + b_size - 1 - a[k]
            if b[other] > end or distance < 0:
                distances[left + distance] += 1
                met_a[k] = True
                met_b[other] = True
                if documents[k] != last:
                    last = documents[k]
                    found += 1
            other += 1
    return found


@compiled
def meet_in_documents(a, a_size, a_documents, b, b_size, b_documents, edges, distances, met_a, met_b):
    """As `meet_in_window` for whole documents, whose pairs may be too many to look at one by one.

    Bin j holds the distances above `edges[j - 1]` (0 for the first) up to `edges[j]`, the last edge beyond all:
    `distances[1, j]` the pairs in which b comes after a, `distances[0, j]` those in which it comes before. Positions
    are right within documents.
    """
    bins = edges.size
    after, before = np.zeros(bins + 1, np.int64), np.zeros(bins + 1, np.int64)
    marks = np.zeros(b.size + 1, np.int64)
    found, last = np.int64(0), np.int64(-1)
    low, high = np.int64(0), np.int64(0)
    for k in range(a.size):
        if k == 0 or a_documents[k] != a_documents[k - 1]:
            low = high
            while low < b.size and b_documents[low] < a_documents[k]:
                low += 1
            high = low
            while high < b.size and b_documents[high] == a_documents[k]:
                high += 1
            after[:] = low
            before[:] = low
        end = a[k] + a_size - 1
        # after[j]: the first b beyond edge j to the right; before[j]: the first b within edge j to the left
        for j in range(bins + 1):
            reach = np.int64(0) if j == 0 else edges[j - 1]
            while after[j] < high and b[after[j]] <= end + reach:
                after[j] += 1
            while before[j] < high and b[before[j]] + b_size - 1 < a[k] - reach:
                before[j] += 1
        for j in range(bins):
            distances[1, j] += after[j + 1] - after[j]
            distances[0, j] += before[j] - before[j + 1]
        # all b that overlap neither on this side nor on that
        if after[0] < high or before[0] > low:
            met_a[k] = True
            marks[low] += 1
            marks[before[0]] -= 1
            marks[after[0]] += 1
            marks[high] -= 1
            if a_documents[k] != last:
                last = a_documents[k]
                found += 1
    open_marks = np.int64(0)
    for other in range(b.size):
        open_marks += marks[other]
        met_b[other] = open_marks > 0
    return found
