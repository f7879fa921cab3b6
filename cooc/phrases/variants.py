"""All the ways in which an index's tokens spell a phrase: found in the index, not guessed.

A subword tokenizer writes one word in many ways: with the space before it, after a line break or a bracket, in
capitals, cut in other pieces. Every token is reduced to its *form*, what the word tokenizer would see of it: letters
folded, and all that stands between words as one space. A phrase is then such a string, " great auk ", and the
sequences of tokens whose forms make it up are followed through the suffix array, narrowing its ranges token by
token, so that only sequences that occur are followed. They may hold too much ("auk" of "auks"), which reading the
text decides; but no occurrence is outside them. No sequence begins another, so that each occurrence is in one.

An index of reversed documents is searched with reversed forms, from the end of the phrase.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UsageError
from cooc.kernels.classes import APOSTROPHE, LETTER, SEPARATOR, SOFT_HYPHEN
from cooc.phrases.words import Spelling
from cooc.tokens.unicode import unicode_tables
from cooc.tokens.words import cut_character

Array = NDArray[Any]
GAP = " "
MOST_SEQUENCES = 200_000
SEEN_AT_ONCE = 2_048
"""Up to so many suffixes of a range are read for the tokens that come next; of more, each wanted token is asked."""


class Reduced(NamedTuple):
    """What a token may be to the word tokenizer: `forms`, between the bytes of characters cut at its two ends."""

    head: bytes
    forms: tuple[str, ...]
    tail: bytes


class State(NamedTuple):
    """How much of the pattern has been spelled, and the bytes of a character that is not yet whole."""

    at: int
    rest: bytes


class Variant(NamedTuple):
    """Tokens in the order of the index, with the ranks of their suffixes in each shard: (shard, from, to)."""

    tokens: tuple[int, ...]
    ranges: tuple[tuple[int, int, int], ...]

    @property
    def total(self) -> int:
        return sum(stop - start for _, start, stop in self.ranges)


Ranges = tuple[tuple[int, int, int], ...]
Narrow = Callable[[Ranges, int, Array], list[Ranges]]
"""(ranges, depth, tokens) → for each token the ranges in which it stands at that depth, none if it doesn't."""
NextTokens = Callable[[Ranges, int], Array]
"""(ranges, depth) → the tokens that stand there."""


