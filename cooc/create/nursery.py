"""The process that worker processes are forked from, and what a worker does.

The nursery is a fresh interpreter with one thread and everything imported, so forking it is safe whatever the
program that builds has loaded, and its memory is shared by all workers until they write to it. Workers die with
their nursery, and that with the build: the kernel is asked to kill them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable

import msgspec

from cooc.create.calls import Call, Performer

PR_SET_PDEATHSIG = 1


def send(channel: socket.socket, message: bytes) -> None:
    channel.sendall(len(message).to_bytes(8, "little") + message)


def receive(channel: socket.socket) -> bytes | None:
    """The next whole message; None where the other side is gone."""
    head = _receive_all(channel, 8)
    return None if head is None else _receive_all(channel, int.from_bytes(head, "little"))


def _receive_all(channel: socket.socket, size: int) -> bytes | None:
    got = bytearray()
    while len(got) < size:
        data = channel.recv(size - len(got))
        if not data:
            return None
        got += data
    return bytes(got)


def die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies; at once if it has died already."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the driver answers it
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def nurse(control: socket.socket) -> None:
    """Fork a worker for each channel that comes, until the driver is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # dead workers are not waited for: the kernel buries them
    while True:
        data, handles, _, _ = socket.recv_fds(control, 16, 1)
        if not data:
            return
        nursery = os.getpid()
        pid = os.fork()
        if pid == 0:
            control.close()
            die_with(nursery)
            with socket.socket(fileno=handles[0]) as channel:
                serve(channel)
            os._exit(0)
        os.close(handles[0])
        control.send(str(pid).encode())


def serve(channel: socket.socket) -> None:
    """Perform calls until the driver is gone."""
    performer, give_back = Performer(), memory_returner()
    while (message := receive(channel)) is not None:
        send(channel, msgspec.json.encode(performer.outcome(msgspec.json.decode(message, type=Call))))
        give_back()


def memory_returner() -> Callable[[], object]:
    """What hands freed memory back to the system, where the C library keeps it.

    glibc keeps what a task has freed in pieces of up to 32 MB, which the next task's larger arrays can't use: two
    workers then held 60 MB more than their share.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    return (lambda: None) if trim is None else (lambda: trim(ctypes.c_size_t(0)))


if __name__ == "__main__":
    die_with(int(sys.argv[2]))
    import cooc.create.pipeline  # noqa: F401  (for the forks to share)

    nurse(socket.socket(fileno=int(sys.argv[1])))
