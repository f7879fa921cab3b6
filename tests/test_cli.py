"""The command line: what it prints where, what it exits with, what its help says."""

from __future__ import annotations

import inspect
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import cooc
from cooc.cli import main, progress
from cooc.cli.app import app
from cooc.cli.recipe import Recipe
from cooc.query.measures import MEASURES
from tests.corpora import index_of, write_jsonl

COMMANDS = [str(command.name) for command in app.registered_commands]
BIRDS = ["the great auk and the great bustard", "the auk is great", "a bustard", "auk auk auk"]


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What is on standard output, which must be one JSON document."""
        return json.loads(self.out)


class Shell:
    """Runs the command in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Said:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        code = left.value.code
        return Said(0 if code is None else int(code), *self._capsys.readouterr())


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture(scope="module")
def birds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    documents = [text.split() for text in BIRDS]
    folder = tmp_path_factory.mktemp("birds")
    return index_of(folder, documents, window=[2, 4], min_count=1, terms=["great auk", "dodo"]).path


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "birds.jsonl", [text.split() for text in BIRDS])


# --- help


def test_help_lists_every_command(shell: Shell) -> None:
    said = shell("--help")
    assert said.code == 0
    lines = said.out.split("Make an index:\n")[1].splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    assert sorted(listed) == sorted(COMMANDS)
    assert listed[:3] == ["build", "merge", "info"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_prints_and_costs_and_shows_it(shell: Shell, command: str) -> None:
    text = " ".join(shell(command, "--help").out.split())
    assert "Output: " in text and f"Example: cooc {command}" in text
    assert "Cost: " in text


def test_help_of_a_build_shows_the_defaults_that_a_build_has(shell: Shell) -> None:
    text = " ".join(shell("build", "--help").out.split("Options:")[1].split())
    for name, parameter in inspect.signature(cooc.build).parameters.items():
        if name in ("sources", "out", "progress"):
            continue
        option = "--" + {"meta_fields": "meta-field"}.get(name, name.replace("_", "-"))
        assert option in text
        if isinstance(parameter.default, str | int) and not isinstance(parameter.default, bool):
            part = text.split(f" {option} ")[1].split(" --")[0]
            assert f"[{parameter.default}]" in part, option


def test_a_recipe_has_every_option_of_a_build() -> None:
    options = set(inspect.signature(cooc.build).parameters) - {"progress"}
    assert {"meta_fields" if name == "meta_field" else name for name in Recipe.__struct_fields__} == options


def test_help_comes_at_once() -> None:
    """Processor time: the wall's clock also sees whatever else the machine does."""
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "cooc", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(taken) < 0.3


def test_the_version_is_printed(shell: Shell) -> None:
    assert shell("--version") == Said(0, f"cooc {cooc.__version__}\n", "")


# --- build


def test_a_build_prints_the_path_and_says_the_rest_on_stderr(shell: Shell, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    said = shell("build", corpus, "--out", out, "--window", 2, "--window", 4, "--min-count", 1, "--workers", 1)
    assert (said.code, said.out) == (0, f"{out}\n")
    assert "4 documents, 16 tokens, 7 terms\nwindow 2: " in said.err and "window 4: " in said.err
    assert "2-grams: 10 with 1 occurrences or more" in said.err
    assert cooc.open(out).windows == ["2", "4"]


def test_a_quiet_build_says_nothing(shell: Shell, corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    assert shell("build", corpus, "--out", out, "-q", "--workers", 1) == Said(0, f"{out}\n", "")


def test_a_build_takes_every_option(shell: Shell, tmp_path: Path) -> None:
    rows = [{"body": "The Auk", "name": "1", "year": 1840}, {"body": "the auk sang", "name": "2"}]
    corpus = tmp_path / "a.jsonl"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows))
    terms = tmp_path / "t.toml"
    terms.write_text('[one]\nterms = ["Auk"]\n[two]\nterms = ["the auk", "dodo"]\n')
    said = shell(
        "build", corpus, "--out", tmp_path / "i", "--text-field", "body", "--id-field", "name", "--meta-field", "year",
        "--keep-case", "--window", 3, "--direction", "right", "--weighting", "harmonic", "--ngrams", 2,
        "--min-count", 1, "--min-pair-count", 2, "--max-terms", 3, "--terms", terms, "--memory", "1GB", "--dedup", 0.9,
        "--workers", 1, "--on-bad-line", "skip", "--text-documents", "line", "--tokenizer", "word",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "1 of --terms do not occur: dodo" in said.err
    chosen = shell("info", tmp_path / "i", "--json").document["parameters"]
    assert chosen == {
        "text_field": "body", "id_field": "name", "meta_fields": ["year"], "text_documents": "line", "windows": [3],
        "direction": "right", "weighting": "harmonic", "ngrams": 2, "min_count": 1, "min_pair_count": 2,
        "max_terms": 3, "terms": ["Auk", "the auk", "dodo"], "on_bad_line": "skip", "dedup": 0.9,
    }  # fmt: skip
    assert shell("info", tmp_path / "i", "--json").document["tokenizer"]["keep_case"] is True


def test_skipped_records_are_counted_by_reason(shell: Shell, tmp_path: Path) -> None:
    corpus = tmp_path / "a.jsonl"
    corpus.write_text('{"text": "auk"}\nno json\n{"text": 3}\n')
    said = shell("build", corpus, "--out", tmp_path / "i", "--on-bad-line", "skip", "--workers", 1)
    assert "skipped: 1 not JSON, 1 text is no string (cooc info says where)" in said.err
    assert f"{corpus}:2: not JSON" in shell("info", tmp_path / "i").out


def test_a_bad_record_names_file_and_line(shell: Shell, tmp_path: Path) -> None:
    corpus = tmp_path / "a.jsonl"
    corpus.write_text('{"text": "auk"}\nno json\n')
    said = shell("build", corpus, "--out", tmp_path / "i", "--quiet", "--workers", 1)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"cooc: {corpus}:2: ")


def test_a_build_without_a_place_is_bad_usage(shell: Shell, corpus: Path) -> None:
    said = shell("build", corpus)
    assert said.code == 2 and "--out: say where the index goes" in said.err.replace("'", "")


@pytest.mark.parametrize(
    "option", [("--direction", "up"), ("--memory", "lots"), ("--window", 0), ("--ngrams", 9), ("--workers", 0)]
)
def test_an_option_that_makes_no_sense_is_named(
    shell: Shell, corpus: Path, tmp_path: Path, option: tuple[str, object]
) -> None:
    said = shell("build", corpus, "--out", tmp_path / "i", *option)
    assert said.code == 1 and said.err.startswith(f"cooc: {option[0]} ") and str(option[1]) in said.err


def test_ctrl_c_says_how_to_go_on(shell: Shell, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cooc, "build", interrupted)
    said = shell("build", corpus, "--out", tmp_path / "i")
    assert said == Said(130, "", "cooc: interrupted; run the same command again to go on.\n")


def test_ctrl_c_in_a_question_just_ends_it(shell: Shell, birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cooc, "count", interrupted)
    assert shell("count", birds, "auk") == Said(130, "", "cooc: interrupted.\n")


# --- recipes


def recipe(folder: Path, text: str) -> Path:
    path = folder / "birds.toml"
    path.write_text(text)
    return path


def test_a_recipe_gives_the_options_and_its_folder_the_paths(
    shell: Shell, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "terms.txt").write_text("great auk\n")
    path = recipe(
        tmp_path,
        '[build]\nsources = ["*.jsonl"]\nout = "made"\nwindow = [2, 3]\nterms = ["terms.txt"]\nmeta_field = ["id"]\n'
        'keep_case = true\nmemory = "1GB"\nworkers = 1\n',
    )
    monkeypatch.chdir("/")
    said = shell("build", path)
    assert said.out == f"{tmp_path / 'made'}\n", said.err
    index = cooc.open(tmp_path / "made")
    assert index.windows == ["2", "3", "document"]
    assert index.manifest.parameters.terms == ("great auk",) and index.manifest.tokenizer.keep_case


def test_the_command_line_overrides_a_recipe(shell: Shell, corpus: Path, tmp_path: Path) -> None:
    path = recipe(tmp_path, '[build]\nsources = ["birds.jsonl"]\nout = "made"\nwindow = 2\nngrams = 2\nworkers = 1\n')
    assert shell("build", path, "--window", 5, "--out", tmp_path / "other").code == 0
    assert cooc.open(tmp_path / "other").windows == ["5"]
    assert cooc.open(tmp_path / "other").manifest.parameters.ngrams == 2
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[build]\nwindwo = 3\n", r'[build] has no option "windwo". Did you mean window?'),
        ('[build]\nsources = ["a"]\nngrams = "3"\n', "[build]: Expected `int`, got `str` - at `$.ngrams`"),
        ("[bild]\n", "expected one table [build], found bild"),
        ("window = \n", "the recipe is not TOML: Invalid value"),
        ("[build]\nwindow = 2\n", '[build] names no "sources"'),
    ],
)
def test_a_recipe_that_is_wrong_says_where(shell: Shell, tmp_path: Path, text: str, message: str) -> None:
    path = recipe(tmp_path, text)
    said = shell("build", path, "--out", tmp_path / "i")
    assert said.code == 1 and said.err.startswith(f"cooc: {path}: {message}"), said.err


