"""What a build shows while it runs, what it estimates before, and the log that it leaves."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cooc.cli import main, progress
from cooc.create import estimate, pipeline
from cooc.create.estimate import Estimate, Range, check_room, shown, sizes_of
from cooc.create.log import Log, finished, read_events
from cooc.create.measure import bytes_below, free_bytes, memory_of
from cooc.create.pipeline import build
from cooc.create.watch import State, Step, Watch, Way, steps_of
from cooc.create.work import silent
from cooc.errors import BuildError
from cooc.index.manifest import Parameters
from tests.corpora import write_jsonl
from tests.faults.disk import contents
from tests.test_build import some_documents
from tests.test_faults import processes_below
from tests.test_processes import alive, wait_for

STATE = State(
    stage="pairs 10", step="pairs 10 merge", number=4, stages=5, done=12, total=40, tokens=3_000_000,
    tokens_per_second=1.94e6, memory=412_000_000, memory_limit=1_000_000_000, all_processes=True,
    written=1_240_000_000, free=69_000_000_000, elapsed=130.4, remaining=310.0,
)  # fmt: skip


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "corpus.jsonl", some_documents(200, seed=1))


class Seen:
    """A viewer that keeps what it is told."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self.notes: list[str] = []

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        raise AssertionError("a viewer is shown states")

    def see(self, state: State) -> None:
        self.states.append(state)

    def note(self, text: str) -> None:
        self.notes.append(text)


# --- what is shown


def test_plain_lines_say_all_that_is_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    lines = progress.PlainLines()
    lines.note("disk: much")
    clock[0] += progress.EVERY
    lines.see(STATE)
    lines.see(STATE)
    clock[0] += 1
    lines.see(STATE._replace(stage="digests", step="digests", number=5))
    lines.end()
    took = "memory 412 MB of 1 GB, disk 1.24 GB (69 GB free)"
    assert capsys.readouterr().err.splitlines() == [
        "disk: much",
        f"     3 s  pairs 10 merge 12/40, 1.94 M tokens/s, {took}, about 5 min 10 s to go",
        f"     4 s  pairs 10 done in 4 s (stage 4 of 5), {took}",
        f"     4 s  digests done in 0 s (stage 5 of 5), {took}",
    ]


def test_on_a_cluster_the_memory_is_that_of_the_driver_and_said_to_be() -> None:
    assert progress.taken(STATE._replace(all_processes=False))[0] == "memory of the driver alone 412 MB"


