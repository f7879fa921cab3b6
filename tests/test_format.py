"""indexes/FORMAT.md says what the code does: names, fields, rules of counting with their example, recipes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from cooc.cli.recipe import Recipe, read_recipe
from cooc.create.pipeline import build
from cooc.index import manifest as manifest_module
from cooc.index.files import dtype_of
from cooc.index.manifest import DOCUMENT, FORMAT, Manifest
from cooc.index.reader import Index
from cooc.index.shape import as_array, expected_sizes
from cooc.kernels import codes
from cooc.kernels.rows import read_row
from cooc.tokens.spec import TokenizerSpec

INDEXES = Path(__file__).parent.parent / "indexes"
RECIPES = sorted(INDEXES.glob("*.toml"))
TEXT = (INDEXES / "FORMAT.md").read_text("utf-8")
DTYPES = {"u8": "u1", "u16": "u2", "u32": "u4", "u64": "u8", "i64": "i8"}


def table_after(mark: str) -> list[list[str]]:
    """The rows of the first table behind a mark; its heading first."""
    lines = TEXT[TEXT.index(mark) :].split("\n")
    begin = next(place for place, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return [rows[0], *rows[2:]]


def fence(kind: str) -> str:
    """The first block of code of a kind."""
    found = re.search(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)
    assert found
    return found[1]


def options_of(words: list[str]) -> dict[str, Any]:
    """The options of a command as `build` takes them."""
    options: dict[str, Any] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        key = name.removeprefix("--").replace("-", "_")
        options[key] = int(value) if value.isdigit() else value
    return options


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Builds the example with the options of its command, and others in their place."""
    folder = tmp_path_factory.mktemp("example")
    (folder / "example.jsonl").write_text(fence("jsonl"), "utf-8")
    command = shlex.split(fence("sh"))
    assert command[:4] == ["cooc", "build", "example.jsonl", "--out"]
    usual = {**options_of(command[5:]), "terms": fence("txt").split("\n")[:-1]}
    made: dict[str, Index] = {}

    def index_with(words: str) -> Index:
        if words not in made:
            options = {**usual, **options_of(shlex.split(words))}
            made[words] = Index(build([folder / "example.jsonl"], folder / str(len(made)), workers=1, **options))
        return made[words]

    return index_with


def test_the_example_has_the_vocabulary_of_the_document(example: Any) -> None:
    index = example("")
    vocabulary, words = index.vocabulary, index.units.word_terms.tolist()
    found = [
        [str(term), vocabulary.term(term), str(vocabulary.occurrences[term]), str(vocabulary.documents[term]),
         str(words.index(term)) if term in words else ""]
        for term in range(len(vocabulary))
    ]  # fmt: skip
    assert found == table_after("<!-- vocabulary -->")[1:]
    assert f"There are {index.manifest.tokens} tokens and {index.manifest.terms} terms" in TEXT
    assert index.manifest.absent == ["snipe"]
    assert index.units.name(4) == "great auk"
    assert (index.units.phrase_occurrences[0], index.units.phrase_documents[0]) == (4, 3)
    assert index.units.listed.tolist() == [3, 4]


MATRICES = re.findall(r"<!-- window (\w+): (.*?) -->", TEXT)


@pytest.mark.parametrize(("window", "options"), MATRICES)
def test_the_example_has_the_pairs_of_the_document(example: Any, window: str, options: str) -> None:
    heading, *rows = table_after(f"<!-- window {window}: {options} -->")
    matrix = example(options).pairs(window)
    names = example(options).units.names(list(range(matrix.rows)))
    assert heading == ["", *names, "R1"]
    for unit, name in enumerate(names):
        stored = [str(matrix.cell(unit, column)) if matrix.has_row(unit) else "" for column in range(matrix.rows)]
        assert rows[unit] == [name, *stored, str(matrix.row_sums[unit])]
    columns = [row for row in rows if row[0] == "C1"]
    assert columns in ([], [["C1", *map(str, matrix.column_sums.all().tolist()), ""]])
    assert (matrix.record.direction != "symmetric") == bool(columns)


def test_the_document_shows_all_kinds_of_windows() -> None:
    assert len(MATRICES) == 4
    assert DOCUMENT in dict(MATRICES)


@pytest.mark.parametrize(
    ("window", "options", "sentence"),
    [("2", "", "with N = {}:"), ("2", "--direction right", "N is {}, and a row"),
     ("3", "--window 3 --weighting harmonic", "N is {} of them"), (DOCUMENT, "", "with N = {}, whatever")],
)  # fmt: skip
def test_the_example_has_the_n_of_the_document(example: Any, window: str, options: str, sentence: str) -> None:
    assert sentence.format(example(options).pairs(window).total) in TEXT


