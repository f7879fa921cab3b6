"""Doses: how much of a target stands around a term, document by document.

A block of tokens is an array of term ids in which document d is `ids[starts[d]:starts[d + 1]]`, with nothing between
(`read_documents`), and the occurrences of all phrases in it are listed by position, of one position the shorter first
(`find_seeds`). A phrase may play several parts: `term_of[phrase]` is the term whose doses are wanted or -1,
`bits_of[phrase]` has bit t set where the phrase belongs to target t, and `is_masked[phrase]` tells that its
occurrences are taken out of the text: their tokens are nobody's context, and a target's occurrence that needs one of
them is none.

Cost a block: one walk over the tokens for the running sums, then the same few steps for each occurrence, whatever the
window, since what lies in a window is the difference of two sums.
"""

from __future__ import annotations

import numpy as np

from cooc.kernels.compile import compiled

MASK = np.uint64(1) << np.uint64(63)
"""The bit of a token that is taken out of the text; the bits below are targets."""

MOST_TARGETS = 62


@compiled
def cover_tokens(positions, phrases, lengths, bits_of, is_masked, cover):
    """Set in `cover` (uint64, one a token, 0 before) the bits of all targets whose occurrence a token belongs to.

    A token of a masked phrase has `MASK` and nothing else.
    """
    none = np.uint64(0)
    for k in range(positions.size):
        if is_masked[phrases[k]]:
            begin = np.int64(positions[k])
            for place in range(begin, begin + lengths[phrases[k]]):
                cover[place] = MASK
    for k in range(positions.size):
        bits = bits_of[phrases[k]]
        if bits != none:
            begin = np.int64(positions[k])
            end = begin + lengths[phrases[k]]
            whole = True
            for place in range(begin, end):
                whole = whole and cover[place] & MASK == none
            if whole:
                for place in range(begin, end):
                    cover[place] |= bits


@compiled
def sum_covers(cover, sums):
    """Running sums: of the tokens before place i, `sums[i, 0]` are in the text and `sums[i, 1 + t]` in target t."""
    one = np.uint64(1)
    targets = sums.shape[1] - 1
    for t in range(targets + 1):
        sums[0, t] = 0
    for place in range(cover.size):
        bits = cover[place]
        sums[place + 1, 0] = sums[place, 0] + np.int64(bits & MASK == np.uint64(0))
        for t in range(targets):
            sums[place + 1, 1 + t] = sums[place, 1 + t] + np.int64((bits >> np.uint64(t)) & one)


@compiled
def drop_nested(positions, phrases, lengths, is_masked, is_nested):
    """Mark the occurrences of masked phrases that lie in a longer occurrence of another; the rest is 0 before."""
    furthest = np.int64(-1)  # the furthest end of an occurrence that began before `here`
    here = np.int64(-1)
    reach = np.int64(-1)  # the furthest end of one that begins at `here`
    latest = np.int64(-1)  # which is the latest one, as longer ones of one position come later
    for k in range(positions.size):
        phrase = phrases[k]
        if not is_masked[phrase]:
            continue
        begin = np.int64(positions[k])
        end = begin + lengths[phrase]
        if begin != here:
            furthest = max(furthest, reach)
            here = begin
        else:
            is_nested[latest] = 1
        is_nested[k] = furthest >= end
        reach = end
        latest = k


@compiled
def list_doses(
    starts, sums, positions, documents, phrases, lengths, term_of, is_nested, window,
    latest, terms, held, occurrences, doses,
):  # fmt: skip
    """Write a row for each term and document that holds it; returns the number of rows.

    An occurrence's contexts are the tokens in the text up to `window` before its first token and after its last, in
    its document. `terms[r]` and `held[r]` get the term and the document of row r, `occurrences[r]` its occurrences,
    `doses[r, 0]` their contexts and `doses[r, 1 + t]` those that belong to target t. The rows come by document, those
    of one in the order of first occurrences. `latest`, a place for each term, is -1 before: the row last made for it.
    """
    rows = np.int64(0)
    columns = doses.shape[1]
    for k in range(positions.size):
        term = term_of[phrases[k]]
        if term < 0 or is_nested[k]:
            continue
        document = np.int64(documents[k])
        row = latest[term]
        if row < 0 or held[row] != document:
            row = rows
            rows += 1
            latest[term] = row
            terms[row] = term
            held[row] = document
            occurrences[row] = 0
            for t in range(columns):
                doses[row, t] = 0
        begin = np.int64(positions[k])
        end = begin + lengths[phrases[k]]
        low = max(starts[document], begin - window)
        high = min(starts[document + 1], end + window)
        occurrences[row] += 1
        for t in range(columns):
            doses[row, t] += np.int64(sums[begin, t] - sums[low, t]) + np.int64(sums[high, t] - sums[end, t])
    return rows


