"""The word tokenizer against its plain Python definition, character by character and piece by piece."""

import json
import os
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cooc.tokens import tokenizer_for
from cooc.tokens.make_unicode_tables import tables
from cooc.tokens.unicode import path_of
from cooc.tokens.words import WordCounter, WordTokenizer
from tests.naive.words import naive_words

SLICES = Path(__file__).parents[2] / "shared" / "data" / "corpora" / "slices"
IS_14 = unicodedata.unidata_version == "14.0.0"
any_time = settings(deadline=None)  # the first call compiles
large = pytest.mark.skipif(bool(os.environ.get("NUMBA_DISABLE_JIT")), reason="too slow when not compiled")
AWKWARD = "aaabkXYZ019  \n.,-_''’’ßİéÉДдς中文\u00ad\u200c\u200d\u0301\u0345ΐﬃ😀—\0"


def agreed(character: str) -> bool:
    """Whether the running Python surely has this character as Unicode 14 has it."""
    return IS_14 or ord(character) < 0x590


any_text = st.text(st.characters(exclude_categories=["Cs"]).filter(agreed), max_size=200)
awkward_text = st.text(st.sampled_from([c for c in AWKWARD if agreed(c)]), max_size=200)
texts = st.one_of(any_text, awkward_text)


def as_array(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), dtype=np.uint8)


