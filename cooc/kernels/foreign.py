# mypy: allow-untyped-defs
"""Reading somebody else's infini-gram index: ranges of its suffix array, its tokens as bytes, bytes as words.

A table holds, for each suffix, a little-endian byte offset into the tokens of `width` bytes. It is sorted by the
bytes of the suffixes, so tokens compare as big-endian numbers: that is a token's *key*.
"""

import numpy as np

from cooc.kernels.classes import APOSTROPHE, JOINER, LETTER, MARK, SEPARATOR, SOFT_HYPHEN
from cooc.kernels.compile import compiled
from cooc.kernels.vocabulary import inlined

LONGEST = 255  # bytes of a folded word; a longer one is cut


@inlined
def _pointer(table, width, rank):
    """The entry of the table at a rank: a byte offset."""
    found, at = np.int64(0), rank * width
    for k in range(width):
        found |= np.int64(table[at + k]) << (8 * k)
    return found


@inlined
def _key(tokens, token_width, place):
    """The key of the token at a place; -1 behind the last, since a suffix that ends sorts first."""
    if place >= tokens.size:
        return np.int64(-1)
    token = np.int64(tokens[place])
    if token_width == 1:
        return token
    if token_width == 2:
        return ((token & 0xFF) << 8) | (token >> 8)
    return ((token & 0xFF) << 24) | ((token & 0xFF00) << 8) | ((token >> 8) & 0xFF00) | (token >> 24)


