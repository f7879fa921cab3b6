"""Documents too large for memory are read as small ones would be, and within their memory."""

import errno
import gzip
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.corpus import Fields, Part, Receipt, count_lines, find_sources, read, split
from cooc.corpus.documents import Chunk, Job
from cooc.corpus.jsonl import GiantReader, RecordReader
from cooc.corpus.pages import Page, longest_string, most_in_a_row
from cooc.corpus.spool import Limits, Spool
from cooc.corpus.stream import window_bytes
from cooc.errors import BadRecord, BuildError, SourceError
from tests.faults.told import SCALE, tell

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class Pairs:
    """An object that may have a name twice."""

    def __init__(self, members: list[tuple[str, object]]) -> None:
        self.members = members


SETTINGS = settings(
    max_examples=100 * SCALE,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
FIELDS = st.sampled_from(
    [
        Fields(),
        Fields(meta=("m",), id_required=True),
        Fields(text="d.text", id="d.m.n", meta=("m", "d.x", "d.m")),
        Fields(text="m", id=None, meta=("text", "m")),
    ]
)
LIMITS = st.builds(
    Limits, line=st.just(0), string=st.integers(20, 60), fragment=st.integers(1, 80), spelled=st.just(1 << 20)
)
BLOCKS = st.integers(1, 100)

STRINGS = st.one_of(
    st.sampled_from(["", "a", "é", "\U0001f600", '"', "\\", "\n", "x" * 90]),
    st.sampled_from(['ab"\\' * 30, "é\U0001f600" * 40, "\ud83d" * 20]),
    st.text(max_size=80),
)
NUMBERS = st.one_of(st.integers(), st.floats(), st.just(10**30))
NAMES = st.one_of(st.sampled_from(["text", "id", "m", "d", "x", "n", "d.text", "d.m"]), st.text(max_size=3))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | STRINGS,
    lambda inner: st.lists(inner, max_size=6) | st.lists(st.tuples(NAMES, inner), max_size=6).map(Pairs),
    max_leaves=25,
)


def spelled(value: object, draw) -> str:
    """JSON with blanks and escapes where they may be."""
    blank = draw(st.sampled_from(["", "", "", " ", "\t", "  \r"]))
    if isinstance(value, Pairs):
        members = (f"{spelled(k, draw)}:{spelled(v, draw)}" for k, v in value.members)
        return blank + "{" + ",".join(members) + blank + "}" + blank
    if isinstance(value, list):
        return blank + "[" + ",".join(spelled(v, draw) for v in value) + blank + "]"
    text = json.dumps(value, ensure_ascii=draw(st.booleans()) or "\ud83d" in str(value))
    return blank + text.replace("e", "\\u0065") if text[0] == '"' and draw(st.integers(0, 5)) == 0 else blank + text


@st.composite
def lines(draw) -> bytes:
    members = draw(st.lists(st.tuples(NAMES, VALUES), max_size=6))
    some = [("text", draw(STRINGS)), ("d", Pairs([("text", draw(STRINGS)), ("m", Pairs([("n", 1)]))]))]
    whole = Pairs([*members, *(some if draw(st.integers(0, 3)) else []), *members[:1]])
    value = whole if draw(st.integers(0, 8)) else draw(VALUES)
    return spelled(value, draw).replace("\n", " ").encode("utf-8", "surrogatepass")


@st.composite
def damaged(draw) -> bytes:
    line = bytearray(draw(lines()))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(line)))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            marks = [bytes([byte]) for byte in b'"\\{}[],:1\xff\xc3']
            line[at:at] = draw(st.sampled_from([*marks, b" \x0b", b"NaN"]))
        elif kind == 1:
            del line[at : at + draw(st.integers(1, 4))]
        elif kind == 2:
            line[at : at + 1] = draw(st.binary(min_size=1, max_size=2))
        else:
            del line[at:]
    return bytes(line).replace(b"\n", b"")


def as_short(line: bytes, fields: Fields, on_bad: str):
    job = Job("a.jsonl", fields, on_bad, Receipt())
    return RecordReader(job).read(line, 7), job.receipt