def counted(counter: WordCounter, documents: list[str]) -> list[list[bytes]]:
    """The words of each document, read back from ids and vocabulary."""
    lengths = [len(document.encode()) for document in documents]
    offsets = np.append(0, np.cumsum(lengths)).astype(np.int64)
    ids, counts = counter.add(as_array("".join(documents)), offsets)
    vocabulary = counter.vocabulary()
    words = [vocabulary.term(i) for i in ids]
    ends = np.cumsum(counts)
    return [words[end - count : end] for end, count in zip(ends, counts, strict=True)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\t.,;:!?()[]—…", []),
        ("The great auk", ["the", "great", "auk"]),
        ("Königsberg in Preußen", ["königsberg", "in", "preussen"]),
        ("Ὀδυσσεύς ΟΔΟΣ", ["ὀδυσσεύσ", "οδοσ"]),
        ("İstanbul", ["i\u0307stanbul"]),
        ("Война и мир", ["война", "и", "мир"]),
        ("हिन्दी", ["हिन्दी"]),
        ("क्\u200dष", ["क्\u200dष"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("\u200dab \u0301cd", ["ab", "cd"]),
        ("中文，漢字", ["中文", "漢字"]),
        ("1984 ½ Ⅷ x²", ["1984", "½", "ⅷ", "x²"]),
        ("don't don’t", ["don't", "don't"]),
        ("'tis dogs' 'n' \"'a'\"", ["tis", "dogs", "n", "a"]),
        ("a''b a'’b", ["a", "b", "a", "b"]),
        ("o'er-the-hill's", ["o'er", "the", "hill's"]),
        ("é'à a'é é'a é' 'é", ["é'à", "a'é", "é'a", "é", "é"]),
        ("a'\u0301b", ["a", "b"]),
        ("a\u0301'b", ["a\u0301'b"]),
        ("a\u200d'b", ["a\u200d", "b"]),
        (
            "co\u00adoperate \u00adauk auk\u00ad a\u00ad'b a'\u00adb",
            ["cooperate", "auk", "auk", "a'b", "a'b"],
        ),
        ("a_b a-b a.b", ["a", "b", "a", "b", "a", "b"]),
        ("auk😀loon", ["auk", "loon"]),
        ("auk\0loon", ["auk", "loon"]),
        ("\ufeffauk", ["auk"]),
    ],
)
def test_hand_made_cases(text: str, words: list[str]) -> None:
    expected = [word.encode() for word in words]
    assert counted(WordCounter(), [text]) == [expected]
    assert WordTokenizer().words(text) == expected
    if all(map(agreed, text)):
        assert naive_words(text) == expected


@any_time
@given(texts, st.booleans())
def test_words_are_those_of_the_plain_definition(text: str, keep_case: bool) -> None:
    assert counted(WordCounter(keep_case=keep_case), [text]) == [naive_words(text, keep_case=keep_case)]


@any_time
@given(texts, st.booleans())
def test_a_query_finds_the_words_the_build_found(text: str, keep_case: bool) -> None:
    tokenizer = tokenizer_for("word", keep_case=keep_case)
    assert [tokenizer.words(text)] == counted(WordCounter(keep_case=keep_case), [text])


@pytest.mark.skipif(not IS_14, reason="this Python has other Unicode tables")
@large
def test_every_character_is_classed_and_folded_as_unicode_14_says() -> None:
    every = (chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000)
    # of private and unassigned characters, which are the most, a sample
    characters = [c for c in every if unicodedata.category(c) not in ("Cn", "Co") or ord(c) % 97 == 0]
    for start in range(0, len(characters), 1 << 16):
        text = "".join(f"a{c}b {c}\n" for c in characters[start : start + (1 << 16)])
        assert counted(WordCounter(), [text])[0] == naive_words(text)


@large
@pytest.mark.skipif(not IS_14, reason="this Python has other Unicode tables")
def test_the_tables_kept_are_those_that_are_made() -> None:
    assert path_of("14.0.0").read_bytes() == tables()


@any_time
@given(awkward_text)
def test_a_word_is_its_own_word(text: str) -> None:
    tokenizer = WordTokenizer()
    for word in tokenizer.words(text):
        assert tokenizer.words(word.decode()) == [word]


@large
@pytest.mark.parametrize("letter", ["q", "Q", "é", "中", "ΐ", "q'", "'q"])
def test_words_of_any_length_anywhere_in_a_block(letter: str) -> None:
    for length in (7, 8, 9, 15, 16, 17, 62, 63, 64, 65, 127, 128, 129, 254, 255, 256, 511, 900):
        word = letter * length
        for before in ("", " ", "x ", "y" * 60 + " "):
            for text in (before + word, f"{before}{word} z. {word} "):
                assert counted(WordCounter(), [text]) == [naive_words(text)]


@any_time
@given(st.lists(texts, max_size=6), st.booleans())
def test_documents_are_kept_apart_and_counted(documents: list[str], tight: bool) -> None:
    counter = WordCounter(rows=128) if tight else WordCounter()
    expected = [naive_words(document) for document in documents]
    assert counted(counter, documents) == expected
    vocabulary = counter.vocabulary()
    terms = [vocabulary.term(i) for i in range(vocabulary.occurrences.size)]
    every = [word for words in expected for word in words]
    assert terms == list(dict.fromkeys(every))
    assert vocabulary.occurrences.tolist() == [every.count(term) for term in terms]
    assert vocabulary.documents.tolist() == [sum(term in words for words in expected) for term in terms]


def in_pieces(pieces: list[bytes], document: str) -> tuple[list[bytes], list[int]]:
    """A document in pieces, then again in whole: the words of the pieces, the documents of each term."""
    counter = WordCounter()
    parts = []
    for i, piece in enumerate(pieces):
        ids, _ = counter.add(
            np.frombuffer(piece, dtype=np.uint8),
            np.array([0, len(piece)]),
            continues=i > 0,
            open_end=i < len(pieces) - 1,
        )
        parts.append(ids)
    counter.add(as_array(document), np.array([0, len(document.encode())]))
    vocabulary = counter.vocabulary()
    return [vocabulary.term(i) for i in np.concatenate(parts)], vocabulary.documents.tolist()


@settings(any_time, max_examples=40)
@given(texts)
def test_a_document_cut_anywhere_has_the_words_of_the_whole(text: str) -> None:
    expected, whole = naive_words(text), text.encode()
    for cut in range(len(whole) + 1):
        words, documents = in_pieces([whole[:cut], whole[cut:]], text)
        assert words == expected
        assert documents == [2] * len(set(expected))


@any_time
@given(texts.map(lambda text: text * 3), st.integers(1, 9))
def test_a_document_in_many_small_pieces_has_the_words_of_the_whole(text: str, size: int) -> None:
    whole = text.encode()
    pieces = [whole[i : i + size] for i in range(0, len(whole), size)] or [b""]
    assert in_pieces([*pieces, b""], text)[0] == naive_words(text)


def test_only_the_first_and_last_piece_of_a_call_may_be_parts() -> None:
    counter = WordCounter()
    data = as_array("one two-three fo")
    _, counts = counter.add(data, np.array([0, 4, 16]), open_end=True)
    assert counts.tolist() == [1, 2]
    ids, counts = counter.add(as_array("ur five"), np.array([0, 3, 7]), continues=True)
    assert counts.tolist() == [1, 1]
    vocabulary = counter.vocabulary()
    assert [vocabulary.term(i) for i in ids] == [b"four", b"five"]


def test_a_piece_that_continues_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="must follow an unfinished one"):
        WordCounter().add(as_array("a"), np.array([0, 1]), continues=True)


