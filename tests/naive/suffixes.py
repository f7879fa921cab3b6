"""The suffix array by its definition: all suffixes of a store, sorted as bytes."""

from __future__ import annotations

from collections.abc import Sequence


def suffix_order(codes: Sequence[int]) -> list[int]:
    """Where the suffixes begin, in the order of their bytes; the beginning of another stands before it."""
    data = b"".join(code.to_bytes(2, "little") for code in codes)
    return sorted(range(len(codes)), key=lambda place: data[2 * place :])


def table_bytes(codes: Sequence[int]) -> bytes:
    """`table.0` of a store: byte offsets of as many bytes as the store's size needs."""
    width = 1
    while 256**width < 2 * len(codes):
        width += 1
    return b"".join((2 * place).to_bytes(width, "little") for place in suffix_order(codes))