def as_giant(line: bytes, fields: Fields, on_bad: str, limits: Limits, block: int):
    job = Job("a.jsonl", fields, on_bad, Receipt())
    with Spool(None, "a.jsonl") as spool, pytest.MonkeyPatch.context() as patch:
        patch.setattr("cooc.corpus.giants.BLOCK_BYTES", block)
        patch.setattr("cooc.corpus.jsonl.BLOCK_BYTES", block)
        for i in range(0, len(line), block):
            spool.add(line[i : i + block])
        found = GiantReader(job, spool, 7, limits).read()
        if isinstance(found, Chunk):
            return (found.data.tobytes(), *found.metadata), job.receipt
        return found and (b"".join(found.pieces), found.metadata), job.receipt


def outcome(reader, *arguments):
    try:
        return reader(*arguments)
    except BadRecord as error:
        return str(error), error.reason


@given(line=lines(), fields=FIELDS, limits=LIMITS, block=BLOCKS)
@SETTINGS
def test_a_giant_line_is_read_as_a_short_one(line, fields, limits, block):
    for on_bad in ("fail", "skip"):
        short = outcome(as_short, line, fields, on_bad)
        assert outcome(as_giant, line, fields, on_bad, limits, block) == short


@given(line=damaged(), fields=FIELDS, limits=LIMITS, block=BLOCKS)
@SETTINGS
def test_a_damaged_giant_line_is_refused_in_the_same_words(line, fields, limits, block):
    for on_bad in ("fail", "skip"):
        short = outcome(as_short, line, fields, on_bad)
        assert outcome(as_giant, line, fields, on_bad, limits, block) == short


@pytest.mark.parametrize(
    "end", [rb"\u00e9", rb"\ud83d\ude00", rb"\ud83d", rb"\ud83d\ud", rb"\u12", rb"\n", rb"\\", "é".encode()]
)
@pytest.mark.parametrize("block", [1, 7, 1000])
def test_a_giant_line_cut_off_after_an_escape_is_refused_in_the_same_words(end, block):
    line = rb'{ "text": "' + rb"\u00e9\ud83d\ude00" * 3 + end
    limits = Limits(line=0, string=20, fragment=5, spelled=1 << 20)
    assert outcome(as_giant, line, Fields(), "fail", limits, block) == outcome(as_short, line, Fields(), "fail")


@pytest.mark.parametrize("block", range(1, 9))
def test_a_damaged_giant_line_may_be_looked_at_inside_a_character(block):
    line = b"] " + "é\U0001f600 ".encode() * 30 + b'{"text": "a"}'
    limits = Limits(line=0, string=20, fragment=1, spelled=1 << 20)
    assert outcome(as_giant, line, Fields(), "fail", limits, block) == outcome(as_short, line, Fields(), "fail")


def texts_of(path: Path, *, parts_of: int = 1 << 40, **how) -> tuple[list[bytes], Receipt]:
    lines = how.pop("text_documents", "file")
    [source], _ = find_sources([path], text_documents=lines)
    receipt, texts = Receipt(), []
    for part in split(source, target_bytes=parts_of):
        for batch in read(part, how.pop("fields", Fields()), receipt=receipt, **how):
            data = batch.data.tobytes()
            found = [data[a:b] for a, b in pairwise(batch.offsets)]
            if batch.continues:
                texts[-1] += found.pop(0)
            texts += found
    return texts, receipt


def write_lines(path: Path, *lines: bytes) -> Path:
    data = b"\n".join(lines)
    compress = {".gz": gzip.compress, ".zst": zstd.compress}.get(path.suffix, bytes)
    path.write_bytes(compress(data))
    return path


LONG = rb"""great \"auk\" \u00fc\n""" * 20_000


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
@pytest.mark.parametrize("on_bad", ["fail", "skip"])
def test_giants_stand_among_small_lines_in_their_order(tmp_path, name, on_bad):
    giant = b'{"text": "' + LONG + b'", "id": 2}'
    small = [b'{"text": "a"}', b"", b'{"text": "b"}']
    path = write_lines(tmp_path / name, b"\xef\xbb\xbf" + giant, *small, giant, giant, small[0], giant)
    long = json.loads(b'"' + LONG + b'"').encode()
    texts, receipt = texts_of(path, most_bytes=1 << 20, spool=tmp_path, on_bad=on_bad)
    assert texts == [long, b"a", b"b", long, long, b"a", long]
    assert receipt.repaired == {"byte order mark": 1}
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [name]