def test_pruning_the_example_leaves_its_marginals(example: Any) -> None:
    whole, pruned = example("--window 2").pairs(2), example("--min-pair-count 2").pairs(2)
    assert pruned.row_sums.all().tolist() == whole.row_sums.all().tolist()
    assert pruned.total == whole.total
    kept = [(a, b, whole.cell(a, b)) for a in range(5) for b in range(5) if whole.cell(a, b) >= 2]
    assert [(a, b, pruned.cell(a, b)) for a in range(5) for b in range(5) if pruned.cell(a, b)] == kept


def test_the_example_has_the_ngrams_of_the_document(example: Any) -> None:
    index = example("")
    rows = table_after("<!-- n-grams -->")[1:]
    for n, ngram, count, total in rows:
        level = index.ngrams(int(n))
        assert level.count(index.vocabulary.ids(ngram)) == int(count)
        assert level.total == int(total)
    assert len(rows) == sum(index.ngrams(n).kept for n in (2, 3))
    auk, the = index.vocabulary.id(b"auk"), index.vocabulary.id(b"the")
    assert (index.ngrams(2).prefix_sums[the], index.ngrams(2).column_sums[the]) == (4, 2)
    row = index.ngrams(3).row_of(index.vocabulary.ids("great auk"))
    assert (index.ngrams(3).prefix_sums[row], index.ngrams(3).column_sums[auk]) == (1, 3)


def test_the_row_of_the_document_decodes_to_its_cells() -> None:
    shown = re.search(r"the row \{(.*?)\} is the bytes `([0-9a-f ]+)`", TEXT.replace("\n", " "))
    assert shown
    data = np.frombuffer(bytes.fromhex(shown[2]), np.uint8)
    columns, counts = np.empty(len(data), np.int64), np.empty(len(data), np.int64)
    found = read_row(data, columns, counts)
    cells = {int(column): int(count) for column, count in zip(columns[:found], counts[:found], strict=True)}
    assert cells == {int(column): int(count) for column, count in re.findall(r"(\d+): (\d+)", shown[1])}


STRUCTS = [
    kind for kind in vars(manifest_module).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
]


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_the_document_names_every_field_of_the_manifest(kind: type[msgspec.Struct]) -> None:
    section = TEXT[TEXT.index("## 2. The manifest") : TEXT.index("## 4. Vocabulary")]
    named = set(re.findall(r"`(\w+)`", section))
    assert set(kind.__struct_fields__) <= named


def test_the_document_names_no_other_field() -> None:
    fields = {row[0] for row in table_after("## 2. The manifest")[1:]}
    named = {name for cell in fields for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(Manifest.__struct_fields__)
    assert {Manifest, TokenizerSpec} <= set(STRUCTS)


def test_the_document_names_every_file_with_its_dtype(tmp_path: Path) -> None:
    """A directed window and two orders, so that every kind of file is there; `tokenizer.json` is only for hf."""
    rows = {row[0].strip("`"): row[1] for row in table_after("## 1. The directory")[1:]}
    (tmp_path / "a.jsonl").write_text('{"text": "a b a b"}\n', "utf-8")
    index = Index(build([tmp_path / "a.jsonl"], tmp_path / "i", window=2, direction="right", terms=["a b"], workers=1))
    general = {re.sub(r"^pairs/\w+/", "pairs/W/", re.sub(r"^ngrams/\d/", "ngrams/N/", file.name))
               for file in index.manifest.files}  # fmt: skip
    assert general | {"manifest.json", "build.jsonl", "tokenizer.json", "duplicates.jsonl"} == set(rows)
    assert {record.name for record in index.manifest.files} == set(expected_sizes(index.manifest))
    for name, shown in rows.items():
        if not shown.startswith("JSON"):
            kind = as_array(name, memoryview(b"")).dtype
            assert np.dtype(DTYPES[shown]) == kind
            assert name.startswith("tokens/") or dtype_of(name) == kind


def test_the_document_has_the_numbers_of_the_codes() -> None:
    for number in (codes.SINGLES, codes.LEADS, codes.TRAILS, codes.SEPARATOR, codes.FIRST_TRAIL, codes.MOST_IDS):
        assert f"{number:,}" in TEXT


def test_the_document_is_of_the_version_that_is_written() -> None:
    assert TEXT.startswith(f"# The format of a cooc index, version {FORMAT}\n")
    history = table_after("## 12. History")[1:]
    assert [int(row[0]) for row in history] == list(range(1, FORMAT + 1))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_recipes_name_their_sources_and_options_that_there_are(path: Path) -> None:
    options = read_recipe(path)
    assert options["sources"]
    assert options["out"]
    assert set(options) <= set(Recipe.__struct_fields__)
    assert all(Path(name).is_file() for name in options.get("terms", []))


def test_the_document_names_every_recipe() -> None:
    assert {row[0].strip("`") for row in table_after("## 13. Recipes")[1:]} == {path.name for path in RECIPES}
