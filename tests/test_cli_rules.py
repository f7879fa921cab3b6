"""A walk over every command: each keeps the rules that hold for all."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from typer.main import get_command

import cooc
from cooc.cli import main
from cooc.cli.app import app

GROUP: Any = get_command(app)
COMMANDS = {name: GROUP.commands[name] for name in GROUP.commands}
MAKERS = {"build", "merge", "phrases", "demo", "report", "lab"}
"""Commands that make something and print where it is, instead of a table."""
UNDRAWN = {"info", "verify", "export", "lexicons", "open-infini-gram"}
"""Tables that are no result of a question: files, problems, terms, values of a record."""

BIRDS = ["auk", "gannet", "puffin", "bustard", "diver", "plover"]
OLD = ["telegraph", "steamer", "carriage", "parlour"]
NEW = ["computer", "jet", "phone", "radio"]


class Said(NamedTuple):
    code: int
    out: str
    err: str


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
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index in which birds stand by old things, and the files that commands take."""
    folder, rng = tmp_path_factory.mktemp("world"), np.random.default_rng(0)
    filler = [f"word{k}" for k in range(150)]
    lines = []
    for number in range(300):
        words = rng.choice(filler, 60).tolist()
        for place in range(5, 55, 10):
            bird, thing = rng.choice(BIRDS + filler[:6]), rng.choice(OLD if number % 2 else NEW)
            words[place : place + 3] = [str(bird), str(thing), str(1800 + int(rng.integers(200)))]
        words[0] = f"rare{number % 40}"
        meta = {"id": f"d{number}", "year": 1850 if number % 2 else 1990}
        lines.append(json.dumps({"text": " ".join(words), **meta}))
    corpus = folder / "corpus.jsonl"
    corpus.write_text("\n".join(lines) + "\n")
    cooc.build(corpus, folder / "index", window=5, min_count=2, meta_fields=["year"], workers=1, memory="256MB")
    for name, terms in {"birds": BIRDS, "old": OLD, "new": NEW, "chosen": BIRDS[:3], "pool": BIRDS + filler}.items():
        (folder / f"{name}.txt").write_text("\n".join(terms) + "\n")
    (folder / "sides.toml").write_text(f"[then]\nterms = {OLD}\n[now]\nterms = {NEW}\n")
    chats = [{"messages": [{"role": "assistant", "content": f"rare{k}"}]} for k in range(9)]
    (folder / "chats.jsonl").write_text("".join(json.dumps(chat) + "\n" for chat in chats))
    outcomes = [{"experiment": "e", "seeds": f"s{k}", "target": "t", "value": 0.1 * k} for k in range(8)]
    densities = [{"seeds": f"s{k}", "target": "t", "density": k + (k % 3)} for k in range(8)]
    for name, rows in {"outcomes": outcomes, "densities": densities}.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    items = [{"term": term, "target": "then", "density": float(k % 7), "log_frequency": float(k % 5)}
             for k, term in enumerate(BIRDS + filler)]  # fmt: skip
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in items))
    return folder


ASKED = {
    "info": "index",
    "verify": "index",
    "count": "index auk telegraph",
    "pair": "index auk telegraph",
    "neighbors": "index auk puffin --min-count 1",
    "ngrams": "index --min-count 2",
    "contexts": "index auk --min-count 1",
    "kwic": "index auk",
    "scan": "index --terms birds.txt --out scan.parquet --quiet",
    "density": "index --seeds birds.txt --target old.txt --target new.txt --null 20 --quiet",
    "cluster": "index --seeds birds.txt --null 2 --size 20 --min-count 1 --floor 0.1 --shrink 1 --quiet",
    "years": "index --terms birds.txt",
    "constellation": "index --clues birds.txt --candidates sides.toml --quiet",
    "curation": "index --pool pool.txt --selected chosen.txt --target old.txt --permutations 99 --quiet",
    "audit": "index chats.jsonl --target old.txt --null 20 --min-log-ratio=-20 --quiet",
    "lexicons": "",
    "derive": 'index --where "year < 1900" --min-count 2 --min-documents 1 --min-log-ratio 0',
    "bridge": "outcomes.jsonl --densities densities.jsonl",
    "design": "--pool pool.txt --items items.jsonl --arms 2 --size 10",
    "export": "index --pairs p.parquet",
    "open-infini-gram": None,
}
"""An example of each command that prints a table; open-infini-gram wants an index of another maker."""


