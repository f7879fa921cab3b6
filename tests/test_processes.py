"""Worker processes: what they return, what they raise, and what happens when they are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import xxhash

from cooc.create.calls import Call, Outcome, name_of, result_of
from cooc.create.finish import digest_file
from cooc.create.processes import Processes, kill
from cooc.create.work import Budget, Work, sole_builder
from cooc.errors import BadRecord, BuildError

LONG = 20.0


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Processes]:
    with sole_builder(tmp_path) as lock:
        crew = Processes(2, lock)
        yield crew
        crew.close()


@pytest.fixture
def work(tmp_path: Path, crew: Processes) -> Work:
    work = Work(tmp_path, Budget(1 << 20, 8), crew=crew)
    work.hold_budget()
    return work


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def when_busy(crew: Processes, act: Callable[[], None]) -> threading.Thread:
    """Do something from another thread once both workers have been given calls."""

    def wait_and_act() -> None:
        wait_for(lambda: len(crew.pids) == 3)
        time.sleep(0.3)
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


def release(fifo: Path) -> None:
    """Let the task go on that waits to read a FIFO."""
    with fifo.open("wb") as file:
        file.write(b"abc")


def test_results_come_by_row_and_receipts_stay(work: Work, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).write_bytes(bytes([number]) * number)
    digests = work.tasks("digests", digest_file, [(str(number),) for number in range(5)])
    assert [size for size, *_ in digests] == [0, 1, 2, 3, 4]
    assert digests[3][1] == xxhash.xxh3_128_hexdigest(b"\3\3\3")
    for number in range(5):
        (tmp_path / str(number)).unlink()
    assert work.tasks("digests", digest_file, [(str(number),) for number in range(5)]) == digests


def test_an_error_in_a_worker_is_raised_in_the_driver_and_its_task_is_done_the_next_time(
    work: Work, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with pytest.raises(BuildError, match=r"/b: No such file or directory. What is finished is kept"):
        work.tasks("digests", digest_file, [("a",), ("b",)])
    (tmp_path / "b").write_bytes(b"bb")
    assert [size for size, *_ in work.tasks("digests", digest_file, [("a",), ("b",)])] == [1, 2]


def test_an_error_of_ours_keeps_its_class_and_what_it_says() -> None:
    with pytest.raises(BadRecord, match=r"^a\.jsonl:3: no text$") as caught:
        result_of(Outcome(0, error="BadRecord", told=("a.jsonl:3", "empty", "no text")), "tokens")
    assert (caught.value.where, caught.value.reason) == ("a.jsonl:3", "empty")


@pytest.mark.parametrize("victim", ["worker", "nursery"])
def test_a_task_whose_worker_is_killed_is_done_by_another(
    work: Work, crew: Processes, tmp_path: Path, victim: str
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "a").write_bytes(b"a")

    def act() -> None:
        before = crew.pids
        os.kill(before[1 if victim == "worker" else 0], signal.SIGKILL)
        wait_for(lambda: not alive(before[1]))
        release(fifo)

    thread = when_busy(crew, act)
    results = work.tasks("digests", digest_file, [("fifo",), ("a",)])
    thread.join()
    assert [whole for _, whole, _ in results] == [xxhash.xxh3_128_hexdigest(b"abc"), xxhash.xxh3_128_hexdigest(b"a")]


def test_a_task_that_kills_every_worker_ends_the_build(work: Work, crew: Processes, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    done = threading.Event()

    def kill_all() -> None:
        while not done.is_set():
            for pid in crew.pids[1:]:
                kill(pid)
            time.sleep(0.05)

    thread = threading.Thread(target=kill_all)
    thread.start()
    try:
        with pytest.raises(BuildError, match=r"stage digests, task 0: the worker process died 3 times"):
            work.tasks("digests", digest_file, [("fifo",)])
    finally:
        done.set()
        thread.join()


def test_workers_die_with_the_build_and_let_go_of_its_directory(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    program = textwrap.dedent(
        f"""
        import threading, time
        from pathlib import Path
        from cooc.create.finish import digest_file
        from cooc.create.processes import Processes
        from cooc.create.work import Budget, Work, sole_builder
        folder = Path({str(tmp_path)!r})
        with sole_builder(folder) as lock:
            crew = Processes(2, lock)
            work = Work(folder, Budget(1 << 20, 8), crew=crew)
            work.hold_budget()
            def tell():
                while len(crew.pids) < 3:
                    time.sleep(0.01)
                print(*crew.pids, flush=True)
            threading.Thread(target=tell).start()
            work.tasks("digests", digest_file, [("fifo",), ("fifo",)])
        """
    )
    driver = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert driver.stdout is not None
    pids = [int(pid) for pid in driver.stdout.readline().split()]
    assert len(pids) == 3
    with pytest.raises(BuildError, match="another build is writing there"), sole_builder(tmp_path):
        pass
    driver.kill()
    driver.wait()
    driver.stdout.close()
    with sole_builder(tmp_path):  # at once, though the dead build's workers held the lock
        assert not any(alive(pid) for pid in pids)


def test_a_worker_runs_nothing_but_functions_of_the_building_side(work: Work, tmp_path: Path) -> None:
    call = Call(str(tmp_path), "stage", 0, "os:getcwd", [])
    with pytest.raises(RuntimeError, match=r"os:getcwd: a task is a function of cooc\.create"):
        list(Processes.run(work._crew, [call]))  # type: ignore[arg-type]


def test_a_function_goes_by_its_name() -> None:
    assert name_of(digest_file) == "cooc.create.finish:digest_file"
