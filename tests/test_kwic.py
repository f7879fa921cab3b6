"""Concordance lines are what stands in the documents, each with its own."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import cooc
from cooc.cli.app import app
from cooc.create.pipeline import build
from cooc.errors import DamagedIndex, UnknownTerm, UsageError
from cooc.index.reader import Index
from cooc.kernels.contexts import read_sides
from cooc.query.kwic import metadata_of
from tests import pages
from tests.naive import contexts as naive
from tests.test_contexts import TERMS, occurrences
from tests.test_queries import a_phrase, sequences

DOCUMENTS = [
    {"id": "x1", "text": "The great auk and the great bustard; the Great Auk!", "year": 1844, "tags": ["a", "b"]},
    {"id": "x2", "text": "A great auk", "tags": None},
    {"text": "great auk great auk of Königsberg", "year": "1900"},
]


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("kwic")
    (folder / "birds.jsonl").write_text("".join(json.dumps(document) + "\n" for document in DOCUMENTS))
    options: dict[str, Any] = {"meta_fields": ["year", "tags"], "workers": 1, "memory": "256MB"}
    return Index(build([folder / "birds.jsonl"], folder / "index", ngrams=1, window=1, **options))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(sequences, a_phrase)
def test_sides_are_read_in_order_and_end_with_the_document(documents: list[list[int]], phrase: list[int]) -> None:
    codes, places, _, size = occurrences(documents, phrase)
    sides = np.full((2, len(places), 3), -1, np.int64)
    assert not read_sides(codes, 49_152, places, size, TERMS, sides)
    expected = [
        (document[max(0, at - 3) : at], document[at + len(phrase) : at + len(phrase) + 3])
        for document in documents for at in naive.places(document, phrase)
    ]  # fmt: skip
    lines = zip(*sides.tolist(), strict=True)
    assert [tuple([term for term in side if term >= 0] for side in line) for line in lines] == expected


def test_lines_have_their_words_documents_and_metadata(birds: Index) -> None:
    found = cooc.kwic(birds, "Great Auk", width=2)
    rows = found.rows()
    assert [(row["left"], row["phrase"], row["right"]) for row in rows] == [
        ("the", "great auk", "and the"), ("bustard the", "great auk", ""), ("a", "great auk", ""),
        ("", "great auk", "great auk"), ("great auk", "great auk", "of königsberg"),
    ]  # fmt: skip
    assert [(row["document"], row["linenum"], row["id"]) for row in rows] == [
        (0, 1, "x1"), (0, 1, "x1"), (1, 2, "x2"), (2, 3, None), (2, 3, None),
    ]  # fmt: skip
    assert [row["meta.year"] for row in rows] == [1844, 1844, None, "1900", "1900"]
    assert rows[0]["meta.tags"] == '["a", "b"]'
    assert str(rows[0]["path"]).endswith("birds.jsonl")
    assert (found.occurrences, found.notes, found.to_dict()["occurrences"]) == (5, [], 5)


def test_lines_are_sorted_by_either_side(birds: Index) -> None:
    right = [row["right"] for row in cooc.kwic(birds, "great", sort="right", width=2).rows()]
    assert right == sorted(right, key=lambda text: str(text).split(" "))
    left = [str(row["left"]).split(" ")[::-1] for row in cooc.kwic(birds, "great", sort="left", width=2).rows()]
    assert left == sorted(left)


def test_fewer_lines_than_occurrences_are_a_uniform_sample_that_says_so(birds: Index) -> None:
    seen: Counter[Any] = Counter()
    for seed in range(300):
        found = cooc.kwic(birds, "great auk", top=2, seed=seed)
        assert len(found) == 2
        seen.update((row["document"], row["left"]) for row in found.rows())
    # 300 * 2 / 5 = 120 each, standard deviation 8.5
    assert len(seen) == 5 and all(85 < count < 155 for count in seen.values())
    assert found.notes == ["2 of 5 occurrences, a uniform sample (another seed gives others)."]
    assert len(cooc.kwic(birds, "great auk", top=None)) == 5


def test_lines_of_a_slice_are_of_its_documents(birds: Index) -> None:
    found = cooc.kwic(birds, "great auk", where="year < 1900")
    assert [row["id"] for row in found.rows()] == ["x1", "x1"]
    assert found.provenance.slices[0]["documents"] == 1


def test_a_concordance_shows_the_phrase_in_one_column(birds: Index) -> None:
    lines = cooc.kwic(birds, "great auk").text().splitlines()
    assert len({line.index("  great auk  ") for line in lines[:4]}) == 1
    assert lines[0].endswith("x1") and lines[-1].endswith("birds.jsonl:3")
    assert lines[0].strip() in repr(cooc.kwic(birds, "great auk"))
    assert cooc.kwic(birds, "great auk").plot().axes[0].get_xlabel() == "document"


def test_a_phrase_that_never_occurs_has_no_lines_and_an_unknown_word_is_named(birds: Index) -> None:
    assert cooc.kwic(birds, "bustard auk").rows() == []
    assert cooc.kwic(birds, "bustard auk").text() == ""
    with pytest.raises(UnknownTerm, match='"bustrad" is not in the vocabulary'):
        cooc.kwic(birds, "bustrad")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sort": "up"}, '--sort "up": expected left, right or none'),
        ({"width": 0}, "--width 0: expected 1 to 1,000 tokens"),
        ({"top": 0}, "top is 0; expected at least 1"),
    ],
)
def test_a_concordance_that_can_t_be_is_refused(birds: Index, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        cooc.kwic(birds, "auk", **options)


def test_metadata_that_is_none_is_damage(birds: Index) -> None:
    class Bytes:
        path = Path("metadata.0")

        def __init__(self, data: bytes) -> None:
            self.data = np.frombuffer(data, np.uint8)

        def __len__(self) -> int:
            return len(self.data)

        def slice(self, start: int, stop: int) -> Any:
            return self.data[start:stop]

    index: Any = SimpleNamespace(
        tokens=SimpleNamespace(metadata=Bytes(b'{"path": 3}\n'), metadata_offsets=Bytes(bytes(8)))
    )
    with pytest.raises(DamagedIndex, match=r"metadata\.0: line 1 is no metadata"):
        metadata_of(index, 0)


# --- the command line


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        app([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out, captured.err


def test_the_command_line_prints_lines_or_json(birds: Index, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "kwic", birds.path, "great auk", "--top", "3", "--seed", "4")
    assert (code, len(out.splitlines())) == (0, 3)
    assert "3 of 5 occurrences, a uniform sample" in err
    code, out, err = run(capsys, "kwic", birds.path, "great auk", "--top", "0", "--sort", "right", "--json")
    document = json.loads(out)
    assert (code, err, len(document["rows"]), document["occurrences"]) == (0, "", 5, 5)
    assert run(capsys, "kwic", birds.path, "bustard auk")[1:] == ("", '"bustard auk" does not occur.\n')
    assert run(capsys, "kwic", birds.path, "auk", "--sort", "up")[0] == 1


def test_the_command_line_asks_for_contexts_and_variants(
    birds: Index, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = "contexts", birds.path, "great auk", "auk great", "--window", "3", "--min-count", "1"
    code, out, err = run(capsys, *asked, "--plot", tmp_path / "contexts.svg")
    assert code == 0 and "bustard" in out and "contexts of great auk" in err
    assert (tmp_path / "contexts.svg").stat().st_size > 1000
    document = json.loads(run(capsys, *asked, "--json")[1])
    assert [row["occurrences"] for row in document["phrases"]] == [5, 1]
    assert document["rows"][0]["documents"] >= 1
    code, out, err = run(capsys, *asked, "--most", "2", "--seed", "1")
    assert code == 0 and "uniform sample of 2" in err
    code, out, _ = run(capsys, *asked, "--where", "year < 1900", "--against", "rest")
    assert code == 0 and "log_odds" in out
    code, out, _ = run(capsys, "count", birds.path, "great-auk", "--variants")
    assert code == 0 and "variant" in out
    assert json.loads(run(capsys, "count", birds.path, "great-auk", "--variants", "--json")[1])["variants"] == [
        {"phrase": "great-auk", "variant": "great-auk", "occurrences": 5, "documents": 3}
    ]
    code, out, _ = run(capsys, "pair", birds.path, "great auk", "great")
    assert code == 0 and "distance" in out and "a_anchors" in out


def test_every_command_of_the_page_on_phrases_runs_and_prints_what_it_shows(tmp_path: Path) -> None:
    page = pages.ROOT / "docs" / "phrases.md"
    ran, printed = 0, ""
    for block in pages.blocks(page):
        if block.runs:
            done = pages.run(block, tmp_path)
            ran, printed = ran + 1, done.stdout
            assert done.returncode == 0, f"{page.name}:{block.line}\n{printed}"
        elif block.language == "text":
            assert not pages.missing(block.text, printed), f"{page.name}:{block.line}\n{printed}"
    assert ran == 8