@compiled
def count_target_terms(
    starts, positions, documents, phrases, lengths, term_of, bits_of, is_nested, cover, own, window, longest, counts
):  # fmt: skip
    """Add to `counts[phrase]` the context tokens, of occurrences of terms below `own`, that are of a target's phrase.

    The same contexts and the same occurrences of targets as in `list_doses`; `longest` is that of all phrases.
    """
    for k in range(positions.size):
        term = term_of[phrases[k]]
        if term < 0 or term >= own or is_nested[k]:
            continue
        document = np.int64(documents[k])
        begin = np.int64(positions[k])
        end = begin + lengths[phrases[k]]
        low = max(starts[document], begin - window)
        high = min(starts[document + 1], end + window)
        other = k
        while other > 0 and np.int64(positions[other - 1]) > low - longest:
            other -= 1
        while other < positions.size and np.int64(positions[other]) < high:
            phrase = phrases[other]
            if bits_of[phrase] != np.uint64(0):
                first = np.int64(positions[other])
                last = first + lengths[phrase]
                whole = True
                for place in range(first, last):
                    whole = whole and cover[place] & MASK == np.uint64(0)
                if whole:
                    counts[phrase] += max(min(last, begin) - max(first, low), 0)
                    counts[phrase] += max(min(last, high) - max(first, end), 0)
            other += 1


@compiled
def add_documents(starts, sums, groups, added):
    """Add the tokens of each document, in the text and in each target, to its group's row of `added`."""
    for document in range(starts.size - 1):
        for t in range(sums.shape[1]):
            added[groups[document], t] += np.int64(sums[starts[document + 1], t] - sums[starts[document], t])


@compiled
def add_doses(terms, occurrences, doses, counts, sums, squares):
    """Add rows up by term.

    `counts[term]` are occurrences, documents, and the documents that hold a hit of each target; `sums[term]` contexts
    and hits, and `squares[term]` (float64: a square of a whole document's contexts is large) the sums of their squares
    over the rows.
    """
    for row in range(terms.size):
        term = terms[row]
        counts[term, 0] += occurrences[row]
        counts[term, 1] += 1
        for t in range(doses.shape[1]):
            value = doses[row, t]
            sums[term, t] += value
            squares[term, t] += np.float64(value) * np.float64(value)
            if t > 0:
                counts[term, 1 + t] += np.int64(value > 0)


@compiled
def pair_up(positions, documents, phrases, lengths, term_of, is_nested, window, first, second, held):
    """List the pairs of different terms that stand in each other's window; returns their number.

    Two occurrences of one document are a pair if neither lies over the other and at most `window` tokens after the
    end of the earlier the later begins. `first[k]` < `second[k]` are the terms and `held[k]` the document. Only as many
    are written as there is room for.
    """
    n = np.int64(0)
    for k in range(positions.size):
        a = term_of[phrases[k]]
        if a < 0 or is_nested[k]:
            continue
        end = np.int64(positions[k]) + lengths[phrases[k]]
        other = k + 1
        while other < positions.size and documents[other] == documents[k]:
            begin = np.int64(positions[other])
            if begin - end >= window:
                break
            b = term_of[phrases[other]]
            if b >= 0 and b != a and not is_nested[other] and begin >= end:
                if n < first.size:
                    first[n] = min(a, b)
                    second[n] = max(a, b)
                    held[n] = documents[k]
                n += 1
            other += 1
    return n
