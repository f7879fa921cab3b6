"""A power cut: what may be on the disk when only what was synced is sure to be there.

The model is the one of ALICE (Pillai et al. 2014): a file's bytes last after its fsync, a folder's entries after
the folder's fsync; anything newer may have reached the disk or not, each write and each entry by itself.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any, NamedTuple


class Change(NamedTuple):
    """One operation, by path: `data` at `offset`, or a rename to `other`."""

    kind: str
    path: str
    data: bytes = b""
    offset: int = 0
    other: str = ""


class Recorder:
    """Writes down what a run does to the disk below a folder; used as `before` of a `Disk`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.changes: list[Change] = []
        self._ends: dict[str, int] = {}

    def __call__(self, number: int, name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open":
            path, fresh = os.fspath(arguments[0]), bool(arguments[1] & os.O_TRUNC)
            if fresh or not os.path.exists(path):
                self._note(Change("create", self._name(path)))
                self._ends[path] = 0
        elif name in ("write", "pwrite"):
            path = os.readlink(f"/proc/self/fd/{arguments[0]}")
            offset = arguments[2] if name == "pwrite" else self._ends.get(path, 0)
            self._note(Change("write", self._name(path), bytes(arguments[1]), offset))
            self._ends[path] = max(self._ends.get(path, 0), offset + len(arguments[1]))
        elif name == "fsync":
            self._note(Change("sync", self._name(os.readlink(f"/proc/self/fd/{arguments[0]}"))))
        elif name == "replace":
            self._note(Change("rename", self._name(arguments[0]), other=self._name(arguments[1])))
        elif name in ("unlink", "mkdir"):
            self._note(Change(name, self._name(arguments[0])))

    def _name(self, path: Any) -> str:
        return os.path.relpath(os.fspath(path), self.folder)

    def _note(self, change: Change) -> None:
        self.changes.append(change)


def after_power_cut(changes: list[Change], chance: random.Random, *, kept: float, target: Path) -> None:
    """Make in `target` a state that the disk may be in after the changes; what was not synced is there with
    probability `kept`, each by itself."""
    data: dict[int, bytearray] = {}  # what files hold for sure
    waiting: dict[int, list[Change]] = {}  # newer writes
    names: dict[str, int] = {}  # as programs see them
    entries: dict[str, int | None] = {".": None}  # as they are on the disk; None is a folder
    newer: list[tuple[str, dict[str, int | None], list[str]]] = []  # folder, entries set, entries removed
    folders = {"."}
    for number, change in enumerate(changes):
        parent = os.path.dirname(change.path) or "."
        if change.kind == "create":
            names[change.path] = number
            data[number], waiting[number] = bytearray(), []
            newer.append((parent, {change.path: number}, []))
        elif change.kind == "mkdir":
            folders.add(change.path)
            newer.append((parent, {change.path: None}, []))
        elif change.kind == "write":
            waiting[names[change.path]].append(change)
        elif change.kind == "sync" and change.path in folders:
            settle([each for each in newer if each[0] == change.path], entries)
            newer = [each for each in newer if each[0] != change.path]
        elif change.kind == "sync":
            for write in waiting[names[change.path]]:
                put(data[names[change.path]], write)
            waiting[names[change.path]] = []
        elif change.kind == "rename" and change.path in names:
            number = names.pop(change.path)
            names[change.other] = number
            newer.append((os.path.dirname(change.other) or ".", {change.other: number}, [change.path]))
        elif change.kind == "unlink":
            names.pop(change.path, None)
            newer.append((parent, {}, [change.path]))
    settle([each for each in newer if chance.random() < kept], entries)
    for number, writes in waiting.items():
        for write in writes:
            if chance.random() < kept:
                put(data[number], write)
    write_out(entries, data, target)


def settle(newer: list[tuple[str, dict[str, int | None], list[str]]], entries: dict[str, int | None]) -> None:
    for _, added, removed in newer:
        for path in removed:
            entries.pop(path, None)
        entries.update(added)


def put(held: bytearray, write: Change) -> None:
    held.extend(bytes(max(0, write.offset - len(held))))
    held[write.offset : write.offset + len(write.data)] = write.data


def write_out(entries: dict[str, int | None], data: dict[int, bytearray], target: Path) -> None:
    """Files whose folder did not last are lost with it."""
    for path, number in sorted(entries.items()):
        above = os.path.dirname(path) or "."
        if above != "." and entries.get(above, 0) is not None:
            continue
        if number is None:
            (target / path).mkdir(parents=True, exist_ok=True)
        elif (target / path).parent.is_dir():
            (target / path).write_bytes(data[number])
