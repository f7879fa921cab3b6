"""A token store in plain Python: documents as ids, and the codes that FORMAT.md says they take."""

from __future__ import annotations

from collections.abc import Sequence

SEPARATOR, SINGLES, LEADS, TRAILS = 65_535, 49_152, 8_192, 8_191
NO_TERM = 0xFFFFFFFF


def codes_of(token: int, singles: int) -> list[int]:
    """The codes of an id, or of `NO_TERM`, which separates documents."""
    if token == NO_TERM:
        return [SEPARATOR]
    if token < singles:
        return [token]
    lead, trail = divmod(token - singles, TRAILS)
    return [SINGLES + lead, SINGLES + LEADS + trail]


def encode(tokens: Sequence[int], singles: int) -> tuple[list[int], list[int]]:
    """The codes of tokens, and the places of the separators among them."""
    codes: list[int] = []
    starts = []
    for token in tokens:
        if token == NO_TERM:
            starts.append(len(codes))
        codes += codes_of(token, singles)
    return codes, starts


def decode(codes: Sequence[int], singles: int, terms: int) -> list[int] | None:
    """The tokens of codes, or None if no store holds such codes."""
    tokens = []
    place = 0
    while place < len(codes):
        size = 2 if singles <= codes[place] < SEPARATOR else 1
        held = list(codes[place : place + size])
        token = NO_TERM if held == [SEPARATOR] else held[0]
        if size == 2:
            if len(held) < 2 or held[0] >= SINGLES + LEADS or not SINGLES + LEADS <= held[1] < SEPARATOR:
                return None
            token = singles + (held[0] - SINGLES) * TRAILS + held[1] - SINGLES - LEADS
        if token != NO_TERM and token >= terms:
            return None
        tokens.append(token)
        place += size
    return tokens
