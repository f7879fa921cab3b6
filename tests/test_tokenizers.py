"""The tokenizers by option and by specification; bytes and Hugging Face files."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cooc.errors import DamagedIndex, LaterFormat, UsageError
from cooc.tokens import TokenCounter, TokenizerSpec, fixed, tokenizer_for, tokenizer_of

any_time = settings(deadline=None)  # the first call compiles
TEXT = "The great auk was a bird.\nThe little auk is a bird; Königsberg is none.\n"


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small byte-level BPE, with the truncation, padding and special tokens that must not show."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    model = Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "<pad>"], initial_alphabet=alphabet, show_progress=False
    )
    model.train_from_iterator([TEXT] * 5, trainer)
    model.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    model.enable_truncation(4)
    model.enable_padding(pad_id=1, pad_token="<pad>", length=8)
    path = tmp_path_factory.mktemp("model") / "tokenizer.json"
    model.save(str(path))
    return path


def reference(path: Path, text: str) -> list[int]:
    from tokenizers import Tokenizer

    model = Tokenizer.from_file(str(path))
    model.no_truncation()
    model.no_padding()
    ids: list[int] = model.encode(text, add_special_tokens=False).ids
    return ids


def add(counter: TokenCounter, texts: list[str], **cuts: bool) -> tuple[np.ndarray, np.ndarray]:
    lengths = [len(text.encode()) for text in texts]
    offsets = np.append(0, np.cumsum(lengths)).astype(np.int64)
    return counter.add(np.frombuffer("".join(texts).encode(), dtype=np.uint8), offsets, **cuts)


def test_the_specification_says_what_the_words_depend_on() -> None:
    spec = tokenizer_for("word", keep_case=True).spec
    assert spec == TokenizerSpec(kind="word", keep_case=True, unicode="14.0.0", max_word_bytes=255)
    assert msgspec.json.decode(msgspec.json.encode(spec), type=TokenizerSpec) == spec


@pytest.mark.parametrize("option", ["words", "", "hf:", "hf", "BYTES"])
def test_an_unknown_tokenizer_names_the_choices(option: str) -> None:
    with pytest.raises(UsageError, match=f'no tokenizer "{option}"; there are word, bytes, and hf:FILE'):
        tokenizer_for(option)


def test_keep_case_is_refused_where_case_is_always_kept() -> None:
    with pytest.raises(UsageError, match="--keep-case says nothing with --tokenizer bytes"):
        tokenizer_for("bytes", keep_case=True)


def test_an_index_gets_back_the_tokenizer_it_was_built_with(tmp_path: Path, model_file: Path) -> None:
    for option in ("word", "bytes", f"hf:{model_file}"):
        tokenizer = tokenizer_for(option)
        if tokenizer.stored is not None:
            (tmp_path / "tokenizer.json").write_bytes(tokenizer.stored)
        again = tokenizer_of(tokenizer.spec, tmp_path)
        assert again.spec == tokenizer.spec
        assert again.words("The Auk") == tokenizer.words("The Auk")


def test_words_by_later_rules_or_other_tables_are_refused(tmp_path: Path) -> None:
    spec = tokenizer_for("word").spec
    for other in (msgspec.structs.replace(spec, rules=2), msgspec.structs.replace(spec, unicode="19.0.0")):
        with pytest.raises(LaterFormat, match=r"this cooc has rules 1 and Unicode 14\.0\.0"):
            tokenizer_of(other, tmp_path)


@any_time
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_bytes_are_their_own_ids(texts: list[str]) -> None:
    counter = tokenizer_for("bytes").counter()
    ids, counts = add(counter, texts)
    assert ids.tolist() == list("".join(texts).encode())
    assert ids.dtype == np.uint32
    assert counts.tolist() == [len(text.encode()) for text in texts]
    vocabulary = counter.vocabulary()
    assert [vocabulary.term(i) for i in range(256)] == [bytes([i]) for i in range(256)]
    assert vocabulary.occurrences.tolist() == np.bincount(ids, minlength=256).tolist()
    assert vocabulary.documents.tolist() == [sum(i in text.encode() for text in texts) for i in range(256)]


def test_a_document_in_pieces_is_one_document_of_bytes() -> None:
    counter = tokenizer_for("bytes").counter()
    add(counter, ["x", "ab"], open_end=True)
    add(counter, ["ba", "a"], continues=True)
    vocabulary = counter.vocabulary()
    assert vocabulary.occurrences[[97, 98, 120]].tolist() == [3, 2, 1]
    assert vocabulary.documents[[97, 98, 120]].tolist() == [2, 1, 1]


def test_a_model_gives_the_ids_of_its_own_package(model_file: Path) -> None:
    tokenizer = tokenizer_for(f"hf:{model_file}")
    counter = tokenizer.counter()
    texts = [TEXT, "", "auk", "Ein Vogel 😀\n"]
    ids, counts = add(counter, texts)
    expected = [reference(model_file, text) for text in texts]
    assert ids.tolist() == [i for each in expected for i in each]
    assert counts.tolist() == [len(each) for each in expected]
    vocabulary = counter.vocabulary()
    size = tokenizer.spec.vocabulary
    assert size is not None
    assert vocabulary.occurrences.tolist() == np.bincount(ids, minlength=size).tolist()
    assert vocabulary.documents.tolist() == [sum(i in each for each in expected) for i in range(size)]


def test_the_terms_of_a_model_are_its_token_strings(model_file: Path) -> None:
    tokenizer = tokenizer_for(f"hf:{model_file}")
    terms = tokenizer.fixed
    assert terms is not None
    by_token = json.loads(model_file.read_bytes())["model"]["vocab"]
    assert {terms.term(i).decode(): i for i in range(terms.occurrences.size)} == by_token
    words = [terms.term(i) for i in reference(model_file, " great auk")]
    assert tokenizer.words(" great auk") == words


def test_a_document_in_pieces_has_the_tokens_of_the_whole(model_file: Path) -> None:
    tokenizer = tokenizer_for(f"hf:{model_file}")
    whole = TEXT.encode()
    for cut in range(len(whole) + 1):
        counter = tokenizer.counter()
        parts = [
            counter.add(np.frombuffer(part, dtype=np.uint8), np.array([0, len(part)]), **cuts)[0]
            for part, cuts in ((whole[:cut], {"open_end": True}), (whole[cut:], {"continues": True}))
        ]
        assert np.concatenate(parts).tolist() == reference(model_file, TEXT)
        assert counter.vocabulary().documents.max() == 1


def test_a_long_document_is_cut_at_white_space(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed, "HELD_BYTES", 40)
    counter = tokenizer_for(f"hf:{model_file}").counter()
    first, _ = add(counter, [TEXT], open_end=True)
    rest, _ = add(counter, ["The end."], continues=True)
    assert first.tolist() == reference(model_file, TEXT)
    assert rest.tolist() == reference(model_file, "The end.")


@pytest.mark.parametrize(
    ("text", "ready"),
    [("one two", 0), ("one two three", 8), ("one\ntwo three four", 4), ("éééééééééé", 20), ("x" * 20, 20)],
)
def test_what_is_ready_ends_at_a_line_a_blank_or_a_character(
    text: str, ready: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fixed, "HELD_BYTES", 10)
    now, held = fixed.ready_part(text.encode())
    assert len(now) == ready
    assert now + held == text.encode()
    now.decode()


def test_a_cut_inside_a_character_waits_for_its_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed, "HELD_BYTES", 10)
    assert fixed.ready_part("中文中文".encode()[:-1]) == ("中文中".encode(), "文".encode()[:-1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1, 2", "is no JSON .*expected the tokenizer.json of a Hugging Face model"),
        (b"\xff\xfe", "is no JSON"),
        (b"[1, 2]", "is no tokenizer; expected"),
        (b'{"model": "gpt2"}', "is no tokenizer; expected"),
        (b'{"model": {"type": "Unheard"}}', "can't be read as a tokenizer"),
    ],
)
def test_a_file_that_is_no_tokenizer_says_what_was_expected(
    content: bytes, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        tokenizer_for(f"hf:{path}")


def test_a_tokenizer_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"can't read the tokenizer file .*: No such file"):
        tokenizer_for(f"hf:{tmp_path / 'none.json'}")


def test_an_index_whose_tokenizer_changed_is_damaged(tmp_path: Path, model_file: Path) -> None:
    spec = tokenizer_for(f"hf:{model_file}").spec
    with pytest.raises(DamagedIndex, match=r"tokenizer\.json is missing"):
        tokenizer_of(spec, tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(model_file.read_bytes() + b"\n")
    with pytest.raises(DamagedIndex, match=f"has digest .*, expected {spec.digest}"):
        tokenizer_of(spec, tmp_path)


@pytest.mark.parametrize("name", ["../tokenizer.json", "/etc/passwd", "..", ""])
def test_no_tokenizer_file_outside_the_index_is_read(name: str, tmp_path: Path) -> None:
    spec = TokenizerSpec(kind="hf", file=name, digest="0")
    with pytest.raises(DamagedIndex, match="expected a file name"):
        tokenizer_of(spec, tmp_path)
