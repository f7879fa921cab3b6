"""Worker processes on this machine, as the build sees them: forks of a nursery (nursery.py).

A worker gets calls and gives outcomes as JSON over a socket pair. Workers hold the build's lock, so that no
other build begins while one of them still writes.
"""

from __future__ import annotations

import array
import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from cooc.create.calls import Call, Outcome, result_of
from cooc.create.nursery import send
from cooc.errors import BuildError

MOST_DEATHS = 3
"""Times that workers may die of one task before the build gives up."""


class Worker:
    """A process of the crew, as the driver sees it."""

    def __init__(self, pid: int, channel: socket.socket) -> None:
        self.pid, self.channel = pid, channel
        self.call: Call | None = None
        self._received = bytearray()

    def give(self, call: Call) -> None:
        """Send a call; what comes back is read when the channel is ready."""
        self.call = call
        send(self.channel, msgspec.json.encode(call))

    def read(self) -> Outcome | None:
        """Take what has come; the outcome, if it is whole. Raises EOFError when the worker is dead."""
        data = self.channel.recv(1 << 16)
        if not data:
            raise EOFError
        self._received += data
        size = int.from_bytes(self._received[:8], "little")
        if len(self._received) < 8 + size or len(self._received) < 8:
            return None
        message, self._received = bytes(self._received[8 : 8 + size]), self._received[8 + size :]
        return msgspec.json.decode(message, type=Outcome)


class Processes:
    """`workers` processes of this machine; started when the first call comes.

    `held` is the handle of the build's lock.
    """

    def __init__(self, workers: int, held: int) -> None:
        self._wanted, self._held = workers, held
        self._workers: list[Worker] = []
        self._nursery: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def run(self, calls: Sequence[Call]) -> Iterator[tuple[int, Any]]:
        """As `Crew.run`. A call whose worker died is given to another, up to `MOST_DEATHS` times."""
        try:
            with selectors.DefaultSelector() as selector:
                yield from self._run(calls, selector)
        finally:
            if any(worker.call is not None for worker in self._workers):
                self.close()  # an error came: what still runs must not meet the same task run again

    def _run(self, calls: Sequence[Call], selector: selectors.BaseSelector) -> Iterator[tuple[int, Any]]:
        waiting, deaths, running = deque(calls), dict[int, int](), len(calls)
        for worker in self._workers:
            selector.register(worker.channel, selectors.EVENT_READ, worker)
        while running:
            idle = [worker for worker in self._workers if worker.call is None]
            while waiting and (idle or len(self._workers) < self._wanted):
                if not idle:
                    idle.append(self._hire())
                    selector.register(idle[-1].channel, selectors.EVENT_READ, idle[-1])
                with contextlib.suppress(OSError):  # of a dead worker, whose channel says so at once
                    idle.pop().give(waiting.popleft())
            for key, _ in selector.select():
                worker = key.data
                try:
                    outcome = worker.read()
                except (EOFError, OSError):
                    selector.unregister(worker.channel)
                    lost = self._bury(worker)
                    if lost is not None:
                        deaths[lost.number] = deaths.get(lost.number, 0) + 1
                        self._give_up(lost, deaths[lost.number], worker.pid)
                        waiting.appendleft(lost)
                    continue
                if outcome is not None:
                    stage, worker.call = worker.call.stage, None
                    running -= 1
                    yield outcome.number, result_of(outcome, stage)

    def close(self) -> None:
        """Kill the workers that still run; called however a build ends."""
        for worker in self._workers:
            worker.channel.close()
            kill(worker.pid)
        self._workers.clear()
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._nursery is not None:
            self._nursery.kill()
            self._nursery.wait()
            self._nursery = None

    @property
    def pids(self) -> list[int]:
        """The processes, the nursery first."""
        nursery = [] if self._nursery is None else [self._nursery.pid]
        return nursery + [worker.pid for worker in self._workers]

    def _hire(self) -> Worker:
        """A new worker, of a new nursery if the last has died."""
        for attempt in (1, 2):
            if self._control is None:
                self._found_nursery()
            assert self._control is not None
            ours, theirs = socket.socketpair()
            try:
                with theirs:
                    self._control.sendmsg([b"f"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                                    array.array("i", [theirs.fileno()]))])  # fmt: skip
                answer = self._control.recv(16)
                if answer:
                    self._workers.append(Worker(int(answer), ours))
                    return self._workers[-1]
            except OSError:
                pass
            ours.close()
            self._bury_nursery()
            if attempt == 2:
                break
        raise BuildError("worker processes can't be started: the first one ended at once. Is there memory for them?")

    def _found_nursery(self) -> None:
        ours, theirs = socket.socketpair()
        package = str(Path(__file__).parents[2])
        paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
        with theirs:
            self._nursery = subprocess.Popen(
                [sys.executable, "-P", "-m", "cooc.create.nursery", str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno(), self._held], stdin=subprocess.DEVNULL, stdout=sys.__stderr__,
                env={**os.environ, "PYTHONPATH": paths},
            )  # fmt: skip
        self._control = ours

    def _bury(self, worker: Worker) -> Call | None:
        """Forget a dead worker; the call it had."""
        kill(worker.pid)
        worker.channel.close()
        self._workers.remove(worker)
        return worker.call

    def _bury_nursery(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._nursery is not None:
            self._nursery.kill()
            self._nursery.wait()
        self._control = self._nursery = None

    def _give_up(self, call: Call, deaths: int, pid: int) -> None:
        if deaths >= MOST_DEATHS:
            raise BuildError(
                f"stage {call.stage}, task {call.number}: the worker process died {deaths} times, last as process "
                f"{pid}. Was it killed for memory (see the system's log)? Give less --memory than the machine has "
                "free, and run the same command again."
            )


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
