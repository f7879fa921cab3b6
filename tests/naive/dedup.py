"""Near-duplicates in plain Python, on datasketch's own objects: the specification of --dedup."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import cache

from datasketch import MinHash, MinHashLSH

from tests.naive.words import naive_words

WORDS = 5
MULTIPLIER = 0x9E3779B97F4A7C15
SIXTY_FOUR = (1 << 64) - 1


def word_hash(word: bytes) -> int:
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in word:
        value = (value ^ byte) * 0x100000001B3 & SIXTY_FOUR
    return value


def shingle_hash(words: list[bytes]) -> int:
    """32 bits of a hash of some words in their order: a polynomial of their hashes, mixed."""
    value = 0
    for word in words:
        value = (value * MULTIPLIER + word_hash(word)) & SIXTY_FOUR
    return (value ^ value >> 32) * MULTIPLIER % (1 << 64) >> 32


def shingles(text: str) -> set[tuple[bytes, ...]]:
    """Every five words that follow each other, case folded; all of them where there are fewer."""
    words = naive_words(text)
    if not words:
        return set()
    return {tuple(words[k : k + WORDS]) for k in range(max(1, len(words) - WORDS + 1))}


def naive_signature(text: str) -> MinHash:
    """datasketch's MinHash of a text's shingles."""
    signature = MinHash(num_perm=128, seed=1, hashfunc=int, scheme="affine32")
    signature.update_batch(sorted({shingle_hash(list(shingle)) for shingle in shingles(text)}))
    return signature


@cache
def naive_bands(threshold: float) -> MinHashLSH:
    """datasketch's LSH; missing a pair weighs nine times what comparing one in vain does."""
    return MinHashLSH(threshold=min(threshold, 0.99), num_perm=128, weights=(0.1, 0.9))


def naive_leaders(
    members: list[int], agreeing: Callable[[int, int], int], least: int, most: int
) -> list[tuple[int, int, int]]:
    """(document, its leader, places in which they agree) of the documents of a bucket that follow a leader.

    In their order, a document follows the first leader that it agrees with in `least` places, or else becomes a
    leader itself, while there are fewer than `most`.
    """
    leaders: list[int] = []
    links = []
    for k in members:
        first = next((leader for leader in leaders if agreeing(k, leader) >= least), None)
        if first is not None:
            links.append((k, first, agreeing(k, first)))
        elif len(leaders) < most:
            leaders.append(k)
    return links


def naive_duplicates(texts: list[str], threshold: float, leaders: int = 1000) -> dict[int, tuple[int, float]]:
    """Each dropped document with the earlier document it is like, and the estimated similarity of the two.

    The documents that agree in a band are a bucket, and have leaders by themselves. A document that follows in any
    bucket is dropped, as a duplicate of the first it follows.
    """
    signatures = {k: naive_signature(text) for k, text in enumerate(texts) if shingles(text)}
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for k, signature in signatures.items():
        for start, stop in naive_bands(threshold).hashranges:
            buckets[start, signature.hashvalues[start:stop].tobytes()].append(k)
    least = next(places for places in range(1, 129) if places / 128 >= threshold)

    def agreeing(a: int, b: int) -> int:
        return round(128 * signatures[a].jaccard(signatures[b]))

    followed: dict[int, int] = {}
    for members in buckets.values():
        for k, first, _ in naive_leaders(members, agreeing, least, leaders):
            followed[k] = min(first, followed.get(k, first))
    return {k: (first, signatures[k].jaccard(signatures[first])) for k, first in sorted(followed.items())}
