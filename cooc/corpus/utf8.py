"""Whether bytes are text: UTF-8 without NUL bytes, judged whole or in blocks."""

from typing import NamedTuple


class Fault(NamedTuple):
    reason: str
    what: str
    at: int


def fault(text: bytes, *, nul_is_one: bool = True) -> Fault | None:
    """The first thing that is wrong with bytes that should be text."""
    nul = text.find(b"\0") if nul_is_one else -1
    if nul >= 0:
        return nul_fault(nul)
    if text.isascii():
        return None
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return utf8_fault(error.start, text[error.start], error.reason)
    return None


def nul_fault(at: int) -> Fault:
    return Fault("NUL byte", "a NUL byte (is this a text file?)", at)


def utf8_fault(at: int, byte: int, reason: str) -> Fault:
    return Fault("invalid UTF-8", f"invalid UTF-8: byte 0x{byte:02x} ({reason})", at)


def unfinished(text: bytes) -> int:
    """How many bytes at the end begin a character that goes on beyond them."""
    for back in range(1, min(4, len(text) + 1)):
        byte = text[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if length > back else 0
        if byte < 0x80:
            break
    return 0


class BadByte(NamedTuple):
    """The first byte that is no UTF-8."""

    at: int
    byte: int
    reason: str


class Utf8Check:
    """Whether bytes that come in blocks are UTF-8."""

    def __init__(self) -> None:
        self._rest, self._offset = b"", 0
        self._found: BadByte | None = None

    def feed(self, block: bytes, *, last: bool = False) -> None:
        if self._found is not None:
            return
        block = self._rest + block
        self._rest = b""
        try:
            block.decode()
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data" and not last:
                self._rest = block[error.start :]
            else:
                self._found = BadByte(self._offset + error.start, block[error.start], error.reason)
        self._offset += len(block) - len(self._rest)

    def finish(self) -> BadByte | None:
        self.feed(b"", last=True)
        return self._found
