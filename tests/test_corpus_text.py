"""Plain text: a file or a line is a document; and documents far larger than a block."""

import gzip
import json
import resource
import sys
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.corpus import Fields, Receipt, find_sources, read, split
from tests.test_corpus_formats import documents

SIZES = st.sampled_from([1, 7, 64, 1 << 20])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=200)
ENDS = st.sampled_from(["\n", "\r\n"])
SHARED_FOLDER = [HealthCheck.function_scoped_fixture]
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=SHARED_FOLDER)


@given(text=TEXT, mark=st.booleans(), batch_bytes=SIZES, on_bad=st.sampled_from(["fail", "skip"]))
@SETTINGS
def test_a_text_file_is_one_document_whatever_the_batches(tmp_path, text, mark, batch_bytes, on_bad):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress((b"\xef\xbb\xbf" if mark else b"") + text.encode()))
    [source], _ = find_sources([path])
    receipt = Receipt()
    [part] = split(source, target_bytes=1)
    batches = list(read(part, Fields(), on_bad=on_bad, batch_bytes=batch_bytes, receipt=receipt))
    assert documents(batches) == ([text] if text else [])
    assert all(len(batch.data) <= max(batch_bytes, 4) for batch in batches)
    assert receipt.documents == bool(text)
    assert receipt.repaired == ({"byte order mark": 1} if mark else {})
    assert receipt.source_bytes == source.bytes
    assert [json.loads(line) for batch in batches for line in batch.metadata] == [
        {"path": str(path), "linenum": 1, "metadata": {}} for _ in range(receipt.documents)
    ]


@given(lines=st.lists(TEXT, max_size=8), end=ENDS, batch_bytes=SIZES, target_bytes=SIZES)
@SETTINGS
def test_lines_are_documents_where_asked(tmp_path, lines, end, batch_bytes, target_bytes):
    lines = [line.replace("\n", "").replace("\r", "") for line in lines]
    path = tmp_path / "a.txt"
    path.write_bytes(end.join(lines).encode())
    [source], _ = find_sources([path], text_documents="line")
    found, numbers = [], []
    for part in split(source, target_bytes=target_bytes):
        batches = list(read(part, Fields(), batch_bytes=batch_bytes, receipt=Receipt()))
        found += documents(batches)
        numbers += [json.loads(line)["linenum"] for batch in batches for line in batch.metadata]
    assert found == [line for line in lines if line]
    assert numbers == [i for i, line in enumerate(lines, 1) if line]


def test_parts_of_a_file_read_in_any_order_number_their_lines_alike(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"text": "{i}"}}\n' for i in range(1000)))
    [source], _ = find_sources([path])
    parts = split(source, target_bytes=700)
    for order in (parts[::-1], parts, parts[1::2] + parts[::2]):
        for part in order:
            for batch in read(part, Fields(), receipt=Receipt()):
                numbers = [json.loads(line)["linenum"] for line in batch.metadata]
                assert documents([batch]) == [str(number - 1) for number in numbers]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["jsonl", "txt"])
def test_a_document_of_200_mb_takes_seconds_and_little_memory(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    with path.open("wb") as file:
        file.write(b'{"text": "')
        for _ in range(200):
            file.write(b"great auk " * 100_000)
        file.write(b'"}\n')
    [source], _ = find_sources([path])
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    size = 0
    for part in split(source, target_bytes=16 << 20):
        for batch in read(part, Fields(), receipt=Receipt()):
            assert len(batch.data) <= 4 << 20
            size += len(batch.data)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert size == {"jsonl": 200_000_000, "txt": source.bytes}[ending]
    assert time.monotonic() - began < 20
    assert grown < 64 << 20


def test_data_of_all_batches_has_one_numpy_type(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "b.txt").write_text("b")
    for source in find_sources([tmp_path])[0]:
        for batch in read(split(source, target_bytes=10)[0], Fields(), receipt=Receipt()):
            assert (batch.data.dtype, batch.offsets.dtype) == (np.uint8, np.int64)
            assert batch.data.flags.c_contiguous and not batch.data.flags.writeable


def test_the_command_line_can_import_the_reader_without_the_heavy_libraries():
    import subprocess

    heavy = "pyarrow polars fsspec scipy tokenizers rich isal numba"
    code = f"import sys, cooc.corpus; print([name for name in '{heavy}'.split() if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