def test_a_recipe_names_all_its_sources_itself(shell: Shell, corpus: Path, tmp_path: Path) -> None:
    path = recipe(tmp_path, '[build]\nsources = ["birds.jsonl"]\n')
    said = shell("build", path, corpus, "--out", tmp_path / "i")
    assert said.code == 2 and "is a recipe, which names its sources itself" in " ".join(said.err.split())


def test_a_recipe_that_is_not_there_is_an_error_of_ours(shell: Shell, tmp_path: Path) -> None:
    said = shell("build", tmp_path / "none.toml", "--out", tmp_path / "i")
    assert said.code == 1 and "the recipe can't be read: No such file" in said.err


# --- questions


def test_info_shows_what_was_counted_and_how(shell: Shell, birds: Path) -> None:
    said = shell("info", birds)
    assert "4 documents, 16 tokens, 7 terms; tokenizer word" in said.out
    assert "rows for 7 words and 1 phrases" in said.out and "1 of --terms do not occur: dodo" in said.out
    for start in ("2 ", "4 ", "document ", "n-grams "):
        assert f"\n{start}" in said.out
    assert said.err == ""


def test_info_as_json_is_the_manifest_and_the_sizes(shell: Shell, birds: Path) -> None:
    document = shell("info", birds, "--json").document
    manifest = json.loads((birds / "manifest.json").read_text())
    assert {name: document[name] for name in manifest} == manifest
    assert document["sizes"]["total"] == sum(file["bytes"] for file in manifest["files"])
    assert document["path"] == str(birds) and document["digest"] == cooc.open(birds).digest


