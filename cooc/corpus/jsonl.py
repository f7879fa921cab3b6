"""JSON lines → documents."""

from collections.abc import Iterator
from typing import Any

import msgspec

from cooc.corpus.documents import METADATA_BYTES, RECORD_BYTES, Chunk, Giant, Job, pack
from cooc.corpus.giants import BLANK, NAME, Scan
from cooc.corpus.kept import TOO_LARGE
from cooc.corpus.lines import blocks_of_lines
from cooc.corpus.model import Part
from cooc.corpus.records import (
    UNSET,
    UNUSUAL,
    extract,
    fast_decoder,
    invalid_utf8,
    not_an_object,
    nul_byte,
    parse,
    shown,
    wanted,
)
from cooc.corpus.roads import Patient, Plain, Rejected, Road, Typed
from cooc.corpus.spool import BLOCK_BYTES, Limits, Spool
from cooc.corpus.structure import whole_characters
from cooc.errors import BadRecord


def read_jsonl(part: Part, job: Job, chunk_bytes: int) -> Iterator[Chunk | Giant]:
    """Documents in chunks of about `chunk_bytes`, or of one document where that is larger."""
    reader = RecordReader(job)
    texts: list[bytes] = []
    metadata: list[bytes] = []
    size = 0
    for number, lines, giant in blocks_of_lines(part, job):
        if giant is not None:
            if metadata:
                yield pack(texts, metadata)
                texts, metadata, size = [], [], 0
            found = GiantReader(job, giant, number).read()
            if found is not None:
                yield found
        lines.reverse()
        while lines:
            # popped, so that no list keeps a large line while its text is made
            document = reader.read(lines.pop(), number)
            number += 1
            if document is None:
                continue
            texts.append(document[0])
            metadata.append(document[1])
            size += len(document[0]) + len(document[1]) + RECORD_BYTES
            if size >= chunk_bytes:
                del document
                yield pack(texts, metadata)
                texts, metadata, size = [], [], 0
    if metadata:
        yield pack(texts, metadata)