def test_a_line_that_is_long_beside_its_text_is_a_document_even_if_that_is_empty(tmp_path):
    lines = [b'{"text": "%b", "more": "%b"}' % (text, LONG) for text in (b"", rb"\ud800", b"a")]
    texts, receipt = texts_of(write_lines(tmp_path / "a.jsonl", *lines), most_bytes=1 << 20)
    assert texts == [b"", "\ufffd".encode(), b"a"]
    assert (receipt.documents, receipt.repaired) == (3, {"surrogate": 1})


def test_a_bad_giant_is_skipped_alone_and_named_by_its_line(tmp_path):
    bad = b'{"text": "' + LONG + b'\xff"}'
    path = write_lines(tmp_path / "a.jsonl", b'{"text": "a"}', bad, b'{"text": "b"}', bad[:-9], b'{"text": "c"}')
    texts, receipt = texts_of(path, most_bytes=1 << 20, on_bad="skip")
    assert texts == [b"a", b"b", b"c"]
    assert receipt.skipped_where == [f"{path}:2: invalid UTF-8", f"{path}:4: not JSON"]
    with pytest.raises(BadRecord, match=r"a\.jsonl:2: invalid UTF-8: byte 0xff at byte 440011 of the line"):
        texts_of(path, most_bytes=1 << 20)


@given(sizes=st.lists(st.integers(0, 400), max_size=12), target=st.integers(1, 500), end=st.sampled_from(["", "\n"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parts_know_their_first_lines_by_the_counts_of_those_before(tmp_path, sizes, target, end):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"text": "x" * size}) if size else "" for size in sizes) + end)
    [source], _ = find_sources([path])
    first = 1
    for part in split(source, target_bytes=target):
        given_line = list(read(part, Fields(), receipt=Receipt(), first_line=first))
        counted = list(read(part, Fields(), receipt=Receipt()))
        assert [batch.metadata for batch in given_line] == [batch.metadata for batch in counted]
        first += count_lines(part)
    assert first - 1 == path.read_bytes().count(b"\n") + (path.read_bytes()[-1:] not in (b"", b"\n"))


def test_a_giant_line_of_text_is_a_document(tmp_path):
    long = "großer Alk ".encode() * 40_000
    path = write_lines(tmp_path / "a.txt", b"a", long + b"\r", long + b"\0", long + b"\xc3", b"b")
    texts, receipt = texts_of(path, text_documents="line", most_bytes=1 << 20, on_bad="skip")
    assert texts == [b"a", long, b"b"]
    assert receipt.skipped_where == [f"{path}:3: NUL byte", f"{path}:4: invalid UTF-8"]
    with pytest.raises(BadRecord, match=r"a\.txt:3: a NUL byte \(is this a text file\?\) at byte 480001 of the line"):
        texts_of(path, text_documents="line", most_bytes=1 << 20)


def test_a_spool_without_room_says_where(tmp_path):
    path = write_lines(tmp_path / "a.jsonl", b'{"text": "' + LONG + b'"}')
    with pytest.raises(BuildError, match=r"too long for memory, and .*/gone takes no copy of it after 0 bytes"):
        texts_of(path, most_bytes=1 << 20, spool=tmp_path / "gone")


def test_metadata_beyond_a_mebibyte_is_refused_in_every_format(tmp_path):
    values = ["x" * 100, ["y" * 9, 5] * 90_000, "z" * (1 << 20)]
    rows = [{"text": text, "m": value} for text, value in zip("abc", values, strict=True)]
    small = write_lines(tmp_path / "a.jsonl", *(json.dumps(row).encode() for row in rows))
    fields = Fields(id=None, meta=("m",))
    for most_bytes in (1 << 20, 1 << 30):
        texts, receipt = texts_of(small, fields=fields, on_bad="skip", most_bytes=most_bytes)
        assert (texts, receipt.skipped) == ([b"a"], {"metadata too large": 2})
        with pytest.raises(BadRecord, match=r"a\.jsonl:2: its id and metadata fields take more than the 1 MiB of JSON"):
            texts_of(small, fields=fields, most_bytes=most_bytes)
    columns = {"text": ["a", "b", "c"], "m": [["x"], ["y" * 9] * 180_000, ["z" * (1 << 20)]]}
    for path in (tmp_path / "a.parquet", tmp_path / "a.arrow"):
        if path.suffix == ".parquet":
            pq.write_table(pa.table(columns), path)
        else:
            with pa.ipc.new_file(path, pa.table(columns).schema) as writer:
                writer.write_table(pa.table(columns))
        texts, receipt = texts_of(path, fields=fields, on_bad="skip")
        assert (texts, receipt.skipped) == ([b"a"], {"metadata too large": 2})