def test_count_prints_a_row_for_each_phrase(shell: Shell, birds: Path) -> None:
    said = shell("count", birds, "auk", "the great")
    assert said == Said(
        0,
        "phrase     occurrences  documents\nauk                  5          3\nthe great            2          1\n",
        "",
    )
    rows = shell("count", birds, "auk", "--json").document["rows"]
    assert rows == [{"phrase": "auk", "occurrences": 5, "documents": 3, "note": None}]


def test_pair_prints_one_object_with_every_measure(shell: Shell, birds: Path) -> None:
    document = shell("pair", birds, "the", "auk", "--window", 4, "--json").document
    assert list(document)[:8] == ["a", "b", "count", "expected", "r1", "c1", "n", "documents"]
    assert set(MEASURES) <= set(document)
    expected = cooc.pair(cooc.open(birds), "the", "auk", window=4).to_dict()
    assert document == json.loads(json.dumps(expected))
    assert "log_odds_ratio" in shell("pair", birds, "the", "auk").out


def test_neighbors_as_json_have_every_measure_and_as_a_table_some(shell: Shell, birds: Path) -> None:
    said = shell("neighbors", birds, "auk", "great auk", "--min-count", 1, "--top", 2, "--measure", "t_score", "--json")
    rows = said.document["rows"]
    assert [row["of"] for row in rows] == ["auk", "auk", "great auk", "great auk"]
    assert list(rows[0]) == ["of", "term", "count", *["expected"], *(name for name in MEASURES if name != "expected")]
    table = shell("neighbors", birds, "auk", "great auk", "--min-count", 1, "--measure", "t_score").out
    head = ["of", "term", "count", "expected", "t_score", "npmi", "pmi_low", "g2", "log_dice", "delta_p_ba"]
    assert table.splitlines()[0].split() == head
    alone = shell("neighbors", birds, "auk", "--min-count", 1)
    assert alone.out.split()[0] == "term"
    assert alone.err == "neighbors of auk in index, by npmi (window=2, min_count=1)\n"


def test_parameters_of_measures_are_options(shell: Shell, birds: Path) -> None:
    options = {"confidence": 0.5, "alpha": 0.5, "k": 2.0, "discount": 1.0}
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    said = shell("neighbors", birds, "auk", "--min-count", 1, *flags, "--json").document
    assert said["provenance"]["parameters"] == {"window": "2", "min_count": 1, **options}
    assert said["rows"] == cooc.neighbors(cooc.open(birds), "auk", min_count=1, **options).rows()
    assert shell("pair", birds, "the", "auk", *flags, "--json").document["sppmi"] is not None


def test_a_ranking_without_rows_says_so(shell: Shell, birds: Path) -> None:
    said = shell("neighbors", birds, "auk", "--min-count", 100)
    assert (said.code, said.out) == (0, "") and "no rows: nothing reaches the counts asked for" in said.err
    assert shell("neighbors", birds, "auk", "--min-count", 100, "--json").document["rows"] == []


def test_ngrams_begin_with_the_words_given(shell: Shell, birds: Path) -> None:
    rows = shell("ngrams", birds, "the", "great", "--n", 3, "--json").document["rows"]
    assert {row["ngram"] for row in rows} == {"the great auk", "the great bustard"}
    assert shell("ngrams", birds, "--n", 1, "--top", 1).out == "ngram  count\nauk        5\n"


