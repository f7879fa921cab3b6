"""JSON lines → documents."""

from collections.abc import Iterator

import msgspec

from cooc.corpus.documents import Chunk, Job, pack
from cooc.corpus.lines import blocks_of_lines
from cooc.corpus.model import Part
from cooc.corpus.records import UNSET, fast_decoder, parse, wanted
from cooc.errors import BadRecord

# What the fast decoder raises on a line that needs a second look.
UNUSUAL = (msgspec.MsgspecError, ValueError, RecursionError)


def read_jsonl(part: Part, job: Job, chunk_bytes: int) -> Iterator[Chunk]:
    """Documents in chunks of about `chunk_bytes`, or of one document where that is larger."""
    reader = RecordReader(job)
    texts: list[bytes] = []
    metadata: list[bytes] = []
    size = 0
    for number, lines in blocks_of_lines(part, job.receipt):
        lines.reverse()
        while lines:
            # popped, so that no list keeps a giant line while its text is made
            document = reader.read(lines.pop(), number)
            number += 1
            if document is None:
                continue
            texts.append(document[0])
            metadata.append(document[1])
            size += len(document[0])
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
        try:
            text, values, repaired = parse(line, self._job.fields, self._job.at(number))
        except BadRecord as error:
            self._job.bad(error)
            return None
        if repaired:
            self._job.receipt.repair("surrogate")
        return text, self._job.describe(number, values)