def test_batches_count_what_a_document_costs_beside_its_text(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": ""}\n' * 50_000)
    [source], _ = find_sources([path])
    batches = list(read(Part(source), Fields(), batch_bytes=1 << 20, receipt=Receipt()))
    assert max(sum(map(len, batch.metadata)) for batch in batches) < 1 << 20
    assert sum(len(batch.metadata) for batch in batches) == 50_000


class TestColumns:
    def test_a_dictionary_that_stands_for_much_text_is_taken_in_pieces(self, tmp_path):
        text = pa.array(["x" * 100_000]).take(pa.array(np.zeros(3000, np.int64)))
        pq.write_table(pa.table({"text": text}), tmp_path / "a.parquet")
        table = pa.table({"text": text.dictionary_encode()})
        with pa.ipc.new_file(tmp_path / "a.arrow", table.schema) as writer:
            writer.write_table(table)
        for name in ("a.parquet", "a.arrow"):
            [source], _ = find_sources([tmp_path / name])
            before, size, peak = pa.total_allocated_bytes(), 0, 0
            for batch in read(Part(source), Fields(), receipt=Receipt(), most_bytes=16 << 20):
                size += len(batch.data)
                peak = max(peak, pa.total_allocated_bytes() - before)
            assert size == 300_000_000
            assert peak < 3 * (16 << 20)

    def test_a_large_column_chunk_is_read_by_its_pages(self, tmp_path):
        path = tmp_path / "a.parquet"
        table = pa.table({"text": [os.urandom(5000).hex() for _ in range(10_000)]})
        pq.write_table(table, path, use_dictionary=False, compression="none", write_batch_size=64)
        [source], _ = find_sources([path])
        del table
        before, size, peak = pa.total_allocated_bytes(), 0, 0
        for batch in read(Part(source), Fields(), receipt=Receipt(), most_bytes=16 << 20):
            size += len(batch.data)
            peak = max(peak, pa.total_allocated_bytes() - before)
        assert size == 100_000_000
        assert peak < 3 * (16 << 20)

    def test_a_page_that_does_not_fit_is_refused_by_name(self, tmp_path):
        path = tmp_path / "a.parquet"
        table = pa.table({"id": range(300), "text": [f"{i}" * 50_000 for i in range(300)]})
        pq.write_table(table, path, use_dictionary=False, data_page_size=1 << 30)
        message = r'a\.parquet: row group 1 of 1: the column "text" has a page of \d{8} bytes, which is read whole'
        with pytest.raises(SourceError, match=message + r", and 16 MiB may be used .* Give more --memory, or write"):
            texts_of(path, most_bytes=16 << 20)
        assert texts_of(path, most_bytes=256 << 20)[0] == [text.encode() for text in table["text"].to_pylist()]

    @pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
    @pytest.mark.parametrize("kind", [pa.ipc.new_file, pa.ipc.new_stream])
    def test_a_record_batch_that_does_not_fit_is_refused_by_name(self, tmp_path, kind, compression):
        path = tmp_path / "a.arrow"
        table = pa.table({"text": [f"{i}" * 50_000 for i in range(300)]})
        with kind(path, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
            writer.write_table(table.slice(0, 1))
            writer.write_table(table)
        with pytest.raises(SourceError, match=r"a\.arrow: record batch 2 takes \d{8} bytes, and 16 MiB may be used"):
            texts_of(path, most_bytes=16 << 20)
        assert len(texts_of(path, most_bytes=256 << 20)[0]) == 301

    def test_values_that_point_at_those_before_them_are_taken_in_pieces(self, tmp_path):
        path = tmp_path / "a.parquet"
        table = pa.table({"text": ["x" * 200_000 + str(i) for i in range(500)]})
        pq.write_table(table, path, use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"})
        [source], _ = find_sources([path])
        batches = list(read(Part(source), Fields(), receipt=Receipt(), most_bytes=16 << 20))
        assert sum(len(batch.metadata) for batch in batches) == 500

    @given(
        values=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50)), max_size=8), rows=st.integers(1, 30)
    )
    def test_the_pages_that_rows_can_touch_are_those_a_window_meets(self, values, rows):
        found = [Page(0, 0, size, count, False) for count, size in values]
        owners = [i for i, page in enumerate(found) for _ in range(page.values)]
        windows = [owners[i : i + rows] for i in range(len(owners))]
        # pages without values lie between others
        spans = [sum(page.size for page in found[w[0] : w[-1] + 1]) for w in windows]
        assert most_in_a_row(found, rows) >= max(spans, default=0)
        if all(page.values for page in found):
            assert most_in_a_row(found, rows) == max(spans, default=0)

    @given(strings=st.lists(st.binary(max_size=30)))
    def test_the_longest_string_of_a_dictionary_is_found(self, strings):
        page = b"".join(len(string).to_bytes(4, "little") + string for string in strings)
        assert longest_string(page) == max(map(len, strings), default=0)