@large
def test_the_vocabulary_grows_without_limit_and_in_order() -> None:
    words = [f"{'x' * (i % 40)}{i}{'é' * (i % 3)}" for i in range(70_000)]
    counter = WordCounter(rows=128)
    assert counted(counter, [" ".join(words)])[0] == [word.encode() for word in words]
    assert counter.vocabulary().occurrences.tolist() == [1] * len(words)


def test_a_vocabulary_that_is_full_in_the_middle_of_foreign_text_grows() -> None:
    text = "—".join(f"é{i}" for i in range(2_000))
    assert counted(WordCounter(rows=128), [text])[0] == naive_words(text)


@any_time
@given(
    st.lists(st.sampled_from(["aa", "ab", "b" * 8, "b" * 9, "b" * 17, "b" * 16 + "c", "д" * 9, "x" * 250]))
)
def test_words_of_one_hash_stay_apart(words: list[str]) -> None:
    text = " ".join(words)
    # with a multiplier of 0 every word searches from the first slot, and all longer ones have the key 0
    assert counted(WordCounter(rows=128, multiplier=np.uint64(0)), [text]) == [naive_words(text)]


@large
def test_many_words_of_one_hash_stay_apart_through_growth() -> None:
    text = " ".join(f"word {i} {'long' * (i % 9)}{i}" for i in range(400))
    assert counted(WordCounter(rows=128, multiplier=np.uint64(0)), [text])[0] == naive_words(text)


@any_time
@given(st.binary(max_size=300))
def test_bytes_that_are_no_text_do_no_harm(data: bytes) -> None:
    ids, counts = WordCounter().add(np.frombuffer(data, dtype=np.uint8), np.array([0, len(data)]))
    assert counts.tolist() == [ids.size]


@large
def test_a_line_of_letters_without_end_is_cut_and_costs_no_more_than_its_length() -> None:
    counter = WordCounter()
    piece = as_array("Q" * 100_000)
    parts = [
        counter.add(piece, np.array([0, piece.size]), continues=i > 0, open_end=i < 9)[0] for i in range(10)
    ]
    ids = np.concatenate(parts)
    assert ids.size == -(-1_000_000 // 255)
    vocabulary = counter.vocabulary()
    assert {len(vocabulary.term(i)) for i in ids} == {255, 1_000_000 % 255}


def test_two_threads_count_apart() -> None:
    documents = ["The great auk. Königsberg! " * 200, "a little auk; don’t " * 200]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda document: counted(WordCounter(), [document])[0], documents))
    assert found == [naive_words(document) for document in documents]


@pytest.mark.real
@large
@pytest.mark.skipif(not SLICES.is_dir(), reason="the shared corpora are not here")
def test_real_text_in_many_scripts() -> None:
    for file in sorted(SLICES.rglob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            documents = [str(json.loads(line).get("text"))[:50_000] for line in islice(lines, 10)]
        assert counted(WordCounter(rows=128), documents) == list(map(naive_words, documents)), file