def test_a_terminal_shows_a_build_in_two_lines(corpus: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cooc", "build", corpus, "--out", tmp_path / "index", "--workers", "1"]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "200"}
    running = subprocess.Popen(command, stderr=theirs, stdout=subprocess.PIPE, env=env)
    os.close(theirs)
    said = b""
    try:
        while data := os.read(ours, 1 << 16):
            said += data
    except OSError:
        pass  # Linux says so when the other side is closed
    os.close(ours)
    assert running.communicate()[0].decode() == f"{tmp_path / 'index'}\n"
    text = said.decode()
    assert "disk: about " in text and "stage 1 of 6: tokens" in text and "memory " in text and " free)" in text
    assert "of memory" in text.splitlines()[-1]


def test_a_quiet_build_says_nothing(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main_with("build", str(corpus), "--out", str(tmp_path / "index"), "--workers", "1", "--quiet")
    assert (left.value.code, capsys.readouterr().err) == (0, "")


def main_with(*words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["cooc", *words])
        main()


def test_a_build_that_is_no_terminal_says_each_stage(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main_with("build", str(corpus), "--out", str(tmp_path / "index"), "--workers", "1")
    said = capsys.readouterr().err
    for number, stage in enumerate(("tokens", "vocabulary", "n-grams", "pairs 10", "suffixes", "digests"), 1):
        assert f"{stage} done in " in said and f"(stage {number} of 6), memory " in said
    assert said.startswith("disk: about ") and "of memory" in said.splitlines()[-1]


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1 KB"), (123_456, "123 KB"), (1.24e9, "1.24 GB")]
)
def test_bytes_are_short(number: int, words: str) -> None:
    assert progress.in_bytes(number) == words


@pytest.mark.parametrize(("seconds", "words"), [(8.4, "8 s"), (130, "2 min 10 s"), (18_190, "5 h 3 min")])
def test_times_have_two_units(seconds: float, words: str) -> None:
    assert progress.duration(seconds) == words


# --- what is known


def test_a_viewer_sees_tokens_stages_and_memory(corpus: Path, tmp_path: Path) -> None:
    seen = Seen()
    build([corpus], tmp_path / "index", workers=1, progress=seen)
    stages = list(dict.fromkeys((state.number, state.stage) for state in seen.states))
    assert stages == list(enumerate(("tokens", "vocabulary", "n-grams", "pairs 10", "suffixes", "digests"), 1))
    last = seen.states[-1]
    tokens = json.loads((tmp_path / "index" / "manifest.json").read_text())["tokens"]
    assert (last.step, last.done, last.tokens) == ("digests", last.total, tokens)
    assert last.memory > 10_000_000 and last.memory_limit == 8_000_000_000 and last.all_processes
    assert len(seen.notes) == 1 and seen.notes[0].startswith("disk: about ")


@pytest.mark.parametrize("fails", [False, True])
def test_the_thread_ends_with_the_build(tmp_path: Path, fails: bool) -> None:
    (tmp_path / "work").mkdir()
    watched = Watch(tmp_path, silent)
    try:
        with watched.started(lambda: []):
            assert any(thread.name == "cooc-watch" for thread in threading.enumerate())
            if fails:
                raise KeyError
    except KeyError:
        assert [event["event"] for event in read_events(tmp_path / "work" / "build.jsonl")] == ["stopped"]
    assert not any(thread.name == "cooc-watch" for thread in threading.enumerate())


def test_memory_is_of_all_processes_and_shared_pages_count_once() -> None:
    held = subprocess.Popen([sys.executable, "-c", "x = bytearray(b'x') * (64 << 20); input()"], stdin=subprocess.PIPE)
    try:
        wait_for(lambda: memory_of([held.pid]) > 64 << 20)
        alone = memory_of([held.pid])
        both = memory_of([held.pid, held.pid, os.getpid()])
        assert alone < 128 << 20 and both > alone + (10 << 20)
        assert memory_of([os.getpid()]) > alone, "a process counts with those that it started"
    finally:
        held.communicate(b"\n")
    assert memory_of([held.pid]) == 0


def test_the_time_to_come_leaves_out_what_an_earlier_run_did() -> None:
    way = Way([Step("tokens", "tokens", 1), Step("pairs 10", "pairs 10", 1)])
    way.move("tokens", 4, 8, given=True)
    assert way.remaining(10.0) is None
    way.move("tokens", 8, 8)
    assert way.remaining(10.0) == pytest.approx(20.0)
    way.move("pairs 10", 0, 4, given=True)
    way.move("pairs 10", 2, 4)
    assert way.remaining(20.0) == pytest.approx(10.0)


def test_a_step_whose_name_goes_on_from_another_is_not_taken_for_it() -> None:
    way = Way(steps_of(Parameters(windows=(10,))))
    way.move("pairs 10 merge pieces", 1, 1)
    before = way.remaining(100.0)
    way.move("pairs 10 merge", 5, 8)
    after = way.remaining(100.0)
    assert before is not None and after is not None and before > after > 1.0


def test_steps_are_found_by_the_words_that_a_stage_begins_with() -> None:
    way = Way(steps_of(Parameters(windows=(1, 10), terms=("auk",))))
    for name, stage in (("lines", "tokens"), ("tokens", "tokens"), ("merge lists 2", "vocabulary"),
                        ("n-gram runs 1", "n-grams"), ("pairs 1", "pairs 1"), ("pairs 10", "pairs 10"),
                        ("pairs 10 merge 3", "pairs 10"), ("something new", "pairs 10"),
                        ("pairs document bags", "pairs document")):  # fmt: skip
        way.move(name, 0, 1)
        assert way.place(name)[0] == stage


# --- the log


def test_the_log_of_a_build_tells_of_every_stage_and_its_peaks(corpus: Path, tmp_path: Path) -> None:
    index = build([corpus], tmp_path / "index", workers=1, memory="1GB")
    events = read_events(index / "build.jsonl")
    assert [event["event"] for event in events] == ["begun", *["stage"] * (len(events) - 2), "finished"]
    begun, end = events[0], finished(index)
    assert (begun["workers"], begun["memory"], begun["scheduler"]) == (1, 10**9, "local")
    assert begun["software"]["cooc"] and begun["estimate"]["peak"]["low"] > 0
    assert {"tokens", "encode", "pairs 10", "digests"} <= {event.get("stage") for event in events}
    assert end["memory_limit"] == 10**9 and end["peak_memory"] > 10_000_000
    assert end["peak_disk"] > 0 and end["tokens"] > 0


def test_a_resumed_build_goes_on_with_its_log(corpus: Path, tmp_path: Path) -> None:
    def stop(name: str, done: int, total: int, note: str = "") -> None:
        if name == "n-grams":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build([corpus], tmp_path / "index", workers=1, progress=stop)
    kept = tmp_path / "index" / "work" / "build.jsonl"
    kept.write_bytes(kept.read_bytes() + b'{"event":"sta')  # cut by a crash
    index = build([corpus], tmp_path / "index", workers=1)
    names = [event["event"] for event in read_events(index / "build.jsonl") if event["event"] != "stage"]
    assert names == ["begun", "stopped", "resumed", "finished"]
    for line in (index / "build.jsonl").read_bytes().splitlines():
        json.loads(line)  # what was cut is left out of the index's log


def test_a_log_that_cannot_be_written_is_no_matter(tmp_path: Path) -> None:
    Log(tmp_path / "nowhere").add("begun")
    assert finished(tmp_path / "nowhere") == {}


# --- the estimate


@pytest.mark.parametrize(
    ("text", "window", "index", "peak"),
    [(4.0e6, 10, 9.1e6, 18.1e6), (16.0e6, 2, 19.6e6, 39.4e6), (16.0e6, 50, 65.1e6, 130.9e6),
     (50.0e6, 10, 93.6e6, 193.4e6), (50.0e6, 50, 158.3e6, 351.1e6)],
)  # fmt: skip
def test_builds_that_were_measured_lie_in_their_estimate(text: float, window: int, index: float, peak: float) -> None:
    size = Range(0.4 * text, text)
    found = sizes_of(size, size * estimate.TOKENS_A_BYTE["word"], Parameters(windows=(window,)))
    assert found.index.low < index < found.index.high
    assert found.peak.low < peak < found.peak.high


def test_options_that_make_an_index_smaller_make_its_estimate_smaller() -> None:
    size = Range(1e8, 1e8)

    def high(**options: Any) -> float:
        return sizes_of(size, size, Parameters(windows=(10,), **options)).peak.high

    for options in ({"max_terms": 100}, {"ngrams": 1}, {"min_count": 50}, {"min_pair_count": 5},
                    {"direction": "right"}):  # fmt: skip
        assert high(**options) < high()
    assert sizes_of(size, size, Parameters(windows=(2, 10))).peak.high > high()


def test_a_build_without_room_is_refused_before_any_work(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "free_bytes", lambda place: 1000)
    with pytest.raises(BuildError, match=r"has 1,000 bytes free: at least [\d,]+ are missing.*--out elsewhere"):
        build([corpus], tmp_path / "index", workers=1)
    assert not (tmp_path / "index").exists()


def test_what_a_build_has_written_counts_as_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = Range(5000, 9000)
    monkeypatch.setattr(estimate, "free_bytes", lambda place: 1000)
    (tmp_path / "file").write_bytes(bytes(4000))
    check_room(tmp_path, Estimate(needed, needed, needed, needed))
    (tmp_path / "file").write_bytes(bytes(3999))
    with pytest.raises(BuildError, match="at least 1 are missing"):
        check_room(tmp_path, Estimate(needed, needed, needed, needed))


def test_ranges_are_short() -> None:
    assert shown(Range(1.23e9, 247.4e9)) == "1.2 to 250 GB"
    assert shown(Range(0, 12), "") == "0 to 12"


def test_free_bytes_are_those_of_the_next_folder_that_exists(tmp_path: Path) -> None:
    free = free_bytes(tmp_path / "not" / "yet")
    assert free is not None and free > 0 and bytes_below(tmp_path / "not") == 0


# --- Ctrl-C


def test_an_interrupted_build_says_how_to_go_on_and_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    documents = some_documents(40_000, seed=2)
    sources = [write_jsonl(tmp_path / f"{k}.jsonl", documents[k::4]) for k in range(4)]
    assert sum(source.stat().st_size for source in sources) > pipeline.SMALL_BYTES
    undisturbed = contents(build(sources, tmp_path / "undisturbed", workers=2, memory="600MB"))
    index = tmp_path / "index"
    command = [sys.executable, "-m", "cooc", "build", *sources, "--out", index, "--workers", "2", "--memory", "600MB"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for(lambda: any((index / "work" / "done").rglob("*.json")) or running.poll() is not None)
    processes = processes_below(running.pid)
    assert len(processes) >= 3
    os.killpg(running.pid, signal.SIGINT)
    begun = time.monotonic()
    said = running.communicate(timeout=60)[1]
    assert time.monotonic() - begun < 5
    assert running.returncode == 130
    assert said.splitlines()[-1] == "cooc: interrupted; run the same command again to go on."
    wait_for(lambda: not any(alive(pid) for pid in processes))
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert contents(index) == undisturbed
    assert [event["event"] for event in read_events(index / "build.jsonl")].count("resumed") == 1
