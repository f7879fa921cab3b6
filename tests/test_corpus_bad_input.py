"""What a user sees when a corpus file is not what it should be; nothing is lost without being counted."""

import gzip
import json
import sys
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cooc.corpus import Fields, Receipt, find_sources, read, split
from cooc.errors import BadRecord, SourceError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GOOD = b'{"id": 1, "text": "good"}\n'


def read_file(path: Path, fields: Fields | None = None, on_bad="fail", **how) -> tuple[list[bytes], Receipt]:
    fields = fields or Fields()
    [source], _ = find_sources([path], **how)
    receipt, texts = Receipt(), []
    for part in split(source, target_bytes=1 << 20):
        for batch in read(part, fields, on_bad=on_bad, receipt=receipt):
            data, offsets = batch.data.tobytes(), batch.offsets
            texts += [data[a:b] for a, b in pairwise(offsets)]
    return texts, receipt


def save(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


BAD_LINES = {
    "cut short": (b'{"text": "a', "not JSON", "not JSON: Unterminated string.*begins with '{"),
    "two values": (b'{"text": "a"}{}', "not JSON", "not JSON: Extra data"),
    "plain words": (b"hello", "not JSON", "not JSON: Expecting value.*begins with 'hello'"),
    "a raw tab in a string": (b'{"text": "a\tb"}', "not JSON", "not JSON: Invalid control character"),
    "a list": (b'["a"]', "not an object", "not an object but a list; each line must hold one JSON object"),
    "a string": (b'"a"', "not an object", "not an object but a string"),
    "a number": (b"5", "not an object", "not an object but a number"),
    "null": (b"null", "not an object", "not an object but null"),
    "no text": (b'{"body": "a", "n": 1}', "no text field", 'no field "text"; there are: "body", "n". Choose'),
    "nothing": (b"{}", "no text field", 'no field "text"; there are: no fields'),
    "null text": (b'{"text": null}', "text is no string", 'the text field "text" is no string but null'),
    "a number for a text": (b'{"text": 5}', "text is no string", "is no string but a number"),
    "a list for a text": (b'{"text": ["a"]}', "text is no string", "is no string but a list"),
    "an object for a text": (b'{"text": {}}', "text is no string", "is no string but an object"),
    "false for a text": (b'{"text": false}', "text is no string", "is no string but true or false"),
    "Latin-1": (b'{"text": "caf\xe9"}', "invalid UTF-8", "invalid UTF-8: byte 0xe9 at byte 14 of the line"),
    "a surrogate in UTF-8": (b'{"text": "\xed\xa0\x80"}', "invalid UTF-8", "byte 0xed at byte 11 of"),
    "UTF-16": ('{"text": "a"}'.encode("utf-16"), "invalid UTF-8", "byte 0xff at byte 1 of the line"),
    "a NUL byte": (b'{"text": "a\0"}', "NUL byte", "a NUL byte at byte 12 of the line"),
    "a hundred thousand brackets": (
        b'{"text": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "nested too deeply",
        "nested too deeply",
    ),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_an_error_with_file_line_and_reason(tmp_path, name):
    line, reason, message = BAD_LINES[name]
    path = save(tmp_path / "a.jsonl", GOOD + b"\n" + line + b"\n" + GOOD)
    with pytest.raises(BadRecord, match=rf"a\.jsonl:3: .*{message}.*\. To skip such records") as error:
        read_file(path)
    assert error.value.reason == reason


@pytest.mark.parametrize("name", BAD_LINES)
@pytest.mark.parametrize("fields", [Fields(), Fields(meta=("meta.year",))], ids=["plain", "dotted"])
def test_a_skipped_line_is_counted_and_costs_no_other(tmp_path, name, fields):
    line, reason, _ = BAD_LINES[name]
    path = save(tmp_path / "a.jsonl.gz", gzip.compress(GOOD + line + b"\n" + GOOD, mtime=0))
    texts, receipt = read_file(path, fields, on_bad="skip")
    assert texts == [b"good", b"good"]
    assert receipt.documents == 2
    assert receipt.skipped == {reason: 1}
    assert receipt.skipped_where == [f"{path}:2: {reason}"]


def test_only_the_first_hundred_skipped_lines_are_named(tmp_path):
    path = save(tmp_path / "a.jsonl", b"x\n" * 150)
    texts, receipt = read_file(path, on_bad="skip")
    assert (texts, receipt.skipped, len(receipt.skipped_where)) == ([], {"not JSON": 150}, 100)


ODD_LINES = {
    "NaN elsewhere": b'{"text": "a", "x": NaN, "y": -Infinity}',
    "a byte order mark": b'\xef\xbb\xbf{"text": "a"}',
    "a carriage return": b'{"text": "a"}\r',
    "a huge number": b'{"text": "a", "id": ' + b"9" * 5000 + b"}",
    "a number out of range": b'{"text": "a", "id": 1e999}',
    "an escaped name": b'{"\\u0074ext": "a"}',
    "a name twice": b'{"text": "b", "text": "a"}',
    "Latin-1 in another field": b'{"text": "a", "url": "\xe9"}',
    "no id": b'{"text": "a"}',
    "nested ids": b'{"text": "a", "id": {"shard": [1, null]}}',
}


@pytest.mark.parametrize("name", ODD_LINES)
def test_an_odd_line_is_read_all_the_same(tmp_path, name):
    texts, receipt = read_file(save(tmp_path / "a.jsonl", ODD_LINES[name] + b"\n" + GOOD))
    assert texts == [b"a", b"good"]
    assert receipt.repaired == ({"byte order mark": 1} if "mark" in name else {})


def test_half_a_surrogate_pair_becomes_a_replacement_character_and_is_counted(tmp_path):
    line = rb'{"text": "a\ud800b \ud83d\ude00 \udc00", "id": "\ud800"}'
    texts, receipt = read_file(save(tmp_path / "a.jsonl", line))
    assert [text.decode() for text in texts] == ["a\ufffdb \U0001f600 \ufffd"]
    assert receipt.repaired == {"surrogate": 1}


def test_an_escaped_nul_is_a_character_like_others(tmp_path):
    assert read_file(save(tmp_path / "a.jsonl", rb'{"text": "a\u0000b"}'))[0] == [b"a\0b"]


def test_an_id_is_only_missed_where_it_is_required(tmp_path):
    path = save(tmp_path / "a.jsonl", b'{"text": "a"}\n{"text": "b", "id": null}\n' + GOOD)
    assert read_file(path)[0] == [b"a", b"b", b"good"]
    required = Fields(id_required=True)
    with pytest.raises(BadRecord, match=r'a\.jsonl:1: no field "id"; there are: "text". Choose'):
        read_file(path, required)
    texts, receipt = read_file(path, required, on_bad="skip")
    assert (texts, receipt.skipped) == ([b"good"], {"no id field": 2})


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.txt.gz", "a.txt.zst"])
def test_every_cut_of_a_compressed_file_is_found(tmp_path, name):
    compress = gzip.compress if name.endswith("gz") else zstd.compress
    member = compress(GOOD * 3)
    whole = member + member
    message = r"data is (cut off: no end mark after \d+ stored bytes|damaged)|by its bytes"
    for length in range(1, len(whole)):
        path = save(tmp_path / name, whole[:length])
        if length == len(member):
            continue  # a whole file by itself, which nothing can tell from a cut one
        for on_bad in ("fail", "skip"):
            with pytest.raises(SourceError, match=message):
                read_file(path, on_bad=on_bad)


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.txt.zst"])
def test_an_empty_compressed_file_is_no_compressed_file(tmp_path, name):
    with pytest.raises(SourceError, match=r"is empty, not even a (gzip|zstd) header. Fetch the file again"):
        read_file(save(tmp_path / name, b""))


def test_a_cut_off_file_says_how_far_it_got(tmp_path):
    lines = b"".join(b'{"id": %d, "text": "%x"}\n' % (i, i * i * i) for i in range(200_000))
    whole = gzip.compress(lines, compresslevel=1, mtime=0)
    path = save(tmp_path / "a.jsonl.gz", whole[: len(whole) // 2])
    message = r"a\.jsonl\.gz:\d{4,}: the gzip data is cut off: .* after \d+ stored bytes; \d{6,} bytes were"
    with pytest.raises(SourceError, match=message):
        read_file(path)


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_a_flipped_bit_in_a_compressed_file_is_found(tmp_path, name):
    if name.endswith("gz"):
        whole = bytearray(gzip.compress(GOOD * 50, mtime=0))
        first = 10  # the header holds a date that nothing protects
    else:
        whole = bytearray(zstd.compress(GOOD * 50, options={zstd.CompressionParameter.checksum_flag: 1}))
        first = 0
    for position in range(first, len(whole)):
        whole[position] ^= 4
        with pytest.raises(SourceError, match=r"data is (cut off|damaged)|by its bytes"):
            read_file(save(tmp_path / name, bytes(whole)))
        whole[position] ^= 4


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
def test_garbage_after_the_data_is_found_and_padding_after_gzip_is_not(tmp_path, name):
    compress = gzip.compress if name.endswith("gz") else zstd.compress
    with pytest.raises(SourceError, match=r"data is damaged|data is cut off"):
        read_file(save(tmp_path / name, compress(GOOD) + b"garbage"))
    if name.endswith("gz"):
        assert read_file(save(tmp_path / name, compress(GOOD) + bytes(1000)))[0] == [b"good"]


def test_windows_beyond_the_default_of_zstd_are_read(tmp_path):
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 28})
    path = save(tmp_path / "a.jsonl.zst", packer.compress(GOOD * 1000) + packer.flush())
    assert read_file(path)[0] == [b"good"] * 1000


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", gzip.compress(GOOD, mtime=0), "by its name this is uncompressed text, by its bytes gzip"),
        ("a.txt", zstd.compress(GOOD), "by its name this is uncompressed text, by its bytes zstd"),
        ("a.jsonl.gz", GOOD, "by its name this is gzip, by its bytes something that begins with"),
        ("a.jsonl.gz", zstd.compress(GOOD), "by its name this is gzip, by its bytes zstd"),
        ("a.json", b"PK\x03\x04....", "by its name this is uncompressed text, by its bytes zip"),
        ("a.parquet", GOOD, "can't be read as parquet.*magic bytes not found"),
        ("a.parquet", b"", "can't be read as parquet"),
        ("a.arrow", GOOD, "can't be read as arrow"),
        ("a.arrow", b"", "can't be read as arrow"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path, name, data, message):
    with pytest.raises(SourceError, match=message):
        read_file(save(tmp_path / name, data))


@pytest.mark.parametrize("name", ["a.jsonl", "a.txt"])
def test_an_empty_file_has_no_documents(tmp_path, name):
    texts, receipt = read_file(save(tmp_path / name, b""))
    assert (texts, receipt.documents, receipt.source_bytes) == ([], 0, 0)


def test_a_file_that_changed_since_it_was_found_is_refused(tmp_path):
    path = save(tmp_path / "a.jsonl", GOOD)
    [source], _ = find_sources([path])
    save(path, GOOD + GOOD)
    with pytest.raises(SourceError, match="had 26 bytes when the build was planned and has 52 now"):
        list(read(split(source, target_bytes=100)[0], Fields(), receipt=Receipt()))
    path.unlink()
    with pytest.raises(SourceError, match=r"a\.jsonl: can't be opened: No such file or directory"):
        list(read(split(source, target_bytes=100)[0], Fields(), receipt=Receipt()))


class TestText:
    def test_invalid_utf8_is_an_error_with_line_and_byte(self, tmp_path):
        path = save(tmp_path / "a.txt", "ünd\nzwei\n".encode() + b"caf\xe9 drei\n")
        with pytest.raises(BadRecord, match=r"a\.txt:3: invalid UTF-8: byte 0xe9 .* at byte 14 of the file"):
            read_file(path)

    def test_a_character_cut_off_at_the_end_is_invalid(self, tmp_path):
        with pytest.raises(BadRecord, match=r"a\.txt:1: invalid UTF-8: byte 0xc3 .* at byte 3 of the file"):
            read_file(save(tmp_path / "a.txt", b"ab\xc3"))

    def test_a_nul_byte_is_an_error(self, tmp_path):
        with pytest.raises(BadRecord, match=r"a\.txt:2: a NUL byte \(is this a text file\?\) at byte 4"):
            read_file(save(tmp_path / "a.txt", b"ab\n\0"))

    def test_a_skipped_file_gives_nothing_and_is_accounted_for(self, tmp_path):
        path = save(tmp_path / "a.txt.gz", gzip.compress(b"a" * 5_000_000 + b"\xff" + b"b" * 3_000_000, mtime=0))
        texts, receipt = read_file(path, on_bad="skip")
        assert (texts, receipt.documents, receipt.skipped) == ([], 0, {"invalid UTF-8": 1})
        assert receipt.source_bytes == path.stat().st_size
        assert receipt.digest is not None

    def test_a_bad_line_document_is_skipped_alone(self, tmp_path):
        path = save(tmp_path / "a.txt", b"one\r\n\nb\xffd\nn\0l\n two")
        texts, receipt = read_file(path, on_bad="skip", text_documents="line")
        assert texts == [b"one", b" two"]
        assert receipt.skipped_where == [f"{path}:3: invalid UTF-8", f"{path}:4: NUL byte"]
        with pytest.raises(BadRecord, match=r"a\.txt:3: invalid UTF-8: byte 0xff .* at byte 2 of the line"):
            read_file(path, text_documents="line")


class TestColumns:
    def write(self, path: Path, **columns) -> Path:
        pq.write_table(pa.table(columns), path, write_page_checksum=True)
        return path

    def test_a_missing_column_names_those_there(self, tmp_path):
        path = self.write(tmp_path / "a.parquet", contents=["a"], n=[1])
        with pytest.raises(SourceError, match=r'no column "text"; there are: "contents", "n"\. Choose with'):
            read_file(path)

    def test_a_column_of_numbers_is_no_text(self, tmp_path):
        path = self.write(tmp_path / "a.parquet", text=[1])
        with pytest.raises(SourceError, match='column "text" holds int64, not strings'):
            read_file(path)

    def test_a_required_id_must_be_there(self, tmp_path):
        path = self.write(tmp_path / "a.parquet", text=["a"])
        with pytest.raises(SourceError, match=r'no column "id"; there are: "text"\. Choose with'):
            read_file(path, Fields(id_required=True))

    def test_null_is_no_text(self, tmp_path):
        path = self.write(tmp_path / "a.parquet", id=[1, 2, 3], text=["a", None, "c"])
        with pytest.raises(BadRecord, match=r'a\.parquet:2: the text field "text" is no string but null'):
            read_file(path)
        texts, receipt = read_file(path, on_bad="skip")
        assert (texts, receipt.skipped) == ([b"a", b"c"], {"text is no string": 1})

    def test_invalid_utf8_in_a_string_column_is_found(self, tmp_path):
        raw = pa.array([b"a", b"caf\xe9", b"c"], pa.binary())
        broken = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
        for path in (tmp_path / "a.parquet", tmp_path / "a.arrow"):
            if path.suffix == ".parquet":
                self.write(path, text=broken)
            else:
                with pa.ipc.new_stream(path, pa.schema([("text", pa.string())])) as writer:
                    writer.write_table(pa.table({"text": broken}))
            with pytest.raises(BadRecord, match=r":2: invalid UTF-8: byte 0xe9 .* at byte 4 of the text"):
                read_file(path)
            texts, receipt = read_file(path, on_bad="skip")
            assert (texts, receipt.skipped) == ([b"a", b"c"], {"invalid UTF-8": 1})

    def test_a_flipped_bit_in_a_checked_page_is_found(self, tmp_path):
        path = self.write(tmp_path / "a.parquet", text=[json.dumps(list(range(500)))])
        data = bytearray(path.read_bytes())
        data[300] ^= 1
        path.write_bytes(data)
        with pytest.raises(SourceError, match=r"can't be read as parquet near row 1: .*CRC checksum"):
            read_file(path)

    def test_every_cut_of_an_arrow_stream_is_found(self, tmp_path):
        path = tmp_path / "a.arrow"
        with pa.ipc.new_stream(path, pa.schema([("text", pa.string())])) as writer:
            writer.write_table(pa.table({"text": ["a", "b"]}), max_chunksize=1)
        whole = path.read_bytes()
        for length in range(len(whole)):
            with pytest.raises(SourceError, match=r"can't be read as arrow|no end mark after row \d"):
                read_file(save(path, whole[:length]))
