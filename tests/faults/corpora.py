"""A seeded byte fuzzer of corpus files, and a second reader that says what is in them.

Run by itself, in a process that may crash or hang without harm to the tests:

    python -m tests.faults.corpora KIND FIRST COUNT FOLDER

reads COUNT damaged files and prints how many were read and how many refused, or ends with a traceback. A case
is its kind and number: the same command shows it again.
"""

import contextlib
import faulthandler
import gzip
import io
import json
import math
import random
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq

from cooc.corpus import Fields, Receipt, find_sources, read, split
from cooc.corpus.spool import Limits
from cooc.errors import BuildError, CoocError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SECONDS_A_CASE = 30
WORDS = ["great", "auk", "Über", "птица", "\U0001f426", '"', "\\", "\n", "\t", "x" * 40, "\ud83d", "a\u0000b"]


def words(random: random.Random, *, whole: bool = False) -> str:
    text = " ".join(random.choices(WORDS, k=random.randint(0, 12)))
    return text.replace("\ud83d", "").replace("\0", "") if whole else text


def json_line(random: random.Random, number: int) -> bytes:
    record: dict[str, Any] = {"id": number, "text": words(random)}
    for name in random.sample(["a", "b", "text2", "m"], random.randint(0, 3)):
        values = [None, 1, -2.5e10, words(random), [1, [2, {"text": "no"}]], {"x": {"y": []}}, math.nan]
        record[name] = random.choice(values)
    items = list(record.items())
    random.shuffle(items)
    ascii_only = random.random() < 0.5 or any("\ud83d" in str(value) for value in record.values())
    return json.dumps(dict(items), ensure_ascii=ascii_only).encode()


def json_lines(random: random.Random) -> bytes:
    return b"".join(json_line(random, i) + b"\n" for i in range(random.randint(0, 8)))


def table(random: random.Random) -> pa.Table:
    count = random.randint(0, 12)
    texts = [words(random, whole=True) for _ in range(count)]
    kind = random.choice([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
    more = {"m": pa.array([[text, text] for text in texts], pa.list_(pa.string())), "n": list(range(count))}
    return pa.table({"id": range(count), "text": pa.array(texts).cast(kind), **more})


def parquet(random: random.Random) -> bytes:
    out = io.BytesIO()
    how: dict[str, Any] = {"compression": random.choice(["none", "zstd", "snappy", "gzip"])}
    how["use_dictionary"] = random.random() < 0.5
    how["data_page_version"] = random.choice(["1.0", "2.0"])
    pq.write_table(table(random), out, row_group_size=5, write_page_checksum=random.random() < 0.7, **how)
    return out.getvalue()


def arrow(random: random.Random, kind: Callable[..., Any]) -> bytes:
    out, rows = io.BytesIO(), table(random)
    options = pa.ipc.IpcWriteOptions(compression=random.choice([None, "lz4", "zstd"]))
    with kind(out, rows.schema, options=options) as writer:
        writer.write_table(rows, max_chunksize=4)
    return out.getvalue()


def zstandard(data: bytes) -> bytes:
    return zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1})


def text(random: random.Random) -> bytes:
    return "\n".join(words(random, whole=True) for _ in range(random.randint(0, 8))).encode()


KINDS: dict[str, tuple[str, Callable[[random.Random], bytes]]] = {
    "jsonl": ("a.jsonl", json_lines),
    "gzip": ("a.jsonl.gz", lambda r: gzip.compress(json_lines(r), mtime=0) + gzip.compress(json_lines(r), mtime=0)),
    "zstd": ("a.jsonl.zst", lambda r: zstandard(json_lines(r)) + zstandard(json_lines(r))),
    "text": ("a.txt", text),
    "lines": ("a.txt", text),
    "parquet": ("a.parquet", parquet),
    "arrow file": ("a.arrow", lambda r: arrow(r, pa.ipc.new_file)),
    "arrow stream": ("a.arrow", lambda r: arrow(r, pa.ipc.new_stream)),
}


def damage(random: random.Random, data: bytes, other: bytes) -> bytes:
    """One to four wounds: a bit, a byte, bytes more or fewer, an end cut off, a piece of another file."""
    hurt = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at, size = random.randint(0, len(hurt)), random.choice([1, 1, 2, 4, 8, 40])
        kind = random.randrange(7)
        if kind == 0 and hurt:
            hurt[at % len(hurt)] ^= 1 << random.randrange(8)
        elif kind == 1 and hurt:
            hurt[at % len(hurt)] = random.choice([0, 255, 34, 92, 123, 125, 10, random.randrange(256)])
        elif kind == 2:
            hurt[at:at] = random.randbytes(size)
        elif kind == 3:
            del hurt[at : at + size]
        elif kind == 4:
            del hurt[at:]
        elif kind == 5:
            start = random.randint(0, len(other))
            hurt[at : at + size] = other[start : start + size]
        else:
            start = random.randint(0, len(hurt))
            hurt[at:at] = hurt[start : start + size]
    return bytes(hurt)