class TestSourcesThatChange:
    def write(self, path: Path) -> Path:
        return write_lines(path, *(b'{"text": "%d"}' % i for i in range(60_000)))

    def test_a_file_that_was_written_to_at_the_same_size_is_refused(self, tmp_path):
        for name in ("a.jsonl", "a.txt", "a.parquet", "a.arrow"):
            path = tmp_path / name
            table = pa.table({"text": ["a"]})
            if path.suffix == ".parquet":
                pq.write_table(table, path)
            elif path.suffix == ".arrow":
                with pa.ipc.new_file(path, table.schema) as writer:
                    writer.write_table(table)
            else:
                write_lines(path, b'{"text": "a"}')
            [source], _ = find_sources([path])
            os.utime(path, (5, 5))
            with pytest.raises(SourceError, match=rf"{name}: was written to after the build was planned, though it"):
                list(read(Part(source), Fields(), receipt=Receipt()))

    @pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.txt"])
    def test_a_file_cut_short_while_it_is_read_is_refused(self, tmp_path, name):
        path = self.write(tmp_path / name)
        [source], _ = find_sources([path])
        batches = read(Part(source), Fields(), batch_bytes=1000, receipt=Receipt())
        next(batches)
        os.truncate(path, 150_000 if "gz" not in name else source.bytes - 8)
        with pytest.raises(SourceError, match=r"had \d+ bytes when the build was planned|is cut off: no end mark"):
            list(batches)

    @pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.txt"])
    def test_a_read_error_names_the_file_and_the_place(self, tmp_path, name, monkeypatch):
        path = self.write(tmp_path / name)
        [source], _ = find_sources([path])
        failing(monkeypatch, after=source.bytes // 2)
        with pytest.raises(SourceError, match=rf"{name}(:\d+)?: .*Input/output error.*byte \d+"):
            list(read(Part(source), Fields(), receipt=Receipt()))

    def test_a_read_error_before_the_part_names_the_file(self, tmp_path, monkeypatch):
        path = self.write(tmp_path / "a.jsonl")
        [source], _ = find_sources([path])
        part = split(source, target_bytes=source.bytes // 3)[2]
        failing(monkeypatch, after=100)
        with pytest.raises(SourceError, match=r"a\.jsonl: can't be read near byte \d+: Input/output error"):
            list(read(part, Fields(), receipt=Receipt()))
        with pytest.raises(SourceError, match=r"a\.jsonl: can't be read at byte \d+: Input/output error"):
            count_lines(part)


def failing(monkeypatch, after: int) -> None:
    """Let the disk fail at reads beyond so many bytes."""

    class Disk:
        def __init__(self, path: str) -> None:
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115

        def read(self, size: int) -> bytes:
            if self._file.tell() + (size if size < 100_000 else 0) > after:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return self._file.read(size)

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def __getattr__(self, name: str):
            return getattr(self._file, name)

    for module in ("stream", "lines"):
        monkeypatch.setattr(f"cooc.corpus.{module}.open_raw", lambda source: Disk(source.url))


def test_a_window_wider_than_memory_is_refused(tmp_path):
    path = tmp_path / "a.jsonl.zst"
    lines = b'{"text": "%b"}\n' % (b"great auk " * 2000) * 2000
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 25})
    path.write_bytes(packer.compress(lines) + packer.flush())
    with pytest.raises(SourceError, match=r"a\.jsonl\.zst:\d+: to decode this zstd data takes a window of 32 MiB"):
        texts_of(path, most_bytes=4 << 20)
    assert texts_of(path)[1].documents == 2000