@cache
def character(c: str, keep_case: bool) -> tuple[int, str]:
    """The class of a character, and what it is folded to."""
    pages, records, folds = unicode_tables()
    code = ord(c)
    record = int(records[int(pages[code >> 7]) << 7 | code & 127]) if code >> 7 < len(pages) else SEPARATOR
    folded = int(folds[record >> 3])
    if keep_case or not folded:
        return record & 7, "'" if record & 7 == APOSTROPHE else c
    return record & 7, folded.to_bytes((folded.bit_length() + 7) // 8, "little").decode()


def reduced(spelled: bytes, *, keep_case: bool = False) -> Reduced:
    """What a token may be to the word tokenizer.

    At its ends it can't be told whether an apostrophe or a mark belongs to a word, so there are several forms.

    >>> reduced(b", Great"), reduced(b"'s")
    (Reduced(head=b'', forms=(' great',), tail=b''), Reduced(head=b'', forms=(' s', "'s"), tail=b''))
    """
    begin = 0
    while begin < min(3, len(spelled)) and 0x80 <= spelled[begin] < 0xC0:
        begin += 1
    end = len(spelled) - cut_character(spelled[max(begin, len(spelled) - 3) :])
    text = spelled[begin:end].decode("utf-8", "replace")
    kinds = [*(character(c, keep_case) for c in text), None]
    forms = {""}
    for here, following in pairwise(kinds):
        forms = {form for known in forms for form in continued(known, here, following)}
    return Reduced(spelled[:begin], tuple(sorted(forms)), spelled[end:])


def continued(
    form: str, here: tuple[int, str] | None, following: tuple[int, str] | None
) -> tuple[str, ...]:
    """The forms that a character makes of one; what may or may not belong to a word makes two."""
    kind, folded = here or (SEPARATOR, "")
    gap = form if form.endswith(GAP) else form + GAP
    if kind == LETTER:
        return (form + folded,)
    if kind == SOFT_HYPHEN:
        return (form,)
    if kind == SEPARATOR or form.endswith(GAP):
        return (gap,)
    if kind == APOSTROPHE and following is not None:
        if following[0] not in (LETTER, SOFT_HYPHEN):
            return (gap,)
        if form and following[0] == LETTER:
            return (form + folded,)
    return (form + folded,) if form and kind != APOSTROPHE and not form.endswith("'") else (form + folded, gap)


class Forms:
    """The tokens of a tokenizer by their forms."""

    def __init__(self, spelling: Spelling, *, keep_case: bool = False, backwards: bool = False) -> None:
        self.spelling, self.keep_case, self.backwards = spelling, keep_case, backwards
        self.by_token = [reduced(spelling.of(token), keep_case=keep_case) for token in range(len(spelling))]
        self.whole: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        self.starts: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
        self.cut: list[int] = []
        for token, (head, forms, tail) in enumerate(self.by_token):
            before, after = (tail, head) if backwards else (head, tail)
            if before:
                self.cut.append(token)
            for form in forms:
                turned = form[::-1] if backwards else form
                if not before and (turned or after or self.spelling.of(token)):
                    self.whole[turned].append((token, after))
                for rest in tails(turned):
                    if rest or after:
                        self.starts[rest].append((token, after))
        self._sorted = sorted(self.whole)
        self._sorted_starts = sorted(self.starts)

    def completed(self, token: int, rest: bytes) -> tuple[tuple[str, ...], bytes]:
        """Forms of a token that completes a cut character, and what it leaves cut itself; no forms if it does not."""
        spelled = self.spelling.of(token)
        joined = spelled + rest if self.backwards else rest + spelled
        head, forms, tail = reduced(joined, keep_case=self.keep_case)
        before, after = (tail, head) if self.backwards else (head, tail)
        if before:
            return (), b""
        return tuple(form[::-1] for form in forms) if self.backwards else forms, after

    def matching(self, pattern: str, at: int) -> Iterable[tuple[int, State]]:
        """(token, state behind it) for all tokens without a cut beginning that go on with a pattern."""
        for form in lookups(self.whole, self._sorted, pattern, at):
            behind = advanced(pattern, at, form)
            if behind is not None:
                yield from ((token, State(behind, rest)) for token, rest in self.whole[form])

    def beginning(self, pattern: str) -> Iterable[tuple[int, State]]:
        """(token, state behind it) for all tokens in which a pattern may begin."""
        for form in lookups(self.starts, self._sorted_starts, pattern, 1, absorb=False):
            behind = advanced(pattern, 1, form, absorb=False)
            if behind is not None:
                yield from ((token, State(behind, rest)) for token, rest in self.starts[form])

    def after(self, pattern: str, state: State, token: int) -> Iterable[State]:
        """The states behind one token."""
        if token >= len(self.by_token):
            return
        if state.rest:
            forms, rest = self.completed(token, state.rest)
        else:
            head, plain, tail = self.by_token[token]
            before, rest = (tail, head) if self.backwards else (head, tail)
            if before:
                return
            forms = tuple(form[::-1] for form in plain) if self.backwards else plain
        for form in forms:
            behind = advanced(pattern, state.at, form)
            if behind is not None:
                yield State(behind, rest)

    def moves(self, pattern: str, state: State) -> Iterable[tuple[int, State]]:
        """(token, state behind it) for all tokens that go on from a state."""
        if not state.rest:
            yield from self.matching(pattern, state.at)
            return
        for token in self.cut:
            yield from ((token, behind) for behind in self.after(pattern, state, token))


def tails(form: str) -> Iterable[str]:
    """The ends of a form that begin where a word may."""
    yield form
    for place, c in enumerate(form):
        if c == GAP:
            yield form[place + 1 :]


def lookups(
    table: dict[str, Any], ordered: Sequence[str], pattern: str, at: int, *, absorb: bool = True
) -> Iterable[str]:
    """The forms in a table that may go on with a pattern."""
    rest = pattern[at:]
    befores = ("", GAP) if absorb and pattern[at - 1] == GAP else ("",)
    for before in befores:
        for size in range(len(rest) + 1):
            if before + rest[:size] in table:
                yield before + rest[:size]
        longer = before + rest
        place = bisect_left(ordered, longer)
        while place < len(ordered) and ordered[place].startswith(longer):
            if ordered[place] != longer:
                yield ordered[place]
            place += 1


def advanced(pattern: str, at: int, form: str, *, absorb: bool = True) -> int | None:
    """How much of the pattern is spelled behind a form; None if it spells something else."""
    if absorb and pattern[at - 1] == GAP and form.startswith(GAP):
        form = form[1:]
    rest = pattern[at:]
    if rest.startswith(form):
        return at + len(form)
    return len(pattern) if form.startswith(rest) else None


def pattern_of(words: Sequence[bytes], *, backwards: bool) -> str:
    """The form of a phrase."""
    pattern = GAP + GAP.join(word.decode("utf-8", "replace") for word in words) + GAP
    return pattern[::-1] if backwards else pattern


def sequences(
    forms: Forms, words: Sequence[bytes], everything: Ranges, narrow: Narrow, next_tokens: NextTokens
) -> list[Variant]:
    """The sequences of tokens of an index that may spell a phrase, by their count. None begins another."""
    pattern = pattern_of(words, backwards=forms.backwards)
    wanted: dict[int, set[State]] = defaultdict(set)
    for token, state in forms.beginning(pattern):
        wanted[token].add(state)
    found: list[Variant] = []
    waiting: list[tuple[tuple[int, ...], Ranges, dict[int, set[State]]]] = [((), everything, wanted)]
    moves: dict[State, dict[int, set[State]]] = {}
    followed = 0
    while waiting:
        tokens, ranges, wanted = waiting.pop()
        candidates = np.array(sorted(wanted), np.int64)
        for token, inner in zip(candidates.tolist(), narrow(ranges, len(tokens), candidates), strict=True):
            if not inner:
                continue
            followed += 1
            sequence = Variant((*tokens, token), inner)
            if any(state.at >= len(pattern) - 1 for state in wanted[token]):
                found.append(sequence)
                continue
            onward = onwards(forms, pattern, wanted[token], sequence, next_tokens, moves)
            if onward:
                waiting.append((sequence.tokens, inner, onward))
        if followed > MOST_SEQUENCES:
            raise UsageError(
                f"the phrase {b' '.join(words).decode('utf-8', 'replace')!r} is spelled in more than "
                f"{MOST_SEQUENCES:,} ways; ask for a longer or a rarer one."
            )
    return sorted(found, key=lambda each: (-each.total, each.tokens))


def onwards(
    forms: Forms, pattern: str, states: set[State], sequence: Variant, next_tokens: NextTokens,
    moves: dict[State, dict[int, set[State]]],
) -> dict[int, set[State]]:  # fmt: skip
    """The tokens that may come next, each with its states."""
    found: dict[int, set[State]] = defaultdict(set)
    if sequence.total <= SEEN_AT_ONCE:
        for token in next_tokens(sequence.ranges, len(sequence.tokens)).tolist():
            for state in states:
                found[token].update(forms.after(pattern, state, token))
        return {token: behind for token, behind in found.items() if behind}
    for state in states:
        if state not in moves:
            moves[state] = defaultdict(set)
            for token, behind in forms.moves(pattern, state):
                moves[state][token].add(behind)
        for token, several in moves[state].items():
            found[token] |= several
    return found
