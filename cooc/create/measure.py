"""What a build takes of the machine: memory of its processes, bytes on the disk."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def memory_of(pids: Iterable[int]) -> int:
    """Resident bytes of processes together, pages that several share counted once.

    The sum of their proportional set sizes, as Linux gives them in smaps_rollup; where it doesn't, of their
    resident sizes. A process that has ended counts nothing. Programs that the processes have started count too.
    """
    return sum(_memory(pid) for pid in family(pids))


def family(pids: Iterable[int]) -> set[int]:
    """Processes with all that they have started, and these in turn; where the system can't say, they alone."""
    found, waiting = set[int](), list(pids)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += _children(pid)
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    with contextlib.suppress(OSError, ValueError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                children += map(int, file.read().split())
    return children


def _memory(pid: int) -> int:
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/smaps_rollup", "rb") as file:
        for line in file:
            if line.startswith(b"Pss:"):
                return int(line.split()[1]) << 10
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm", "rb") as file:
        return int(file.read().split()[1]) * PAGE
    return 0


def bytes_below(folder: str | os.PathLike[str]) -> int:
    """Bytes of all files below a folder; one that vanishes meanwhile counts nothing."""
    total, folders = 0, [os.fspath(folder)]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
    return total


def free_bytes(place: Path) -> int | None:
    """Bytes that may still be written where `place` is, or is going to be; None where the system can't say."""
    for folder in (place.absolute(), *place.absolute().parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(folder).free
    return None
