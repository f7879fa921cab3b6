"""Reading a foreign index in plain Python: the specification of cooc/kernels/foreign.py."""

from tests.naive.words import kind


def naive_narrow(suffixes, low, high, depth, token):
    """The ranks in [low, high) of suffixes, sorted lists of tokens, that have a token at a depth."""
    found = [rank for rank in range(low, high) if len(suffixes[rank]) > depth and suffixes[rank][depth] == token]
    return (found[0], found[-1] + 1) if found else None


def naive_sure(text):
    """The byte places of the first and of the last character that separates for certain, or (-1, -1)."""
    places, at = [], 0
    for character in text:
        if kind(character) == "-" and character != "\u00ad":
            places.append(at)
        at += len(character.encode())
    return (places[0], places[-1]) if places else (-1, -1)


def window(first, low, high, length, left, right):
    """The places of the words in the window of an occurrence."""
    places = range(max(low, first - left), min(high, first + length + right))
    return [place for place in places if not first <= place < first + length]


def naive_around(ids, occurrences, left, right):
    """word → (count, sum of squares of what an occurrence adds, documents); occurrences are
    (first, low, high, length, document)."""
    found = {}
    for first, low, high, length, document in occurrences:
        seen = {}
        for place in window(first, low, high, length, left, right):
            seen[ids[place]] = seen.get(ids[place], 0) + 1
        for word, count in seen.items():
            held = found.setdefault(word, [0, 0, set()])
            held[0] += count
            held[1] += count * count
            held[2].add(document)
    return {word: (count, squares, len(documents)) for word, (count, squares, documents) in found.items()}


def naive_margins(documents, left, right):
    """word → the windows, `left` and `right` wide, of other words of its document in which it stands."""
    sums = {}
    for words in documents:
        for i, word in enumerate(words):
            seen = sum(-left <= i - j <= right for j in range(len(words)) if j != i)
            sums[word] = sums.get(word, 0) + seen
    return sums


def naive_targets(ids, occurrence, reach, targets):
    """(context words, those of them in an occurrence of each target) of one occurrence."""
    first, low, high, length, _ = occurrence
    places = window(first, low, high, length, reach, reach)
    hits = []
    for target in targets:
        covered = set()
        for phrase in target:
            for at in range(low, high - len(phrase) + 1):
                if list(ids[at : at + len(phrase)]) == list(phrase):
                    covered |= set(range(at, at + len(phrase)))
        hits.append(len(covered & set(places)))
    return len(places), hits


def naive_meetings(ids, occurrence, other, left, right):
    """The signed distances of a phrase's occurrences in the window of one occurrence, from word to nearest word."""
    first, low, high, length, _ = occurrence
    end, size, found = first + length - 1, len(other), []
    for at in range(low, high - size + 1):
        if list(ids[at : at + size]) == list(other):
            if at > end and at - end <= right:
                found.append(at - end)
            elif at + size <= first and first - (at + size - 1) <= left:
                found.append(-(first - (at + size - 1)))
    return found


def naive_count(documents, phrase):
    """Overlapping occurrences of a phrase of words, and the documents that hold it."""
    size = len(phrase)
    counts = [sum(words[i : i + size] == phrase for i in range(len(words) - size + 1)) for words in documents]
    return sum(counts), sum(count > 0 for count in counts)
