"""How much memory the messages of an Arrow IPC file or stream take, told before they are read.

A message is a FlatBuffer (Arrow's Message.fbs and File.fbs) and a body. Only the sizes in it are looked at here;
whether it is sound is for Arrow to find.
"""

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

CONTINUED = b"\xff\xff\xff\xff"
MAGIC = b"ARROW1"
DICTIONARY_BATCH, RECORD_BATCH = 2, 3
BLOCK_BYTES = 24
METADATA_AT_MOST = 64 << 20

Read = Callable[[int, int], bytes]


class DamagedMessageError(Exception):
    """Bytes that are no Arrow message."""


class Message(NamedTuple):
    """`size` bytes in memory, buffers decompressed."""

    at: int
    kind: int
    body: int
    size: int
    next: int


class Table:
    """A table of a FlatBuffer: its fields are found through a list of offsets before it."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        (back,) = struct.unpack_from("<i", data, at)
        self._vtable = at - back
        (self._fields,) = struct.unpack_from("<H", data, self._vtable)

    def place(self, field: int) -> int | None:
        """Where a field is; None where it has its default."""
        entry = 4 + 2 * field
        if entry + 2 > self._fields:
            return None
        (offset,) = struct.unpack_from("<H", self.data, self._vtable + entry)
        return self.at + offset if offset else None

    def number(self, field: int, kind: str) -> int:
        place = self.place(field)
        return int(struct.unpack_from(kind, self.data, place)[0]) if place is not None else 0

    def table(self, field: int) -> "Table | None":
        place = self.place(field)
        return None if place is None else Table(self.data, place + self._offset(place))

    def vector(self, field: int) -> tuple[int, int]:
        """Where the items of a vector begin, and how many there are."""
        place = self.place(field)
        if place is None:
            return 0, 0
        start = place + self._offset(place)
        return start + 4, self._offset(start)

    def _offset(self, place: int) -> int:
        return int(struct.unpack_from("<I", self.data, place)[0])


def root(data: bytes) -> Table:
    return Table(data, struct.unpack_from("<I", data, 0)[0])


def messages_of_file(read: Read, size: int) -> Iterator[Message]:
    """The dictionaries and record batches that the footer of an IPC file lists."""
    tail = read(size - 10, 10)
    if len(tail) < 10 or tail[4:] != MAGIC:
        raise DamagedMessageError("no footer at the end")
    (length,) = struct.unpack("<i", tail[:4])
    if not 0 < length <= min(METADATA_AT_MOST, size):
        raise DamagedMessageError("a footer of impossible length")
    try:
        footer = root(read(size - 10 - length, length))
        places = [
            struct.unpack_from("<q", footer.data, start + BLOCK_BYTES * i)[0]
            for start, count in (footer.vector(2), footer.vector(3))
            for i in range(min(count, length // BLOCK_BYTES))
        ]
    except struct.error as error:
        raise DamagedMessageError("a footer that is cut short") from error
    for place in places:
        message = message_at(read, place, size)
        if message is not None:
            yield message


def messages_of_stream(read: Read, size: int) -> Iterator[Message]:
    """The messages of an IPC stream, the schema among them."""
    at = 0
    while at < size and (message := message_at(read, at, size)) is not None:
        yield message
        at = message.next


def message_at(read: Read, at: int, size: int) -> Message | None:
    """The message that begins here; None at the end mark."""
    head = read(at, 8)
    begin = at + 8
    if not head.startswith(CONTINUED):
        # as written before Arrow 0.15
        head, begin = CONTINUED + head, at + 4
    if len(head) < 8:
        return None
    (length,) = struct.unpack("<i", head[4:8])
    if not 0 <= length <= min(METADATA_AT_MOST, size - begin):
        raise DamagedMessageError(f"a message of impossible length at byte {at}")
    if not length:
        return None
    try:
        message = root(read(begin, length))
        kind, body = message.number(1, "<B"), message.number(3, "<q")
        batch = message.table(2)
        if batch is not None and kind == DICTIONARY_BATCH:
            batch = batch.table(1)
        if not 0 <= body <= size - begin - length:
            raise DamagedMessageError(f"the message at byte {at} goes on beyond the end of the file")
        in_memory = body
        if batch is not None and kind in (DICTIONARY_BATCH, RECORD_BATCH) and batch.place(3) is not None:
            in_memory += _decompressed(read, batch, begin + length, body)
    except struct.error as error:
        raise DamagedMessageError(f"the message at byte {at} is damaged") from error
    return Message(at, kind, body, in_memory, begin + length + body)


def _decompressed(read: Read, batch: Table, body: int, size: int) -> int:
    """The bytes of a batch's buffers, each of which begins with its size once decompressed."""
    start, count = batch.vector(2)
    total = 0
    for i in range(min(count, len(batch.data) // 16)):
        offset, length = struct.unpack_from("<qq", batch.data, start + 16 * i)
        if length >= 8 and 0 <= offset <= size:
            (whole,) = struct.unpack("<q", read(body + offset, 8).ljust(8, b"\0"))
            # -1: stored as it is
            total += max(whole, 0)
    return total
