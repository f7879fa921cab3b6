"""What `import cooc` offers, and what it costs."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cooc
from cooc import errors
from tests.corpora import write_jsonl


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_all_names_are_there_and_in_order() -> None:
    assert cooc.__all__ == sorted(cooc.__all__, key=lambda name: (name.upper() != name, name.islower(), name))
    for name in cooc.__all__:
        assert getattr(cooc, name) is not None
        assert name in dir(cooc)


def test_all_names_are_the_ones_promised() -> None:
    verbs = {"build", "count", "export", "merge", "neighbors", "ngrams", "open", "pair", "verify"}
    verbs |= {"build_phrases", "merge_scans", "scan", "open_infini_gram", "contexts", "kwic"}
    verbs |= {"audit", "cluster", "constellation", "curation", "density", "derive", "lexicon", "lexicons", "years"}
    verbs |= {"across_models", "bridge", "clue_removal", "design", "published_outcomes", "read_outcomes"}
    verbs |= {"ordering", "register", "report", "seed_noise"}
    others = {"MEASURES", "Index", "ScanResult", "TermSet", "read_term_sets", "read_terms"}
    others |= {"Bridge", "CooccurrenceVectorizer", "Design", "Models", "Outcomes"}
    faults = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert set(cooc.__all__) == verbs | others | faults


def test_every_public_function_says_what_it_does() -> None:
    for name in cooc.__all__:
        value = getattr(cooc, name)
        if callable(value):
            assert len(inspect.getdoc(value) or "") > 20, name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'cooc' has no attribute 'neighbours'"):
        cooc.neighbours  # noqa: B018


def test_importing_cooc_imports_nothing_heavy() -> None:
    heavy = ("numpy", "numba", "polars", "pyarrow", "scipy", "typer", "msgspec")
    assert python(f"import cooc, sys; print([name for name in {heavy} if name in sys.modules])") == "[]"


def test_importing_cooc_takes_a_moment() -> None:
    code = "import time; begun = time.perf_counter(); import cooc; print(time.perf_counter() - begun)"
    assert min(float(python(code)) for _ in range(5)) < 0.03


@pytest.mark.parametrize("module", ["cooc.query.neighbors", "cooc.query.pairs", "cooc.query.ngrams", "cooc.cli.app"])
def test_an_answer_needs_no_table_library(module: str) -> None:
    heavy = ("polars", "pyarrow", "scipy.sparse", "tokenizers", "fsspec", "rich", "matplotlib")
    assert python(f"import {module}, sys; print([name for name in {heavy} if name in sys.modules])") == "[]"


def test_no_folder_of_the_package_hides_a_verb() -> None:
    for name in cooc.__all__:
        assert not (Path(cooc.__file__).parent / name).exists()
        assert not (Path(cooc.__file__).parent / f"{name}.py").exists()


def test_the_verb_has_the_options_of_the_builder_with_the_same_defaults() -> None:
    from cooc.create.pipeline import build

    ours, theirs = inspect.signature(cooc.build).parameters, inspect.signature(build).parameters
    assert list(ours) == list(theirs)
    for name, parameter in theirs.items():
        if name != "progress":
            assert (ours[name].default, ours[name].kind) == (parameter.default, parameter.kind), name


def test_build_opens_what_it_built_and_opens_it_again(tmp_path: Path) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", [["great", "auk"], ["auk"]])
    index = cooc.build(source, tmp_path / "index", workers=1)
    assert index.manifest.documents == 2
    assert cooc.build([source], tmp_path / "index", workers=1).digest == index.digest
    assert cooc.open(tmp_path / "index").digest == index.digest
    assert cooc.verify(index).problems == []


@pytest.mark.parametrize("as_path", [str, Path])
def test_terms_come_as_a_set_a_file_or_a_list_of_any(tmp_path: Path, as_path: type) -> None:
    source = write_jsonl(tmp_path / "a.jsonl", [["great", "auk", "puffin", "gannet"]])
    file = tmp_path / "more.toml"
    file.write_text('[one]\nterms = ["gannet"]\n[two]\nterms = ["great auk"]\n')
    given = {
        "set": cooc.TermSet("birds", ["great auk", "puffin"]),
        "file": as_path(file),
        "list": ["puffin", "great auk"],
        "mixed": ["auk", cooc.TermSet("birds", ["puffin"]), file],
    }
    found = {}
    for name, terms in given.items():
        index = cooc.build(source, tmp_path / name, terms=terms, workers=1)
        found[name] = sorted(index.units.names(index.units.listed))
    assert found == {
        "set": ["great auk", "puffin"],
        "file": ["gannet", "great auk"],
        "list": ["great auk", "puffin"],
        "mixed": ["auk", "gannet", "great auk", "puffin"],
    }


def test_merged_indexes_are_opened(tmp_path: Path) -> None:
    indexes = [
        cooc.build(write_jsonl(tmp_path / f"{name}.jsonl", [["great", name]]), tmp_path / name, workers=1)
        for name in ("auk", "bustard")
    ]
    merged = cooc.merge([index.path for index in indexes], tmp_path / "both", workers=1)
    assert cooc.count(merged, "great").rows() == [{"phrase": "great", "occurrences": 2, "documents": 2, "note": None}]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "up"}, '--direction "up": expected symmetric or right or left'),
        ({"weighting": "linear"}, '--weighting "linear": expected uniform or harmonic'),
        ({"on_bad_line": "ignore"}, '--on-bad-line "ignore": expected fail or skip'),
        ({"text_documents": "page"}, '--text-documents "page": expected file or line'),
    ],
)
def test_an_option_that_is_not_there_is_refused_before_any_work(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(cooc.UsageError, match=message):
        cooc.build(tmp_path, tmp_path / "index", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "index").exists()


def test_an_index_opens_in_a_moment(tmp_path: Path) -> None:
    index = cooc.build(write_jsonl(tmp_path / "a.jsonl", [["great", "auk"]]), tmp_path / "index", workers=1)
    begun = time.perf_counter()
    cooc.open(index.path)
    assert time.perf_counter() - begun < 0.05


def test_an_index_travels_by_its_path(tmp_path: Path) -> None:
    index = cooc.build(write_jsonl(tmp_path / "a.jsonl", [["great", "auk"]]), tmp_path / "index", workers=1)
    again = pickle.loads(pickle.dumps(index))
    assert again.digest == index.digest


def test_what_is_only_looked_up_loads_no_compiler(tmp_path: Path) -> None:
    index = cooc.build(write_jsonl(tmp_path / "a.jsonl", [["great", "auk"]]), tmp_path / "index", workers=1)
    code = f"import sys, cooc; i = cooc.open({str(index.path)!r}); cooc.count(i, 'auk'); cooc.ngrams(i, n=1)"
    assert python(f"{code}; print('numba' in sys.modules)") == "False"