@given(log=st.integers(10, 27), size=st.integers(0, 1 << 18))
@settings(max_examples=30, deadline=None)
def test_the_window_of_a_frame_is_what_zstd_says(log, size):
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: log})
    streamed = packer.compress(bytes(size)) + packer.flush()
    whole = zstd.compress(bytes(size), options={zstd.CompressionParameter.window_log: log})
    assert window_bytes(streamed[:18]) == 1 << log
    assert window_bytes(whole[:18]) in (size, 1 << log)


# Giants

PEAK = """
import sys
from pathlib import Path
from cooc.corpus import Fields, Receipt, find_sources, read, split

def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) << 10

before, size, receipt = peak(), 0, Receipt()
sources, _ = find_sources([sys.argv[1]], text_documents=sys.argv[3])
for source in sources:
    for part in split(source, target_bytes=1 << 40):
        how = {"on_bad": "skip", "most_bytes": int(sys.argv[2]), "spool": Path(sys.argv[4])}
        for batch in read(part, Fields(), receipt=receipt, **how):
            size += len(batch.data)
print(receipt.documents, size, sum(receipt.skipped.values()), peak() - before)
"""


def peak_of(place: Path, *, most_bytes: int = 16 << 20, documents: str = "file") -> tuple[int, ...]:
    """(documents, bytes of text, skipped, growth of the peak memory) of reading in a process by itself."""
    spool = place if place.is_dir() else place.parent
    command = [sys.executable, "-c", PEAK, place, str(most_bytes), documents, spool]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    count, size, skipped, grown = map(int, done.stdout.split())
    tell("F11", file=place.name, documents=count, text_bytes=size, skipped=skipped, memory_grown_by=grown)
    return count, size, skipped, grown


def save(path: Path, *pieces: bytes) -> Path:
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
    return path


@pytest.mark.slow
class TestGiants:
    def test_a_document_of_a_gigabyte_in_one_line(self, tmp_path):
        pieces = [b"great auk " * 100_000] * 1000
        path = save(tmp_path / "a.jsonl", b'{"text": "', *pieces, b'", "id": 1}\n{"text": "b"}\n')
        documents, size, skipped, grown = peak_of(path)
        assert (documents, size, skipped) == (2, 1_000_000_001, 0)
        assert grown < 24 << 20

    def test_a_gigabyte_beside_the_text(self, tmp_path):
        pieces = [b'["auk", {"a": 0.5}], ' * 50_000] * 950
        path = save(tmp_path / "a.jsonl", b'{"text": "a", "more": [', *pieces, b'1], "id": 1}\n{"text": "b"}\n')
        documents, size, skipped, grown = peak_of(path)
        assert (documents, size, skipped) == (2, 2, 0)
        assert grown < 24 << 20

    def test_a_line_of_a_hundred_million_tokens(self, tmp_path):
        path = save(tmp_path / "a.txt", *[b"great auk " * 100_000] * 500, b"\nb\n")
        documents, size, skipped, grown = peak_of(path, documents="line")
        assert (documents, size, skipped) == (2, 500_000_001, 0)
        assert grown < 24 << 20

    def test_a_million_empty_documents(self, tmp_path):
        path = save(tmp_path / "a.jsonl", *[b'{"text": ""}\n' * 1000] * 1000)
        documents, size, skipped, grown = peak_of(path)
        assert (documents, size, skipped) == (1_000_000, 0, 0)
        assert grown < 24 << 20

    def test_a_gigabyte_of_zeros_in_thirty_kilobytes(self, tmp_path):
        packer = zstd.ZstdCompressor()
        zeros = [packer.compress(bytes(1 << 20)) for _ in range(1000)]
        path = save(tmp_path / "a.jsonl.zst", *zeros, packer.flush())
        assert path.stat().st_size < 100_000
        documents, size, skipped, grown = peak_of(path)
        assert (documents, size, skipped) == (0, 0, 1)
        assert grown < 24 << 20

    def test_a_hundred_thousand_tiny_files(self, tmp_path):
        for i in range(100_000):
            folder = tmp_path / f"{i // 1000}"
            folder.mkdir(exist_ok=True)
            (folder / f"{i}.jsonl").write_bytes(b'{"text": "auk"}\n')
        documents, size, skipped, grown = peak_of(tmp_path)
        assert (documents, size, skipped) == (100_000, 300_000, 0)
        assert grown < 96 << 20