@compiled
def narrow(table, width, tokens, token_width, low, high, depth, keys, found):
    """For each key, the ranks in [low, high) whose suffix has it at `depth` tokens: `found[k]` is (from, to).

    All suffixes in [low, high) must share their first `depth` tokens.
    """
    for k in range(keys.size):
        wanted = keys[k]
        a, b = np.int64(low), np.int64(high)
        while a < b:
            middle = (a + b) >> 1
            if _key(tokens, token_width, _pointer(table, width, middle) // token_width + depth) < wanted:
                a = middle + 1
            else:
                b = middle
        found[k, 0] = a
        b, step = a, np.int64(1)
        # most ranges are short beside the one they are in: find their end in growing steps
        while b + step <= high and _key(
            tokens, token_width, _pointer(table, width, b + step - 1) // token_width + depth
        ) == wanted:  # fmt: skip
            b += step
            step *= 2
        c = min(np.int64(high), b + step)
        while b < c:
            middle = (b + c) >> 1
            if _key(tokens, token_width, _pointer(table, width, middle) // token_width + depth) == wanted:
                b = middle + 1
            else:
                c = middle
        found[k, 1] = b


@compiled
def read_pointers(table, width, ranks, token_width, places):
    """The places, in tokens, of the suffixes of these ranks."""
    for k in range(ranks.size):
        places[k] = _pointer(table, width, ranks[k]) // token_width


@compiled
def check_pointers(table, width, ranks, token_width, tokens, longest):
    """(what is wrong, rank) of the first bad one: 1 out of range, 2 inside a token, 3 before the suffix above it.

    Each rank is compared with the next one. (0, -1) if all is well; two suffixes that agree for `longest` tokens
    pass. Nothing outside the arrays is read, whatever the table holds.
    """
    size = table.size // width
    for k in range(ranks.size):
        rank = ranks[k]
        for each in range(rank, min(rank + 2, size)):
            pointer = _pointer(table, width, each)
            if pointer < 0 or pointer // token_width >= tokens.size:
                return 1, each
            if pointer % token_width:
                return 2, each
        if rank + 1 < size:
            a = _pointer(table, width, rank) // token_width
            b = _pointer(table, width, rank + 1) // token_width
            for depth in range(longest):
                first, second = _key(tokens, token_width, a + depth), _key(tokens, token_width, b + depth)
                if first > second or a == b:
                    return 3, rank
                if first < second:
                    break
    return 0, np.int64(-1)


@compiled
def copy_windows(tokens, starts, stops, backwards, out):
    """The tokens of windows end to end; `backwards`: each window from its last token to its first."""
    o = np.int64(0)
    for k in range(starts.size):
        size = stops[k] - starts[k]
        for i in range(size):
            out[o + i] = tokens[stops[k] - 1 - i] if backwards else tokens[starts[k] + i]
        o += size


@compiled
def write_bytes(ids, spelled, spelled_starts, data, places):
    """The bytes of tokens end to end; `places[i]` is where those of token i begin, the last where they end.

    A token beyond the table has none. `data` must have room. Returns the bytes written.
    """
    o, known = np.int64(0), spelled_starts.size - 1
    for i in range(ids.size):
        places[i] = o
        token = np.int64(ids[i])
        if token < known:
            for k in range(spelled_starts[token], spelled_starts[token + 1]):
                data[o] = spelled[k]
                o += 1
    places[ids.size] = o
    return o


@inlined
def _record(data, at, stop, pages, records):
    """(record of the character, its bytes, its code point); what is no whole character is -1, one byte."""
    first = np.int64(data[at])
    code, size = np.int64(-1), 1
    if first < 0x80:
        code = first
    elif 0xC2 <= first < 0xE0 and at + 2 <= stop:
        code, size = (first & 0x1F) << 6 | (np.int64(data[at + 1]) & 0x3F), 2
    elif 0xE0 <= first < 0xF0 and at + 3 <= stop:
        code = (first & 0x0F) << 12 | (np.int64(data[at + 1]) & 0x3F) << 6 | (np.int64(data[at + 2]) & 0x3F)
        size = 3
    elif 0xF0 <= first < 0xF5 and at + 4 <= stop:
        high = (first & 0x07) << 18 | (np.int64(data[at + 1]) & 0x3F) << 12
        code = high | (np.int64(data[at + 2]) & 0x3F) << 6 | (np.int64(data[at + 3]) & 0x3F)
        size = 4
    record = np.int64(SEPARATOR)
    if code >= 0 and code >> 7 < pages.size:
        record = np.int64(records[np.int64(pages[code >> 7]) << 7 | (code & 0x7F)])
    return record, size, code


@inlined
def _characters(record, size, folds, keep):
    """Bytes of each character of the folded one, the first lowest: a folding may have three characters."""
    folded, found, shift = folds[record >> 3], np.int64(0), 0
    if keep or folded == 0:
        return np.int64(size)
    while folded != 0:
        first = np.int64(folded & np.uint64(0xFF))
        length = 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4
        found |= np.int64(length) << shift
        shift += 8
        folded >>= np.uint64(8 * length)
    return found


@compiled
def find_words(data, offsets, pages, records, folds, keep, starts, stops, sure):
    """Where the words of each text begin and end in `data`: the rules of the word tokenizer, without the words.

    `sure[t]` are the places of the first and of the last character of text t that separates for certain: what lies
    outside them might go on beyond the text; (-1, -1) if there is none. Returns the number of words.
    """
    n = np.int64(0)
    for text in range(offsets.size - 1):
        at, stop = offsets[text], offsets[text + 1]
        sure[text, 0] = sure[text, 1] = -1
        length, joinable, pending, end = np.int64(0), False, False, np.int64(0)
        while at < stop:
            record, size, code = _record(data, at, stop, pages, records)
            kind = record & 7
            is_open = length > 0
            if kind == LETTER or (is_open and not pending and kind in (MARK, JOINER)):
                parts = _characters(record, size, folds, keep)
                if pending:  # the apostrophe is inside the word, after all
                    parts, pending = parts << 8 | 1, False
                while parts != 0:
                    if length + (parts & 0xFF) > LONGEST:
                        stops[n], n, length = end, n + 1, 0
                    if length == 0:
                        starts[n] = at
                    length += parts & 0xFF
                    parts >>= 8
                end = at + size
                joinable = kind != JOINER
            elif kind == APOSTROPHE and is_open and joinable and not pending:
                pending = True
            elif kind != SOFT_HYPHEN and is_open:
                stops[n], n, length, pending = end, n + 1, 0, False
            if kind == SEPARATOR and code >= 0:
                if sure[text, 0] < 0:
                    sure[text, 0] = at
                sure[text, 1] = at
            at += size
        if length > 0:
            stops[n], n = end, n + 1
    return n


@compiled
def count_around(ids, first, low, high, length, left, right, document, counts, squares, documents, last, touched):
    """Count the words in the window of each occurrence: `ids[first[k]:first[k] + length]`, within [low[k], high[k]).

    Occurrences must come by document. `squares[w]` sums the square of what each occurrence adds to word w, and
    `documents[w]` the distinct documents; `last` must be −1, `touched` 0 everywhere, as it is again at the end.
    """
    for k in range(first.size):
        a, b = max(low[k], first[k] - left), min(high[k], first[k] + length + right)
        for i in range(a, b):
            if first[k] <= i < first[k] + length:
                continue
            word = ids[i]
            counts[word] += 1
            touched[word] += 1
            if last[word] != document[k]:
                last[word] = document[k]
                documents[word] += 1
        for i in range(a, b):
            if not first[k] <= i < first[k] + length:
                word = ids[i]
                squares[word] += touched[word] * touched[word]
                touched[word] = 0


@compiled
def add_margins(ids, edges, left, right, sums):
    """Add to `sums` how many words of its document see each word in a window of `left` and `right` around them."""
    for d in range(edges.size - 1):
        begin, end = edges[d], edges[d + 1]
        for i in range(begin, end):
            sums[ids[i]] += min(i - begin, right) + min(end - 1 - i, left)


@compiled
def count_targets(
    ids, first, low, high, length, window, by_word, phrases, phrase_starts, phrase_ids, target_of, covered, contexts,
    hits,
):  # fmt: skip
    """How many context words of each occurrence belong to an occurrence of each target, each once.

    `phrases[by_word[w]:by_word[w + 1]]` are the phrases that begin with word w, phrase p is
    `phrase_ids[phrase_starts[p]:phrase_starts[p + 1]]` and belongs to target `target_of[p]`, at most 62 of them.
    `covered` has room for the longest stretch [low, high).
    """
    for k in range(first.size):
        a, b = low[k], high[k]
        for i in range(b - a):
            covered[i] = 0
        for i in range(a, b):
            word = ids[i]
            if word + 1 >= by_word.size:
                continue
            for p in range(by_word[word], by_word[word + 1]):
                phrase = phrases[p]
                size = phrase_starts[phrase + 1] - phrase_starts[phrase]
                same = i + size <= b
                for j in range(1, size):
                    same = same and ids[i + j] == phrase_ids[phrase_starts[phrase] + j]
                if same:
                    for j in range(size):
                        covered[i - a + j] |= np.int64(1) << target_of[phrase]
        for i in range(max(a, first[k] - window), min(b, first[k] + length + window)):
            if first[k] <= i < first[k] + length:
                continue
            contexts[k] += 1
            for t in range(hits.shape[1]):
                hits[k, t] += (covered[i - a] >> t) & 1


@compiled
def find_meetings(ids, first, low, high, length, other, left, right, before, after, met):
    """Count the occurrences of the words `other` in the window of each occurrence, by distance; none that overlap.

    `after[d]`: the other's first word is the d-th behind the occurrence's last; `before[d]`: its last word is the d-th
    before the first. `met[k]` is how many occurrence k has.
    """
    size = other.size
    for k in range(first.size):
        end = first[k] + length - 1
        for i in range(max(low[k], first[k] - left - size + 1), min(high[k] - size, end + right) + 1):
            same = i > end or i + size <= first[k]
            for j in range(size):
                same = same and ids[i + j] == other[j]
            if same:
                met[k] += 1
                if i > end:
                    after[i - end] += 1
                else:
                    before[first[k] - (i + size - 1)] += 1