def read_all(path: Path, kind: str, on_bad: str, parts_of: int) -> list[tuple[int, bytes]]:
    """(number of the line or row, text) of each document."""
    [source], _ = find_sources([path], text_documents="line" if kind == "lines" else "file")
    found: list[tuple[int, bytes]] = []
    for part in split(source, target_bytes=parts_of):
        receipt, before = Receipt(), len(found)
        for batch in read(part, Fields(meta=("m",)), on_bad=on_bad, receipt=receipt, most_bytes=8 << 20):
            data, places = batch.data.tobytes(), list(pairwise(batch.offsets))
            if batch.continues:
                begin, end = places.pop(0)
                found[-1] = found[-1][0], found[-1][1] + data[begin:end]
            numbers = [json.loads(line)["linenum"] for line in batch.metadata]
            found += [(number, data[a:b]) for number, (a, b) in zip(numbers, places, strict=True)]
        assert receipt.documents == len(found) - before
    return found


# The second reader: the standard library's, whole files at once


def lines_of(data: bytes) -> list[tuple[int, bytes]]:
    return list(enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1))


def documents_of_json(data: bytes) -> dict[int, bytes | None]:
    """Line → text, None where it may also be refused; bad lines and blank ones have no entry."""
    found: dict[int, bytes | None] = {}
    for number, line in lines_of(data):
        try:
            record = json.loads(line.decode(errors="replace").replace("\ufeff", "?"))
            strict = True
            line.decode()
        except UnicodeDecodeError:
            strict = False
        except (ValueError, RecursionError):
            continue
        body = record.get("text") if isinstance(record, dict) else None
        if isinstance(body, str):
            mended = body.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
            # bytes that are no UTF-8 are no fault in a field that nobody wants: let either be right
            found[number] = mended.encode() if strict else None
    return found


def check_json(found: list[tuple[int, bytes]], data: bytes) -> None:
    expected = documents_of_json(data)
    got = dict(found)
    assert len(got) == len(found)
    assert set(got) <= set(expected), f"read line {set(got) - set(expected)}, which is bad"
    for number, wanted in expected.items():
        if wanted is not None:
            assert got.get(number) == wanted, f"line {number}: {got.get(number)!r} and not {wanted!r}"


def is_good(data: bytes) -> bool:
    try:
        return "\0" not in data.decode()
    except UnicodeDecodeError:
        return False


def check_text(found: list[tuple[int, bytes]], data: bytes) -> None:
    data = data.removeprefix(b"\xef\xbb\xbf")
    assert found == ([(1, data)] if data and is_good(data) else [])


def check_lines(found: list[tuple[int, bytes]], data: bytes) -> None:
    lines = [(number, line.removesuffix(b"\r")) for number, line in lines_of(data)]
    assert found == [(number, line) for number, line in lines if line and is_good(line)]


def check_table(found: list[tuple[int, bytes]], rows: pa.Table) -> None:
    """As many rows in their order as pyarrow reads at once; null and what is no UTF-8 is no document."""
    column = rows["text"]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    binary = column.cast(pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()).to_pylist()
    expected = [(i, value) for i, value in enumerate(binary, 1) if value is not None]
    assert found == [(i, value) for i, value in expected if is_good(value.replace(b"\0", b" "))]


def check(kind: str, found: list[tuple[int, bytes]], data: bytes) -> None:
    """What was read without an error is what the second reader reads."""
    if kind == "jsonl":
        check_json(found, data)
    elif kind == "gzip":
        check_json(found, gzip.decompress(data))
    elif kind == "zstd":
        check_json(found, zstd.decompress(data))
    elif kind == "text":
        check_text(found, data)
    elif kind == "lines":
        check_lines(found, data)
    elif kind == "parquet":
        check_table(found, pq.read_table(io.BytesIO(data), columns=["text"]))
    else:
        opened = pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream
        only = pa.ipc.IpcReadOptions(included_fields=[opened(io.BytesIO(data)).schema.names.index("text")])
        check_table(found, opened(io.BytesIO(data), options=only).read_all())


def case(kind: str, number: int, folder: Path) -> str:
    """One damaged file, read in both ways; what came of it."""
    name, make = KINDS[kind]
    seeded = random.Random(f"{kind} {number}")
    data = damage(seeded, make(seeded), make(seeded)) if number % 50 else make(seeded)
    path = folder / name
    path.write_bytes(data)
    parts_of = seeded.choice([40, 300, 1 << 40])
    try:
        found = read_all(path, kind, "skip", parts_of)
    except BuildError:
        raise
    except CoocError:
        return "refused"
    check(kind, found, data)
    try:
        assert read_all(path, kind, "fail", parts_of) == found
    except CoocError:
        return "read in part"
    return "read"


def main(kind: str, first: int, count: int, folder: Path) -> None:
    outcomes: Counter[str] = Counter()
    # half of the cases with limits so low that lines of a few bytes are giants
    patches = [
        mock.patch.multiple("cooc.corpus.lines", BLOCK_BYTES=64),
        mock.patch("cooc.corpus.giants.BLOCK_BYTES", 50),
        mock.patch("cooc.corpus.documents.limits", return_value=Limits(line=100, string=60, fragment=40)),
    ]
    for number in range(first, first + count):
        (folder / "case").write_text(f"{kind} {number}")
        faulthandler.dump_traceback_later(SECONDS_A_CASE, exit=True)
        with contextlib.ExitStack() as low:
            for patch in patches if number % 2 else []:
                low.enter_context(patch)
            outcomes[case(kind, number, folder)] += 1
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps(outcomes))


if __name__ == "__main__":
    faulthandler.enable()
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
