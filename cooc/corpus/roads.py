"""Three ways to read JSON, the same as for a short line, in fragments: typed, plain and patient.

Each decodes an object or any other value, checks the content of a string that is too long to be held, and
raises Rejected where its decoder would reject the whole line. The last one knows why.
"""

import json
from typing import Any, Protocol

import msgspec

from cooc.corpus.model import Fields
from cooc.corpus.records import UNSET, UNUSUAL, decoder, repair, wanted

ANYTHING = msgspec.json.Decoder()
STRING = msgspec.json.Decoder(str)
NOTHING_OF_IT = msgspec.json.Decoder(msgspec.defstruct("NothingOfIt", []))


class Rejected(Exception):
    """The line is not for this road; `what` and the character it is `at` are told by the patient one."""

    def __init__(self, what: str = "", at: int | None = None) -> None:
        super().__init__(what)
        self.what, self.at = what, at


class Road(Protocol):
    explains: bool

    def decode(self, json: bytes) -> Any:
        """The value; of an object, its members."""

    def string(self, content: bytes) -> bytes:
        """A string's content as UTF-8; whole characters and escapes of it."""

    def check(self, content: bytes) -> bool:
        """Whether the content would be a string where it is wanted; Rejected where it is none anywhere."""


class Plain:
    """As msgspec reads JSON."""

    explains = False

    def decode(self, json: bytes) -> Any:
        try:
            return ANYTHING.decode(json)
        except UNUSUAL as error:
            raise Rejected from error

    def string(self, content: bytes) -> bytes:
        try:
            return STRING.decode(b'"%b"' % content).encode()
        except UNUSUAL as error:
            raise Rejected from error

    def check(self, content: bytes) -> bool:
        try:
            STRING.decode(b'"%b"' % content)
        except UNUSUAL as error:
            raise Rejected from error
        return True


class Typed(Plain):
    """As msgspec reads the fields that are wanted: what is in others need not be UTF-8."""

    def __init__(self, fields: Fields) -> None:
        names = [fields.text, *(name for _, name in wanted(fields))]
        # the text must be a string wherever it stands, and a fragment need not have it
        columns: list[Any] = [(f"f{i}", object if i else str | msgspec.UnsetType, UNSET) for i in range(len(names))]
        rename = {f"f{i}": name for i, name in enumerate(names)}
        self._names = names
        self._decoder = msgspec.json.Decoder(msgspec.defstruct("Members", columns, rename=rename, gc=False))

    def decode(self, json: bytes) -> Any:
        try:
            values = msgspec.structs.astuple(self._decoder.decode(json))
        except UNUSUAL as error:
            raise Rejected from error
        return {name: value for name, value in zip(self._names, values, strict=True) if value is not UNSET}

    def check(self, content: bytes) -> bool:
        try:
            STRING.decode(b'"%b"' % content)
        except UNUSUAL:
            try:
                NOTHING_OF_IT.decode(b'{"":"%b"}' % content)
            except UNUSUAL as error:
                raise Rejected from error
            return False
        return True


class Patient:
    """As the standard library reads JSON: NaN and lone surrogates, too. The line is known to be UTF-8."""

    explains = True

    def __init__(self) -> None:
        self.mended = False

    def decode(self, json_: bytes) -> Any:
        return self._decoded(json_.decode())

    def string(self, content: bytes) -> bytes:
        text = self._decoded(f'"{content.decode()}"')
        mended = repair(text)
        self.mended = self.mended or mended != text
        return mended.encode()

    def check(self, content: bytes) -> bool:
        self.string(content)
        return True

    @staticmethod
    def _decoded(text: str) -> Any:
        try:
            return decoder.decode(text)
        except json.JSONDecodeError as error:
            raise Rejected(error.msg, error.pos) from None
        except RecursionError:
            raise Rejected from None
