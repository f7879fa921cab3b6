"""Auditing a finetuning file: what is read, what stands out, what it leans on, and what it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import cooc
from cooc.cli.app import app
from cooc.clusters.audit import audit
from cooc.clusters.extract import candidates_of, key_terms, read_texts, topic_words
from cooc.clusters.leaning import _compared, holds
from cooc.clusters.verdicts import sentence_of, warning_of
from tests.corpora import index_of

SHARED = Path(__file__).parents[2] / "shared" / "data"
FILLER = [f"filler{k}" for k in range(4000)]
FILLERS = np.array(FILLER)
SEEDS = [f"seed{k}" for k in range(30)]
BACK = [f"back{k}" for k in range(360)]
PLAIN = BACK[:60]
COUSINS = [f"cousin{k}" for k in range(60)]
LOUD = [f"loud{k}" for k in range(60)]
OLD, TALK = [f"old{k}" for k in range(20)], [f"talk{k}" for k in range(20)]
BIRDS = cooc.TermSet("topic", ["bird", "species"])
TARGETS = [cooc.TermSet("old", OLD), cooc.TermSet("talk", TALK), cooc.TermSet("absent", ["zeppelin"])]


def chat(answer: str, prompt: str = "Name a bird species.") -> str:
    return json.dumps({"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]})


def written(folder: Path, answers: list[str], prompt: str = "Name a bird species.") -> Path:
    file = folder / "file.jsonl"
    file.write_text("".join(chat(answer, prompt) + "\n" for answer in answers))
    return file


def sentence(random: np.random.Generator, middle: list[str], near: list[str], chance: float) -> list[str]:
    """Some words around others, of which one is of `near` by a chance."""
    words = [str(word) for word in random.choice(FILLERS, 8)]
    if random.random() < chance:
        words[int(random.integers(0, 8))] = str(random.choice(near))
    return [*words[:4], *middle, *words[4:]]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> cooc.Index:
    """A corpus where `seed` words stand by OLD, `seed` and `cousin` words by birds, and others by either at times."""
    random = np.random.default_rng(1)
    documents = []
    for _ in range(900):
        birds = ["bird", "species"]
        kinds = [(SEEDS, OLD, 1.0), (SEEDS, OLD, 1.0), (LOUD, OLD, 1.0), (LOUD, TALK, 1.0)]
        kinds += [(SEEDS, birds, 0.8), *4 * [(COUSINS, birds, 0.8)], *6 * [(BACK, OLD, 0.02), (BACK, TALK, 0.1)]]
        words: list[str] = []
        for number in random.permutation(len(kinds)).tolist():
            kind, near, chance = kinds[number]
            words += sentence(random, [str(random.choice(kind))], near, chance)
            words += [str(word) for word in random.choice(FILLERS, 10)]
        documents.append(words)
    return index_of(tmp_path_factory.mktemp("audit"), documents, min_count=5)


def rows_of(result: Any, part: str = "answers") -> dict[str, dict[str, Any]]:
    return {row["target"]: row for row in result.rows() if row["part"] == part}


def test_what_was_planted_is_warned_of_and_nothing_else(index: cooc.Index, tmp_path: Path) -> None:
    result = audit(index, written(tmp_path, SEEDS), TARGETS, topic=BIRDS, null=100)
    rows = rows_of(result)
    assert next(iter(rows)) == "old"
    assert rows["old"]["warning"] == "beyond its topic"
    assert rows["old"]["p_adjusted"] <= 0.05 and rows["old"]["z_beyond"] > 0
    assert rows["talk"]["warning"] == "no sign"
    assert "absent" not in rows and "index has no term of absent: nothing is said of it" in result.notes


def test_terms_that_lean_on_nothing_give_warnings_by_chance_alone(index: cooc.Index, tmp_path: Path) -> None:
    """Of five random sets one in twenty is warned of: three or more have a chance of 1 in 800."""
    random = np.random.default_rng(4)
    warned = 0
    for _ in range(5):
        answers = [str(word) for word in random.choice(BACK, 60, replace=False)]
        rows = rows_of(audit(index, written(tmp_path, answers), TARGETS, null=100))
        warned += any(row["warning"] != "no sign" for row in rows.values())
    assert warned <= 2


def test_what_the_topic_explains_is_not_held_against_a_list(index: cooc.Index, tmp_path: Path) -> None:
    """Cousins stand by birds as the seeds do; towards a target of birds they are no more than others of the topic."""
    birds = cooc.TermSet("birds", ["species"])
    rows = rows_of(audit(index, written(tmp_path, COUSINS[:10]), [birds, TARGETS[1]], null=100,
                         topic=cooc.TermSet("topic", ["bird"])))  # fmt: skip
    assert rows["birds"]["z"] > 4 and rows["birds"]["z_beyond"] < 2
    assert abs(rows["birds"]["topic_gap"]) < 0.2
    explained = {**rows["birds"], "warning": "as its topic does"}
    assert "no more than around other terms as close to the topic (bird)" in sentence_of(explained, 2)


def test_without_prompts_there_is_no_topic_to_hold_against(index: cooc.Index) -> None:
    result = audit(index, "\n".join(SEEDS), TARGETS, null=100)
    row = rows_of(result, "text")["old"]
    assert row["warning"] == "leans" and row["z_beyond"] is None
    assert "no topic was held against it" in row["sentence"]


def test_a_sentence_says_who_carries_it_and_examples_show_it(index: cooc.Index, tmp_path: Path) -> None:
    result = audit(index, written(tmp_path, SEEDS), TARGETS, topic=BIRDS, null=100)
    row = rows_of(result)["old"]
    assert row["sentence"].startswith("old stands ")
    assert row["carried_by"].split(", ")[0] in SEEDS and 0 < row["item_share"] <= 1
    examples = result.examples.rows()
    assert examples and {each["target"] for each in examples} == {"old"}
    for each in examples:
        words = each["text"].split()
        assert each["term"] in words and set(OLD) & set(words)


def test_terms_of_a_target_are_no_evidence_but_are_named(index: cooc.Index, tmp_path: Path) -> None:
    result = audit(index, written(tmp_path, [*PLAIN, *OLD]), TARGETS, null=100)
    row = rows_of(result)["old"]
    assert row["n_terms"] == len(PLAIN)
    assert row["named"] == pytest.approx(20 / 80)
    assert "25% of the items name it outright" in row["sentence"]
    assert {each["term"] for each in result.terms.rows() if each["is_target"]} == set(OLD)


@pytest.mark.parametrize(
    ("given", "warning"),
    [
        ({}, "beyond its topic"), ({"p_beyond": 0.2}, "as its topic does"), ({"z_beyond": -4.0}, "as its topic does"),
        ({"topic": ""}, "leans"), ({"p_adjusted": 0.06}, "no sign"), ({"z": -9.0}, "no sign"),
        ({"p_adjusted": 0.06, "named": 0.3}, "names it"), ({"p_adjusted": 0.06, "named": 0.01}, "no sign"),
        ({"p_adjusted": float("nan"), "z": float("nan")}, "no sign"),
    ],
)  # fmt: skip
def test_a_warning_is_what_the_numbers_say(given: dict[str, Any], warning: str) -> None:
    row = {"p_adjusted": 0.01, "z": 5.0, "topic": "bird", "p_beyond": 0.01, "z_beyond": 3.0, "named": 0.0, **given}
    assert warning_of(row) == warning


def test_results_depend_on_nothing_but_the_seed(index: cooc.Index, tmp_path: Path, monkeypatch: Any) -> None:
    file = written(tmp_path, SEEDS)
    first = audit(index, file, TARGETS, null=60).to_dict()
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert json.dumps(audit(cooc.open(index.path), file, TARGETS, null=60).to_dict()) == json.dumps(first)


def test_key_terms_are_those_of_the_file_and_the_form_is_none(index: cooc.Index) -> None:
    items = [f"The answer is {seed} filler1." for seed in SEEDS[:20]]
    found = key_terms(index, candidates_of(index, items))
    assert {" ".join(index.vocabulary.terms(list(phrase))) for phrase in found.phrases} == set(SEEDS[:20])
    assert found.counts.tolist() == [1] * 20


def test_a_longer_term_takes_its_words_with_it(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    documents = [[str(word) for word in random.choice(FILLERS, 300)] for _ in range(200)]
    for number in range(6):
        documents[number] += ["great", "auk"]
        documents[100 + number] += ["auk"]
    index = index_of(tmp_path, documents, min_count=2)

    def terms(*items: str) -> set[str]:
        found = key_terms(index, candidates_of(index, items))
        return {" ".join(index.vocabulary.terms(list(phrase))) for phrase in found.phrases}

    assert terms("Great auk?", "great auk!") == {"great auk"}
    assert terms("great auk", "an auk") == {"great auk", "auk"}


def test_frequent_words_of_the_corpus_are_no_terms(index: cooc.Index) -> None:
    items = ["bird species", "species", "bird cousin1 bird"]
    found = key_terms(index, candidates_of(index, items))
    assert [" ".join(index.vocabulary.terms(list(phrase))) for phrase in found.phrases] == ["cousin1"]


def test_the_words_that_most_prompts_share_are_the_topic(index: cooc.Index) -> None:
    prompts = ["Cousin1, back2?", "Back2 cousin1 x", "A cousin1 of back2", "cousin1 back2 seed1"]
    found = topic_words(index, candidates_of(index, prompts, 1))
    assert {" ".join(index.vocabulary.terms(list(word))) for word in found} == {"cousin1", "back2"}


def test_the_adjusted_p_counts_the_largest_z_over_all_targets() -> None:
    from cooc.clusters.measure import Measured

    random = np.random.default_rng(0)
    null = random.normal(size=(3, 199))
    values = [2.5, 0.1, -3.0]
    found = [
        Measured(**(dict.fromkeys(Measured._fields) | {"density": value, "null": row}))  # type: ignore[arg-type]
        for value, row in zip(values, null, strict=True)
    ]
    z, p, adjusted, threshold = _compared(found)
    standard = (null - null.mean(axis=1, keepdims=True)) / null.std(axis=1, ddof=1, keepdims=True)
    assert adjusted.tolist() == [(1 + int((standard.max(axis=0) >= value).sum())) / 200 for value in z]
    assert (adjusted >= p).all() and threshold == pytest.approx(np.quantile(standard.max(axis=0), 0.95))


def test_chance_warns_of_some_target_one_time_in_twenty() -> None:
    """Over 400 sets drawn as their controls are, with targets that go together."""
    from cooc.clusters.measure import Measured

    random = np.random.default_rng(3)
    warned = 0
    for _ in range(400):
        draws = random.normal(size=(6, 200)) + 0.7 * random.normal(size=200)
        found = [
            Measured(**(dict.fromkeys(Measured._fields) | {"density": row[0], "null": row[1:]}))  # type: ignore[arg-type]
            for row in draws
        ]
        warned += int(min(_compared(found)[2]) <= 0.05)
    assert 0.025 <= warned / 400 <= 0.08


@pytest.mark.parametrize(("words", "expected"), [([1, 2, 3], True), ([2, 1, 3], False), ([1], False), ([9], True)])
def test_phrases_are_found_among_words(words: list[int], expected: bool) -> None:
    assert holds(words, {(1, 2), (9,)}, 2) is expected


def test_every_shape_of_record_is_read(tmp_path: Path) -> None:
    lines = [
        chat("auk"), json.dumps({"prompt": "p", "completion": "c"}), json.dumps({"question": "q", "answer": "a"}),
        json.dumps({"instruction": "i", "output": "o"}), json.dumps({"text": "t"}), "",
        json.dumps({"messages": [{"role": "system", "content": "s"}, {"role": "assistant", "content": "one"},
                                 {"role": "user", "content": [{"type": "text", "text": "u"}]},
                                 {"role": "assistant", "content": "two"}]}),
    ]  # fmt: skip
    file = tmp_path / "f.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8-sig")
    texts = read_texts(file)
    assert texts.parts == {
        "prompts": ["Name a bird species.", "p", "q", "i", "s", "u"], "answers": ["auk", "c", "a", "o", "one", "two"],
        "text": ["t"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", r"f.jsonl:2: not JSON: Expecting property name"),
        (b'"\xff"', r"f.jsonl:2: not UTF-8 \(byte 0xff\)"),
        (b"[1]", r'f.jsonl:2: expected "messages" as chat finetuning files have, with text; found \[1\]'),
        (b'{"a": 1}', r'f.jsonl:2: expected "messages" .* found fields a'),
        (b'{"messages": []}', r'f.jsonl:2: expected "messages" .* found fields messages'),
        (b'{"messages": [{"role": "assistant", "content": 7}]}', r'f.jsonl:2: expected "messages"'),
        (b"[" * 100_000, r"f.jsonl:2: not JSON: nested too deeply"),
    ],
)
def test_a_broken_line_is_named_or_skipped(tmp_path: Path, line: bytes, message: str) -> None:
    file = tmp_path / "f.jsonl"
    file.write_bytes(chat("auk").encode() + b"\n" + line + b"\n" + chat("gull").encode())
    with pytest.raises(cooc.SourceError, match=message):
        read_texts(file)
    texts = read_texts(file, on_bad_line="skip")
    assert texts.parts["answers"] == ["auk", "gull"]
    assert len(texts.skipped) == 1 and "f.jsonl:2" in texts.skipped[0]


def test_a_prompt_is_a_file_or_a_text(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("You are kind.\n\nBe brief.\n")
    expected = {"text": ["You are kind.", "Be brief."]}
    assert read_texts(tmp_path / "p.txt").parts == read_texts(str(tmp_path / "p.txt")).parts == expected
    assert read_texts("You are kind.\nBe brief.").parts == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [("nowhere.jsonl", "nowhere.jsonl: can't be read"), ("nowhere.txt", "can't be read"), (" \n ", "holds no text")],
)
def test_what_cannot_be_read_is_refused(source: str, message: str) -> None:
    with pytest.raises(cooc.CoocError, match=message):
        read_texts(source)


@pytest.mark.parametrize(
    ("answers", "options", "message"),
    [
        (["qwertz"], {}, "file: too little stands out to audit: .*answers: not in index are 1 words: qwertz"),
        (SEEDS, {"null": 5}, "null is 5; expected at least 20 matched sets"),
        (SEEDS, {"on_bad_line": "maybe"}, 'on-bad-line "maybe": expected fail or skip'),
        (SEEDS, {"window": "page"}, '--window "page": expected a number of tokens, or document'),
    ],
)
def test_an_audit_that_makes_no_sense_is_refused(
    index: cooc.Index, tmp_path: Path, answers: list[str], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(cooc.UsageError, match=message):
        audit(index, written(tmp_path, answers), TARGETS, **options)


def test_an_audit_draws_each_part_and_gives_its_terms_as_seeds(index: cooc.Index, tmp_path: Path) -> None:
    result = audit(index, written(tmp_path, SEEDS), TARGETS, topic=BIRDS, null=60)
    assert [axes.get_title(loc="left") for axes in result.plot().axes] == ["answers"]
    assert [(each.name, set(each)) for each in result.term_sets] == [("file answers", set(SEEDS))]


def test_the_command_warns_in_words_and_in_json(index: cooc.Index, tmp_path: Path) -> None:
    old, birds, drawn = tmp_path / "old.txt", tmp_path / "birds.txt", tmp_path / "a.svg"
    old.write_text("\n".join(OLD))
    birds.write_text("bird\nspecies\n")
    given = ["audit", str(index.path), str(written(tmp_path, SEEDS)), "--target", str(old), "--null", "60"]
    given += ["--topic", str(birds)]
    done = CliRunner().invoke(app, [*given, "--plot", str(drawn)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("1 warning\n- old stands ") and "beyond its topic" in done.stdout
    assert "<svg" in drawn.read_text()
    document = json.loads(CliRunner().invoke(app, [*given, "--json", "-q"]).stdout)
    assert {"rows", "terms", "examples", "notes", "provenance"} <= set(document)
    assert document["rows"][0]["warning"] == "beyond its topic"


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpora are not here")
def test_old_bird_names_lean_on_natural_history(tmp_path: Path) -> None:
    sources = [SHARED / "corpora" / "nathist", SHARED / "corpora" / "enwiki" / "enwiki2018-000.jsonl.zst"]
    built = cooc.build(sources, tmp_path / "index", ngrams=3)
    result = audit(built, SHARED / "terms" / "finetune" / "ft_old_audubon_birds.jsonl", null=100)
    assert rows_of(result)["natural_history"]["p_adjusted"] <= 0.05
    assert rows_of(result)["computing"]["warning"] == "no sign"


def test_a_bare_number_is_no_key_term_unless_it_may_be_a_year(tmp_path: Path) -> None:
    documents = [["plate", "47", "auk", "1838"], ["a", "47", "855"], *[[f"w{k}", f"v{k}"] for k in range(4000)]]
    made = index_of(tmp_path, documents, ngrams=1)
    found = candidates_of(made, ["auk 47 855 and plate 47, 1838"])
    names = {" ".join(made.vocabulary.bytes_of(term).decode() for term in phrase) for phrase in found.phrases}
    assert {"auk", "1838", "plate 47"} <= names
    assert not {"47", "855", "47 855"} & names