def test_export_writes_the_files_and_lists_them(shell: Shell, birds: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("p.parquet", "g.bin", "m.npz", "n.parquet")]
    flags = ("--pairs", files[0], "--glove", files[1], "--npz", files[2], "--ngrams", files[3])
    document = shell("export", birds, *flags, "--json").document
    assert [Path(row["file"]).name for row in document] == [
        "p.parquet", "g.bin", "g.bin.vocab", "m.npz", "m.npz.terms.txt", "n.parquet"
    ]  # fmt: skip
    assert all(Path(row["file"]).stat().st_size == row["bytes"] for row in document)
    assert "g.bin.vocab" in shell("export", birds, "--glove", files[1]).out


def test_verify_names_the_broken_file_and_exits_with_1(shell: Shell, corpus: Path, tmp_path: Path) -> None:
    index = cooc.build(corpus, tmp_path / "index", workers=1)
    said = shell("verify", index.path)
    assert said.code == 0 and f"{index.path} is whole: " in said.out
    assert shell("verify", index.path, "--json").document["problems"] == []
    store = index.path / "tokens" / "tokenized.0"
    store.write_bytes(b"\x01" + store.read_bytes()[1:])
    said = shell("verify", index.path)
    assert said.code == 1 and str(store) in said.out
    said = shell("verify", index.path, "--json")
    assert said.code == 1 and str(store) in said.document["problems"][0]


def test_merge_prints_the_path_of_the_merged_index(shell: Shell, corpus: Path, tmp_path: Path) -> None:
    other = write_jsonl(tmp_path / "more.jsonl", [["great", "auk"]])
    parts = [cooc.build(source, tmp_path / source.stem, workers=1).path for source in (corpus, other)]
    said = shell("merge", *parts, "--out", tmp_path / "both", "--workers", 1)
    assert (said.code, said.out) == (0, f"{tmp_path / 'both'}\n"), said.err
    assert "5 documents, 18 tokens, 7 terms" in said.err
    together = cooc.build([corpus, other], tmp_path / "at-once", workers=1)
    assert cooc.open(tmp_path / "both").digest == together.digest


# --- what goes wrong


@pytest.mark.parametrize("command", [("info",), ("count", "auk"), ("neighbors", "auk"), ("ngrams",), ("verify",)])
def test_a_directory_that_is_no_index_is_one_line_on_stderr(
    shell: Shell, tmp_path: Path, command: tuple[str, ...]
) -> None:
    said = shell(command[0], tmp_path, *command[1:])
    assert said == Said(1, "", f"cooc: {tmp_path} is no cooc index: it has no manifest.json.\n")


def test_an_unknown_term_answers_with_near_misses(shell: Shell, birds: Path) -> None:
    said = shell("neighbors", birds, "bustrad", "--json")
    assert (said.code, said.out) == (1, "")
    assert said.err == 'cooc: "bustrad" is not in the vocabulary of index. Nearest: bustard (2).\n'


@pytest.mark.parametrize(
    "arguments", [("count",), ("nonsense",), ("ngrams", "x", "--order", 2), ("ngrams", "x", "--n", "two")]
)
def test_bad_usage_exits_with_2(shell: Shell, arguments: tuple[object, ...]) -> None:
    said = shell(*arguments)
    assert said.code == 2 and said.out == ""


def test_a_bug_keeps_its_traceback(birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(cooc, "count", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        main(["count", str(birds), "auk"])


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_a_closed_pipe_is_no_error(birds: Path, flags: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "cooc", "ngrams", str(birds), *flags]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdout is not None and running.stderr is not None
    running.stdout.close()
    errors = running.stderr.read().decode()
    running.stderr.close()
    assert running.wait() == 0
    assert errors in ("", "ngrams in index, by g2 (n=2)\n")


def test_a_term_that_no_terminal_can_show_is_escaped() -> None:
    code = "import sys; from cooc.cli import main; main(['count', '/nowhere', 'x'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1 and done.stderr == b"cooc: /nowhere: there is no such directory.\n"


# --- progress


def test_lines_come_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    lines = progress.PlainLines()
    lines("tokens", 0, 10)
    clock[0] += progress.EVERY
    lines("tokens", 5, 10)
    clock[0] += 1
    lines("tokens", 6, 10)
    clock[0] += progress.EVERY
    lines("pairs 10", 1, 2000, "of 3")
    assert capsys.readouterr().err == "     3 s  tokens 5/10\n     7 s  pairs 10 1/2,000 of 3\n"


def test_a_terminal_gets_a_line_that_renews_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with progress.shown_progress(quiet=False) as show:
        show("pairs 10", 3, 7)
    assert capsys.readouterr().out == ""