class RecordReader:
    """Lines → (text, metadata line), or None for blank lines and skipped records."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._decode = fast_decoder(job.fields)
        self._keys = [key for key, _ in wanted(job.fields)]

    def read(self, line: bytes, number: int) -> tuple[bytes, bytes] | None:
        try:
            return self._read(line, number)
        except BadRecord as error:
            self._job.bad(error)
            return None

    def _read(self, line: bytes, number: int) -> tuple[bytes, bytes] | None:
        if self._decode is None or not line:
            return self._read_patiently(line, number)
        try:
            text, *others = msgspec.structs.astuple(self._decode(line))
        except UNUSUAL:
            return self._read_patiently(line, number)
        values = dict(zip(self._keys, others, strict=True))
        if self._job.fields.id_required and values["id"] in (None, UNSET):
            return self._read_patiently(line, number)
        del line
        return text.encode(), self._job.describe(number, values)

    def _read_patiently(self, line: bytes, number: int) -> tuple[bytes, bytes] | None:
        if not line or line.isspace():
            return None
        text, values, mended = parse(line, self._job.fields, self._job.at(number))
        metadata = self._job.describe(number, values)
        if mended:
            self._job.receipt.repair("surrogate")
        return text, metadata


class GiantReader:
    """A line in a spool → its document, or None for a blank line and a skipped record.

    Nothing is given out before the whole line is known to be good.
    """

    def __init__(self, job: Job, spool: Spool, number: int, limits: Limits | None = None) -> None:
        self._job, self._spool, self._number = job, spool, number
        self._limits = limits or job.limits
        self._where = job.at(number)

    def read(self) -> Chunk | Giant | None:
        """A Giant if the text is one; the line may be long for other reasons."""
        try:
            road, value = self._value()
            return None if value is BLANK else self._document(road, value)
        except BadRecord as error:
            self._job.bad(error)
            return None

    def _value(self) -> tuple[Road, Any]:
        """What the line holds by the first road that can read it, as for a short line."""
        fields = self._job.fields
        roads: list[Road] = [Plain()] if self._spool.nul is None else []
        if roads and fast_decoder(fields) is not None:
            roads.insert(0, Typed(fields))
        for road in roads:
            try:
                value = Scan(self._spool, fields, road, self._limits).run()
            except Rejected:
                continue
            if value is BLANK or not isinstance(road, Typed) or self._is_whole(value):
                return road, value
        return self._patient_value()

    def _is_whole(self, record: dict[str, Any]) -> bool:
        fields = self._job.fields
        return fields.text in record and not (fields.id_required and record.get(str(fields.id)) is None)

    def _patient_value(self) -> tuple[Road, Any]:
        bad = self._spool.invalid_utf8()
        if bad is not None:
            raise invalid_utf8(self._where, *bad)
        if self._spool.nul is not None:
            raise nul_byte(self._where, self._spool.nul)
        road = Patient()
        try:
            return road, Scan(self._spool, self._job.fields, road, self._limits).run()
        except Rejected as error:
            if error.at is None:
                raise BadRecord(self._where, "nested too deeply", "nested too deeply to be read as JSON") from None
            # no newline is in a line, so a column is a character
            what = f"{error.what}: line 1 column {error.at + 1} (char {error.at})"
            begin = self._spool.read(0, min(self._spool.size, 200)).decode(errors="ignore")
            detail = f"not JSON: {what}; begins with {shown(begin)}"
            raise BadRecord(self._where, "not JSON", detail) from None

    def _document(self, road: Road, value: Any) -> Chunk | Giant:
        if not isinstance(value, dict):
            raise not_an_object(self._where, value)
        record = {self._beginning(key): member for key, member in value.items()}
        found = extract(record, self._job.fields, self._where)
        metadata = self._job.describe(self._number, {key: self._restored(v) for key, v in found.values.items()})
        place = place_of(found.text.decode())
        if place:
            return Giant(metadata, self._text(road, *place))
        if found.repaired:
            self._job.receipt.repair("surrogate")
        return pack([found.text], [metadata])

    def _text(self, road: Road, start: int, stop: int) -> Iterator[bytes]:
        patient = Patient()
        yield from self._string(patient if road.explains else road, start, stop)
        if patient.mended:
            self._job.receipt.repair("surrogate")

    def _string(self, road: Road, start: int, stop: int) -> Iterator[bytes]:
        """A string of the spool in pieces."""
        rest = b""
        for block in self._spool.pieces(start, stop, BLOCK_BYTES):
            content = rest + block
            keep = whole_characters(content)
            rest = content[keep:]
            if keep:
                yield road.string(content[:keep])
        if rest:
            yield road.string(rest)

    def _restored(self, value: Any) -> Any:
        """The value with its long strings, if they aren't too long for metadata."""
        if value is TOO_LARGE:
            raise self._job.too_large(self._number)
        if isinstance(value, list):
            return [self._restored(item) for item in value]
        if isinstance(value, dict):
            return {self._restored(key): self._restored(item) for key, item in value.items()}
        place = place_of(value)
        if not place:
            return value
        start, stop = place
        # a character is spelled in six bytes at most
        if stop - start > 6 * METADATA_BYTES:
            raise self._job.too_large(self._number)
        return b"".join(self._string(Patient(), start, stop)).decode()

    def _beginning(self, key: Any) -> Any:
        """The first characters of a long name, to be shown."""
        place = place_of(key)
        if not place:
            return key
        start, stop = place[0], min(place[1], place[0] + 1000)
        content = self._spool.read(start, stop)
        return Patient().string(content[: whole_characters(content)] if stop < place[1] else content).decode()


def place_of(value: Any) -> tuple[int, int] | None:
    """Where the string lies that a short one stands for."""
    if not isinstance(value, str) or not value.startswith(NAME):
        return None
    _, start, stop = value.split(":")
    return int(start), int(stop)
