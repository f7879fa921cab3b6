"""Run a command as its own process and say what it took.

Linux counts the memory of whoever starts a process as the process's own peak, so the command is started from
a bare interpreter, which this file is when it is run by its path.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_INTERVAL = 0.1


class Command(NamedTuple):
    """A program with its arguments, and the files that its input comes from and its output goes to."""

    argv: Sequence[str | Path]
    stdin: Path | None = None
    stdout: Path | None = None

    @property
    def told(self) -> str:
        """The command without its paths and options."""
        words = [str(part) for part in self.argv[1:3]] if self.argv[0] == sys.executable else []
        words += [str(self.argv[3])] if words[:1] == ["-m"] else []
        return " ".join(words[1:]) or Path(self.argv[0]).name


class Run(NamedTuple):
    """Wall seconds, CPU seconds, and bytes of memory: the largest process's peak, and the tree's.

    The largest is the kernel's own account (`ru_maxrss`) and counts pages of mapped files too. The tree is
    what all processes together held that is not a file, looked at ten times a second.
    """

    seconds: float
    cpu: float
    largest: int
    tree: int


class CommandError(Exception):
    """A command of the benchmark ended with an error; the message is the last of what it said."""


def run(command: Command, said: Path) -> Run:
    """Run a command to its end; what it says on stderr goes to the file `said`."""
    files = [str(file or os.devnull) for file in (command.stdin, command.stdout, said)]
    starter = [sys.executable, "-I", "-S", __file__, *files, *(str(part) for part in command.argv)]
    taken = subprocess.run(starter, capture_output=True, check=False)
    try:
        status, *fields = json.loads(taken.stdout)
    except json.JSONDecodeError:
        last = taken.stderr.decode(errors="replace").strip().split("\n")[-1]
        raise CommandError(f"{command.told}: could not be started: {last}") from None
    if status:
        lines = said.read_text(encoding="utf-8", errors="replace").strip().split("\n")
        raise CommandError(f"{command.told}: exit {status}: {lines[-1].strip() or 'nothing said'}")
    return Run(*fields)


def main() -> None:
    """Run the command in the arguments and print its status and the fields of `Run`."""
    inputs, outputs, said, *argv = sys.argv[1:]
    with open(inputs, "rb") as stdin, open(outputs, "wb") as stdout, open(said, "wb") as stderr:
        begun = time.perf_counter()
        child = subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=stderr)
        watch = _Watch(child.pid)
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    fields = (seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, watch.end())
    print(json.dumps([child.returncode, *fields]))


class _Watch(threading.Thread):
    """Looks at the memory of a process and all below it until told to end."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._ended, self._peak = pid, threading.Event(), 0
        self.start()

    def end(self) -> int:
        self._ended.set()
        self.join()
        return self._peak

    def run(self) -> None:
        while not self._ended.wait(_INTERVAL):
            self._peak = max(self._peak, sum(_own_bytes(pid) for pid in _tree(self._pid)))


def _tree(pid: int) -> list[int]:
    try:
        children = [
            int(child)
            for task in os.listdir(f"/proc/{pid}/task")
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()
        ]
    except OSError:  # it ended while we looked
        return [pid]
    return [pid, *(below for child in children for below in _tree(child))]


def _own_bytes(pid: int) -> int:
    try:
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    except OSError:
        return 0
    return sum(int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "RssShmem") if name in fields)


if __name__ == "__main__":
    main()
