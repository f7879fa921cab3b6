"""The log of a build: one JSON object a line, in the work while it lasts and then in the index.

Events are `begun` or `resumed` (versions, workers, memory, estimate), `stage` (seconds, tasks, tokens),
`stopped` (the error) and `finished` (peaks). The log is no part of what an index says: it has no digest, and a
build goes on if it can't be written.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import msgspec

from cooc.index.layout import LOG


class Log:
    """A file that events are appended to."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG
        self._mended = False

    def add(self, event: str, **fields: Any) -> None:
        """Append an event. What the system refuses is lost: a full disk stops the build itself soon enough."""
        line = msgspec.json.encode({"event": event, "time": round(time.time(), 3), **fields}) + b"\n"
        with contextlib.suppress(OSError), open(self.path, "ab", buffering=0) as file:
            if not self._mended and file.tell() and not self._ends_whole():
                line = b"\n" + line  # a build was killed while it wrote: what it wrote stays a line by itself
            self._mended = True
            file.write(line)

    def _ends_whole(self) -> bool:
        with open(self.path, "rb") as file:
            file.seek(-1, 2)
            return file.read() == b"\n"

    def whole(self) -> bytes:
        """Every line that is whole."""
        return b"".join(msgspec.json.encode(event) + b"\n" for event in read_events(self.path))


def read_events(path: Path) -> list[dict[str, Any]]:
    """The events of a log; lines that a crash cut off are left out, and a log that is not there has none."""
    events = []
    with contextlib.suppress(OSError):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                event = msgspec.json.decode(line)
                if isinstance(event, dict) and "event" in event:
                    events.append(event)
    return events


def finished(index: Path) -> dict[str, Any]:
    """What the log of an index says of its end; empty if it says nothing."""
    ends = [event for event in read_events(index / LOG) if event["event"] == "finished"]
    return ends[-1] if ends else {}