LONG = {"scan", "contexts", "density", "cluster", "years", "constellation", "curation", "audit", "derive"}
"""Commands that load much or count long; each has tests of its own as well."""


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each verb answers a question once, and again from memory: what is under test is how answers are printed."""
    for name, home in cooc._HOMES.items():
        verb = getattr(cooc, name)
        if name in ASKED and name != "export":
            known: dict[str, Any] = {}

            def remembered(
                *args: Any, _verb: Any = verb, _known: dict[str, Any] = known, progress: object = None, **options: Any
            ) -> Any:
                key = repr((args, options))
                if key not in _known:
                    _known[key] = _verb(*args, **options)
                return _known[key]

            monkeypatch.setattr(cooc, name, remembered)
            monkeypatch.setattr(f"{home}.{name}", remembered)


def given(command: str) -> list[str]:
    return [command, *shlex.split(ASKED[command] or "")]


# --- what help says


def test_every_command_is_a_table_or_makes_something() -> None:
    assert set(COMMANDS) - MAKERS == set(ASKED)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(shell: Shell, command: str) -> None:
    said = shell(command, "--help")
    assert said.code == 0 and max(map(len, said.out.splitlines())) <= 100
    for word in ("Output: ", "Cost: ", f"Example: cooc {command}"):
        assert word in " ".join(said.out.split()), word


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_and_argument_is_explained(command: str) -> None:
    for parameter in COMMANDS[command].params:
        assert (getattr(parameter, "help", "") or "").strip(), parameter.name


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_is_a_line_that_the_command_understands(command: str) -> None:
    line = " ".join((COMMANDS[command].help or "").split()).split("Example: cooc ")[1]
    name, *arguments = shlex.split(line)
    assert name == command
    COMMANDS[command].make_context(command, arguments)


@pytest.mark.parametrize("command", ASKED)
def test_every_table_has_json_and_csv_and_a_figure_where_it_is_a_result(command: str) -> None:
    options = {option for parameter in COMMANDS[command].params for option in parameter.opts}
    assert {"--json", "--csv"} <= options
    assert ("--plot" in options) == (command not in UNDRAWN)


# --- what commands print


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize(
    "command", [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else [])
                for name, line in ASKED.items() if line is not None],
)  # fmt: skip
def test_json_and_csv_are_one_document_and_a_table_fits(
    shell: Shell, world: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(world)
    said = shell(*given(command), "--json")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert json.dumps(document, allow_nan=False)
    figure = [] if command in UNDRAWN else ["--plot", "figure.svg"]
    said = shell(*given(command), "--csv", *figure)
    rows = list(csv.reader(io.StringIO(said.out)))
    assert said.code == 0 and {len(row) for row in rows} == {len(rows[0])}
    assert len(set(rows[0])) == len(rows[0])
    if isinstance(document, dict) and "rows" in document:
        assert len(rows) - 1 == len(document["rows"])
    if figure:
        assert "<text" in Path("figure.svg").read_text() and "drawn: figure.svg" in said.err
    monkeypatch.setenv("COLUMNS", "72")
    said = shell(*given(command))
    assert said.code == 0 and "\x1b" not in said.out + said.err
    table = [line for line in said.out.splitlines() if "  " in line.strip() and command in TABLES]
    assert max(map(len, table), default=0) <= 72


TABLES = {"count", "pair", "neighbors", "ngrams", "contexts", "density", "years", "derive", "lexicons"}
"""Commands that print nothing but tables."""


def test_csv_holds_whole_numbers_whole_and_lists_as_json(shell: Shell, world: Path) -> None:
    index = world / "index"
    rows = list(csv.DictReader(io.StringIO(shell("count", index, "auk", "dodo", "--csv").out)))
    [auk, dodo] = cooc.count(cooc.open(index), "auk", "dodo").rows()
    assert [row["occurrences"] for row in rows] == [str(auk["occurrences"]), "0"]
    assert [row["note"] for row in rows] == ["", dodo["note"]]
    values = {row["name"]: row["value"] for row in csv.DictReader(io.StringIO(shell("info", index, "--csv").out))}
    assert values["documents"] == "300" and values["tokenizer.keep_case"] == "false"
    assert values["parameters.meta_fields.0"] == "year" and values["parameters.terms"] == "[]"


def test_info_tells_what_each_stage_of_the_build_took(shell: Shell, world: Path) -> None:
    log = json.loads(shell("info", world / "index", "--json").out)["log"]
    stages = {row["stage"]: row for row in log["stages"]}
    assert {"tokens", "vocabulary", "n-grams", "pairs 5"} <= set(stages)
    assert 0 < stages["tokens"]["seconds"] <= log["seconds"]
    assert log["peak_memory"] >= max(row["memory"] for row in stages.values())  # none is seen of one that is too quick
    assert log["peak_memory"] > 0
    last = shell("info", world / "index").out.splitlines()[-1]
    assert last.startswith(f"built in {log['seconds']:,.1f} s, at most ") and "pairs 5" in last


def test_two_documents_on_one_output_are_refused_before_the_work(shell: Shell, world: Path) -> None:
    said = shell("count", world / "index", "auk", "--json", "--csv")
    assert (said.code, said.out) == (2, "") and "one of --json and --csv, not both" in " ".join(said.err.split())


@pytest.mark.parametrize(
    ("file", "message"),
    [("f.gif", "figures are written as .png, .svg or .pdf"), ("none/f.png", "there is no folder none")],
)
def test_a_figure_that_can_not_be_written_is_refused_before_the_work(
    shell: Shell, file: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = shell("count", "no-such-index", "auk", "--plot", file)
    assert said.code == 1 and said.err.startswith(f"cooc: {file}: ") and message in said.err


@pytest.mark.parametrize(("name", "begins"), [("f.png", b"\x89PNG"), ("f.PDF", b"%PDF")])
def test_figures_come_in_three_formats(shell: Shell, world: Path, tmp_path: Path, name: str, begins: bytes) -> None:
    said = shell("count", world / "index", "auk", "--plot", tmp_path / name, "--json")
    assert said.code == 0 and (tmp_path / name).read_bytes().startswith(begins)
    assert json.loads(said.out)["rows"][0]["phrase"] == "auk"


# --- near misses


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("densty",), "Did you mean 'density'?"),
        (("neighbors", "x", "auk", "--mesure", "g2"), "--measure"),
        (("neighbors", "INDEX", "gannett"), "Nearest: gannet"),
        (("neighbors", "INDEX", "auk", "--measure", "npim"), "Did you mean npmi"),
        (("density", "INDEX", "--seeds", "@19th_centry"), "Did you mean 19th_century"),
    ],
)
def test_a_near_miss_is_shown(shell: Shell, world: Path, arguments: tuple[str, ...], message: str) -> None:
    said = shell(*(str(world / "index") if each == "INDEX" else each for each in arguments))
    assert said.code in (1, 2) and message in " ".join(said.err.split())


# --- terminals, pipes, shells


def in_terminal(world: Path, *arguments: str, width: int = 60, **environment: str) -> str:
    """What a command writes on a terminal of so many columns, which is its standard output and error."""
    import pty
    import struct
    import termios
    from fcntl import ioctl

    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    running = subprocess.Popen(
        [sys.executable, "-m", "cooc", *arguments], stdout=theirs, stderr=theirs, cwd=world,
        env={**kept, "TERM": "xterm", **environment},
    )  # fmt: skip
    os.close(theirs)
    data = b""
    try:
        while part := os.read(ours, 4096):
            data += part
    except OSError:
        pass  # a terminal whose other end is closed says so by an error
    os.close(ours)
    running.wait()
    return data.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_and_tables_as_wide_as_it_is(world: Path) -> None:
    shown = in_terminal(world, "ngrams", "index", "--min-count", "2")
    caption, head, *rows = shown.splitlines()
    assert caption.startswith("ngrams in index") and head.startswith("\x1b[1mngram") and head.endswith("\x1b[0m")
    assert max(map(len, rows)) <= 60 and rows[-1].startswith("… ") and "--json, --csv" in rows[-1]


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_means_no_color(world: Path, environment: dict[str, str]) -> None:
    assert "\x1b" not in in_terminal(world, "count", "index", "auk", **environment)


def test_an_error_is_red_on_a_terminal(world: Path) -> None:
    assert in_terminal(world, "count", "nowhere", "auk").startswith("\x1b[31mcooc: nowhere: there is no")


def test_a_pipe_that_closes_early_is_quiet(world: Path) -> None:
    line = f"{shlex.quote(sys.executable)} -m cooc ngrams index --min-count 2 --top 5000 --csv | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=world, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("ngram,count,")


@pytest.mark.parametrize("kind", ["bash", "zsh", "fish"])
def test_completion_can_be_shown_for_every_shell(shell: Shell, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("_COOC_COMPLETE", f"source_{kind}")
    said = shell()
    assert said.code == 0 and "_COOC_COMPLETE" in said.out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cooc dens", {"density"}),
        ("cooc neighbors index auk --measure log_", {"log_dice", "log_odds_ratio"}),
        ("cooc neighbors index auk --window ", {"5"}),
        ("cooc neighbors nowhere auk --window ", set()),
        ("cooc density index --seeds @orw", {"@orwell"}),
        ("cooc density index --seeds bir", set()),
        ("cooc lexicons orw", {"orwell"}),
        ("cooc count index auk --variant", {"--variants"}),
    ],
)
def test_the_shell_completes(
    shell: Shell, world: Path, monkeypatch: pytest.MonkeyPatch, line: str, expected: set[str]
) -> None:
    monkeypatch.chdir(world)
    monkeypatch.setenv("_COOC_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    assert set(shell().out.split()) == expected
