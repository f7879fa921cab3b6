"""Counting in some documents of the token store: pick them, decode them, and count what stands around what.

Within a block of decoded tokens a unit of one word has its number, below `words`; a token without a row is
`none` = words + phrases, and `none + 1` stands before each document and at the end. `ids[0]` is such a
separator and `ids[size - 1]` too, so no walk leaves the array.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.codes import FIRST_TRAIL, SEPARATOR, SINGLES, TRAILS
from cooc.kernels.compile import compiled


@compiled
def gather_documents(codes, begins, ends, out):
    """Copy the documents `codes[begins[d]:ends[d]]` one behind the other; False if one begins with no separator."""
    o = np.uint64(0)
    for document in range(begins.size):
        if codes[begins[document]] != SEPARATOR:
            return False
        for place in range(np.uint64(begins[document]), np.uint64(ends[document])):
            out[o] = codes[place]
            o += np.uint64(1)
    return True


@compiled
def count_tokens(codes, first_trail):
    """The tokens among codes: neither separators nor what goes on with a token."""
    tokens = np.int64(0)
    for place in range(codes.size):
        tokens += np.int64(codes[place] < first_trail)
    return tokens


@compiled
def find_holding(codes, phrase, begins, ends):
    """Write where the documents that hold a phrase of codes begin and end; returns how many. `codes` begins
    at a separator."""
    found = np.int64(0)
    begin = np.int64(0)
    holds = False
    first = phrase[0]
    for place in range(np.int64(codes.size)):
        code = codes[place]
        if code == SEPARATOR:
            if holds:
                begins[found] = begin
                ends[found] = place
                found += 1
            begin = np.int64(place)
            holds = False
        elif code == first and not holds and place + phrase.size <= codes.size:
            k = 1
            while k < phrase.size and codes[place + k] == phrase[k]:
                k += 1
            holds = k == phrase.size
    if holds:
        begins[found] = begin
        ends[found] = codes.size
        found += 1
    return found


@compiled
def decode_units(codes, singles, unit_of, separator, ids):
    """Decode codes into `ids` from place 0 on, each term replaced by `unit_of[term]`.

    Returns the number of ids written, or -1 where the codes are no terms.
    """
    o = np.uint64(0)
    i = np.uint64(0)
    size = np.uint64(codes.size)
    terms = np.uint64(unit_of.size)
    while i < size:
        code = np.uint64(codes[i])
        i += np.uint64(1)
        if code == np.uint64(SEPARATOR):
            ids[o] = separator
        else:
            if code >= singles:
                if i == size or np.uint64(codes[i]) < np.uint64(FIRST_TRAIL):
                    return np.int64(-1)
                lead, trail = code - np.uint64(SINGLES), np.uint64(codes[i]) - np.uint64(FIRST_TRAIL)
                i += np.uint64(1)
                code = np.uint64(SINGLES) + lead * np.uint64(TRAILS) + trail
            if code >= terms:
                return np.int64(-1)
            ids[o] = unit_of[code]
        o += np.uint64(1)
    return np.int64(o)


@compiled
def find_phrases_of(ids, marks, firsts, first_starts, phrase_starts, phrase_units, room, positions, phrases):
    """Write the occurrences (place of its first token, phrase) of all phrases, by place.

    `phrase_units[phrase_starts[k]:phrase_starts[k + 1]]` are the units of phrase k; phrases are in the order of
    their first unit, and those whose first unit is `firsts[j]` are `first_starts[j]:first_starts[j + 1]`.
    `marks[unit]` is 1 for those in `firsts`. Returns the number of occurrences; only the first `room` are written.
    """
    found = np.int64(0)
    for place in range(ids.size):
        unit = ids[place]
        if not marks[unit]:
            continue
        group = np.searchsorted(firsts, unit)
        for phrase in range(first_starts[group], first_starts[group + 1]):
            low, high = phrase_starts[phrase], phrase_starts[phrase + 1]
            k = 1
            # the separator at the end belongs to no phrase, so this stays inside
            while low + k < high and ids[place + k] == phrase_units[low + k]:
                k += 1
            if low + k == high:
                if found < room:
                    positions[found] = place
                    phrases[found] = phrase
                found += 1
    return found


@compiled
def count_row(ids, separator, row, words, at, of, lengths, longest, left, right, weights, counts):
    """Add to `counts[column]` the contexts of each occurrence of `row`, a sequence of units.

    A context is up to `left` tokens before or `right` after, inside the document; at distance d it adds
    `weights[d]`. `at` and `of` are the occurrences of phrases, ascending: phrase k, of `lengths[k]` tokens, is
    column `words + k`, met where it lies whole outside the row's occurrence with its nearer end in the window.
    Returns the number of occurrences.
    """
    found = np.int64(0)
    nearest = np.int64(0)
    for begin in range(np.int64(ids.size)):
        if ids[begin] != row[0]:
            continue
        k = 1
        while k < row.size and ids[begin + k] == row[k]:
            k += 1
        if k < row.size:
            continue
        found += 1
        end = begin + row.size - 1
        last = end
        while last - end < right and ids[last + 1] != separator:
            last += 1
            counts[ids[last]] += weights[last - end]
        first = begin
        while begin - first < left and ids[first - 1] != separator:
            first -= 1
            counts[ids[first]] += weights[begin - first]
        # `first` never falls from one occurrence to the next, so nor does the first phrase in reach
        while nearest < at.size and at[nearest] + longest <= first:
            nearest += 1
        other = nearest
        while other < at.size and at[other] <= last:
            other_end = at[other] + lengths[of[other]] - 1
            if at[other] > end:
                counts[words + of[other]] += weights[at[other] - end]
            elif first <= other_end < begin:
                counts[words + of[other]] += weights[begin - other_end]
            other += 1
    return found


@compiled
def count_row_in_documents(ids, separator, row, words, at, of, lengths, longest, counts):
    """`count_row` with the whole document as window: each occurrence has all else in its document as context.

    Every token of a document counts once for each occurrence of the row there, and then what overlaps is
    taken off. Returns the number of occurrences.
    """
    found = np.int64(0)
    phrase = np.int64(0)
    begin = np.int64(0)
    while begin + 1 < ids.size:
        begin += 1
        inside = np.int64(0)
        end = begin
        while ids[end] != separator:
            k = 0
            while k < row.size and ids[end + k] == row[k]:
                k += 1
            inside += np.int64(k == row.size)
            end += 1
        first_phrase = phrase
        while phrase < at.size and at[phrase] < end:
            phrase += 1
        if inside:
            for place in range(begin, end):
                counts[ids[place]] += inside
            for k in range(first_phrase, phrase):
                counts[words + of[k]] += inside
            nearest = np.int64(first_phrase)
            for place in range(begin, end):
                k = 0
                while k < row.size and ids[place + k] == row[k]:
                    k += 1
                if k < row.size:
                    continue
                for own in range(row.size):
                    counts[row[own]] -= 1
                while nearest < phrase and at[nearest] + longest <= place:
                    nearest += 1
                other = np.int64(nearest)
                while other < phrase and at[other] < place + row.size:
                    if at[other] + lengths[of[other]] > place:
                        counts[words + of[other]] -= 1
                    other += 1
        found += inside
        begin = end
    return found


@compiled
def sum_sides(ids, separator, none, reach, weights, ahead, behind):
    """Write for each place the weights of the tokens with a row up to `reach` after it, and before it.

    With an empty `weights` each weighs 1, and the work does not depend on the reach.
    """
    begin = np.int64(0)
    while begin + 1 < ids.size:
        begin += 1
        end = begin
        while ids[end] != separator:
            end += 1
        if weights.size == 0:
            # [back, place) and (place, front] are the windows of a place; both only move on
            front, back = begin, begin
            inside_front, inside_back = np.int64(0), np.int64(0)
            for place in range(begin, end):
                while front + 1 < end and front + 1 - place <= reach:
                    front += 1
                    inside_front += np.int64(ids[front] != none)
                if place - back > reach:
                    inside_back -= np.int64(ids[back] != none)
                    back += 1
                ahead[place] = inside_front
                behind[place] = inside_back
                inside_back += np.int64(ids[place] != none)
                if place + 1 < end:
                    inside_front -= np.int64(ids[place + 1] != none)
        else:
            for place in range(begin, end):
                total = np.int64(0)
                for distance in range(1, min(reach, end - 1 - place) + 1):
                    total += weights[distance] * np.int64(ids[place + distance] != none)
                ahead[place] = total
                total = np.int64(0)
                for distance in range(1, min(reach, place - begin) + 1):
                    total += weights[distance] * np.int64(ids[place - distance] != none)
                behind[place] = total
        begin = end


@compiled
def add_sides(ids, words, at, of, lengths, ahead, behind, ahead_sums, behind_sums):
    """Add up by unit what `sum_sides` found: after the last token of an occurrence, and before its first."""
    for place in range(ids.size):
        unit = ids[place]
        if unit < words:
            ahead_sums[unit] += ahead[place]
            behind_sums[unit] += behind[place]
    for k in range(at.size):
        ahead_sums[words + of[k]] += ahead[at[k] + lengths[of[k]] - 1]
        behind_sums[words + of[k]] += behind[at[k]]
