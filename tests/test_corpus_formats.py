"""Documents written in any format come back as they were, in batches of any size, from parts of any size."""

import gzip
import io
import json
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.corpus import Batch, Fields, Receipt, find_sources, read, split

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SIZES = st.sampled_from([1, 7, 64, 1 << 20])
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=12)


def json_lines(texts: list[str]) -> bytes:
    lines = [json.dumps({"id": i, "text": t}, ensure_ascii=i % 2 == 0) for i, t in enumerate(texts)]
    return "".join(line + "\n" for line in lines).encode()


def in_members(data: bytes, compress: Callable[[bytes], bytes]) -> bytes:
    """Several gzip members or zstd frames, cut without regard to lines or characters."""
    third = len(data) // 3 + 1
    return b"".join(compress(data[i : i + third]) for i in range(0, max(len(data), 1), third))


def parquet(texts: list[str]) -> bytes:
    out = io.BytesIO()
    pq.write_table(table(texts), out, row_group_size=3, write_page_checksum=True, compression="zstd")
    return out.getvalue()


def table(texts: list[str]) -> pa.Table:
    return pa.table({"id": pa.array(range(len(texts)), pa.int64()), "text": pa.array(texts, pa.string())})


def arrow_file(texts: list[str]) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_file(out, table([]).schema) as writer:
        writer.write_table(table(texts), max_chunksize=2)
    return out.getvalue()


def arrow_stream(texts: list[str]) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table([]).schema) as writer:
        writer.write_table(table(texts), max_chunksize=2)
    return out.getvalue()


WRITERS: dict[str, Callable[[list[str]], bytes]] = {
    "a.jsonl": json_lines,
    "a.ndjson": lambda texts: json_lines(texts).removesuffix(b"\n"),
    "a.json": lambda texts: json_lines(texts).replace(b"\n", b"\r\n\r\n"),
    "a.json.gz": lambda texts: in_members(json_lines(texts), gzip.compress),
    "a.jsonl.zst": lambda texts: in_members(json_lines(texts), zstd.compress),
    "a.parquet": parquet,
    "a.arrow": arrow_file,
    "a.ipc": arrow_stream,
}


def documents(batches: list[Batch]) -> list[str]:
    """Texts from batches, pieces put together; every promise about batches is checked on the way."""
    texts: list[bytes] = []
    open_end = False
    for batch in batches:
        assert batch.continues == open_end
        assert len(batch.offsets) - 1 == len(batch.metadata) + batch.continues
        assert batch.offsets[0] == 0 and batch.offsets[-1] == len(batch.data)
        assert not batch.data.flags.writeable and batch.data.flags.c_contiguous
        data = batch.data.tobytes()
        parts = [data[a:b] for a, b in pairwise(batch.offsets)]
        for part in parts:
            part.decode()
        if batch.continues:
            texts[-1] += parts.pop(0)
        texts += parts
        open_end = batch.open_end
    assert not open_end
    return [text.decode() for text in texts]


def read_all(path: Path, fields: Fields, batch_bytes: int, target_bytes: int) -> tuple[list[str], list[dict]]:
    [source], _ = find_sources([path])
    texts, metadata, stored = [], [], 0
    for part in split(source, target_bytes=target_bytes):
        receipt = Receipt()
        batches = list(read(part, fields, batch_bytes=batch_bytes, receipt=receipt))
        assert all(len(batch.data) <= max(batch_bytes, 4) for batch in batches)
        found = documents(batches)
        assert receipt.documents == len(found)
        assert receipt.text_bytes == sum(len(text.encode()) for text in found)
        assert not receipt.skipped and not receipt.repaired
        stored += receipt.source_bytes
        texts += found
        metadata += [json.loads(line) for batch in batches for line in batch.metadata]
    assert stored == source.bytes
    return texts, metadata


@pytest.mark.parametrize("name", WRITERS)
@given(texts=TEXTS, batch_bytes=SIZES, target_bytes=SIZES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_documents_come_back_as_they_were_written(tmp_path, name, texts, batch_bytes, target_bytes):
    path = tmp_path / name
    path.write_bytes(WRITERS[name](texts))
    found, metadata = read_all(path, Fields(), batch_bytes, target_bytes)
    assert found == texts
    assert [entry["metadata"] for entry in metadata] == [{"id": i} for i in range(len(texts))]
    step = 2 if name == "a.json" else 1
    assert [entry["linenum"] for entry in metadata] == [1 + step * i for i in range(len(texts))]
    assert all(entry["path"] == str(path) for entry in metadata)
