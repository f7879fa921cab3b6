"""Codes and ids turn into each other as the format says, and codes that no store holds are told."""

from __future__ import annotations

import os

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cooc.kernels.codes import MOST_IDS
from cooc.kernels.renumber import count_codes, decode, encode, rank_ids
from tests.naive import stores as naive

EXAMPLES = int(os.environ.get("COOC_TEST_EXAMPLES", "100"))
quick = settings(max_examples=EXAMPLES, deadline=None)

# around each border between what takes one code and two, and of leads
BORDERS = [0, naive.SINGLES, naive.SEPARATOR, naive.SINGLES + naive.TRAILS, MOST_IDS]
ids_of = st.one_of(*(st.integers(max(0, border - 2), min(border + 2, MOST_IDS - 1)) for border in BORDERS))
tokens_of = st.lists(st.one_of(ids_of, st.just(naive.NO_TERM)), max_size=30)
any_codes = st.lists(
    st.one_of(st.sampled_from([0, 49_151, 49_152, 57_343, 57_344, 65_534, 65_535]), st.integers(0, 65_535)), max_size=12
)


def encoded(tokens: list[int], singles: int) -> tuple[list[int], list[int]]:
    ids = np.array(tokens, np.uint32)
    size, documents = count_codes(ids, np.uint32(singles))
    codes, starts = np.empty(size, np.uint16), np.empty(documents, np.int64)
    encode(ids, np.uint32(singles), codes, starts)
    return codes.tolist(), starts.tolist()


def decoded(codes: list[int], singles: int, terms: int) -> list[int] | None:
    ids = np.empty(len(codes), np.uint32)
    size = int(decode(np.array(codes, np.uint16), np.uint32(singles), np.uint32(terms), ids))
    return None if size < 0 else ids[:size].tolist()


@quick
@given(tokens_of)
def test_ids_become_codes_and_ids_again(tokens: list[int]) -> None:
    codes, starts = encoded(tokens, naive.SINGLES)
    assert (codes, starts) == naive.encode(tokens, naive.SINGLES)
    assert decoded(codes, naive.SINGLES, MOST_IDS) == tokens


@quick
@given(st.lists(st.integers(0, naive.SEPARATOR - 1) | st.just(naive.NO_TERM), max_size=30))
def test_the_ids_of_a_small_fixed_vocabulary_are_codes_themselves(tokens: list[int]) -> None:
    codes, starts = encoded(tokens, naive.SEPARATOR)
    assert (codes, starts) == naive.encode(tokens, naive.SEPARATOR)
    assert decoded(codes, naive.SEPARATOR, naive.SEPARATOR) == tokens


@quick
@given(any_codes, st.sampled_from([naive.SINGLES, naive.SEPARATOR]), st.sampled_from([0, 1, 50_000, MOST_IDS]))
def test_codes_that_no_store_holds_are_told(codes: list[int], singles: int, terms: int) -> None:
    assert decoded(codes, singles, terms) == naive.decode(codes, singles, terms)


@quick
@given(st.lists(st.one_of(st.integers(0, 9), st.just(naive.NO_TERM))), st.permutations(range(10)), st.integers(0, 10))
def test_ranks_come_a_window_at_a_time(tokens: list[int], ranks: list[int], cut: int) -> None:
    ids = np.array(tokens, np.uint32)
    final = np.full(len(ids), naive.NO_TERM, np.uint32)
    for first, window in ((0, ranks[:cut]), (cut, ranks[cut:])):
        rank_ids(ids, first, np.array(window, np.uint32), final)
    assert final.tolist() == [token if token == naive.NO_TERM else ranks[token] for token in tokens]
