"""Files made to break a reader: it refuses them by name, or reads what is in them, and never anything else."""

import gzip
import json
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.corpus import Fields, Receipt, find_sources, read, split
from cooc.corpus.stream import recognise
from cooc.errors import BadRecord, SourceError
from tests.faults.corpora import KINDS, check, read_all, zstandard
from tests.faults.told import SCALE, tell

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CASES = 1000
"""Damaged files of each kind at scale 1, read in one process."""

GOOD = [b'{"id": 1, "text": "great auk"}', '{"id": 2, "text": "Großer Alk"}'.encode()]


def read_texts(path: Path, on_bad: str = "fail", **how) -> tuple[list[bytes], Receipt]:
    """Texts, those in pieces put together."""
    [source], _ = find_sources([path], text_documents=how.pop("text_documents", "file"))
    receipt, texts = Receipt(), []
    for part in split(source, target_bytes=1 << 20):
        for batch in read(part, Fields(), on_bad=on_bad, receipt=receipt, **how):
            data = batch.data.tobytes()
            found = [data[a:b] for a, b in pairwise(batch.offsets)]
            if batch.continues:
                texts[-1] += found.pop(0)
            texts += found
    assert receipt.documents == len(texts)
    return texts, receipt


# F9: damaged archives. Of two members, the first whole.

PACK: dict[str, Callable[[bytes], bytes]] = {"gz": lambda data: gzip.compress(data, mtime=0), "zst": zstandard}


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 16]) + data[at + 1 :]


ARCHIVES: dict[str, tuple[str, Callable[[bytes, bytes], bytes]]] = {
    "two members": ("read", lambda a, b: a + b),
    "one member": ("read", lambda a, b: a),
    "truncated at 70 %": ("cut", lambda a, b: a[: len(a) * 7 // 10]),
    "the second member truncated": ("cut", lambda a, b: a + b[: len(b) // 2]),
    "the second member's head truncated": ("cut", lambda a, b: a + b[:7]),
    "its last byte missing": ("cut", lambda a, b: a + b[:-1]),
    "its check sum missing": ("cut", lambda a, b: a + b[:-4]),
    "a header alone": ("cut", lambda a, b: a[:9]),
    "a bit flipped in the first member": ("damaged", lambda a, b: flipped(a, len(a) // 2) + b),
    "a bit flipped in the second member": ("damaged", lambda a, b: a + flipped(b, len(b) // 2)),
    "a wrong check sum": ("damaged", lambda a, b: a + flipped(b, len(b) - (8 if b[:1] == b"\x1f" else 1))),
    "garbage at the end": ("damaged", lambda a, b: a + b + b"garbage!"),
    "garbage between the members": ("damaged", lambda a, b: a + b"garbage!" + b),
    "zeros at the end": ("zeros", lambda a, b: a + b + bytes(512)),
    "nothing": ("empty", lambda a, b: b""),
    "zeros": ("other", lambda a, b: bytes(512)),
    "not packed": ("other", lambda a, b: b"".join(line + b"\n" for line in GOOD)),
}

MESSAGES = {
    "cut": r"data is (cut off: no end mark after \d+ stored bytes|damaged \()",
    "damaged": r"data is (damaged \(.*\), at about stored byte \d+|cut off: no end mark)",
    "zeros": r"data is (damaged|cut off)",
    "empty": r"is empty, not even a (gzip|zstd) header",
    "other": r"by its name this is (gzip|zstd), by its bytes something that begins with",
}


@pytest.mark.parametrize("case", ARCHIVES)
@pytest.mark.parametrize("ending", ["jsonl.gz", "jsonl.zst", "txt.gz", "txt.zst"])
@pytest.mark.parametrize("on_bad", ["fail", "skip"])
@pytest.mark.parametrize("documents", ["file", "line"])
def test_a_damaged_archive_is_refused_and_a_sound_one_is_read(tmp_path, case, ending, on_bad, documents):
    wanted, make = ARCHIVES[case]
    pack = PACK[ending.rpartition(".")[2]]
    path = tmp_path / f"a.{ending}"
    path.write_bytes(make(*(pack(line * 20 + b"\n") if "txt" in ending else pack(line + b"\n") for line in GOOD)))
    if wanted == "zeros" and ending.endswith("gz"):
        # tapes and tar pad with zeros, and gzip takes them
        wanted = "read"
    if wanted == "read":
        _, receipt = read_texts(path, on_bad, text_documents=documents)
        members = 1 if case == "one member" else 2
        assert receipt.documents == (1 if "txt" in ending and documents == "file" else members)
        assert receipt.source_bytes == path.stat().st_size
        assert not receipt.skipped
        return
    with pytest.raises(SourceError, match=rf"a\.{ending}.*{MESSAGES[wanted]}"):
        read_texts(path, on_bad, text_documents=documents)


def test_a_wrong_length_at_the_end_of_gzip_is_found(tmp_path):
    whole = gzip.compress(GOOD[0], mtime=0)
    (tmp_path / "a.jsonl.gz").write_bytes(whole[:-4] + (99).to_bytes(4, "little"))
    with pytest.raises(SourceError, match=r"the gzip data is damaged"):
        read_texts(tmp_path / "a.jsonl.gz")


def test_gzip_whose_head_names_a_file_is_read(tmp_path):
    packer = zlib.compressobj(wbits=-15)
    body = packer.compress(GOOD[0]) + packer.flush()
    head = b"\x1f\x8b\x08\x08" + bytes(5) + b"\x03name\0"
    tail = zlib.crc32(GOOD[0]).to_bytes(4, "little") + len(GOOD[0]).to_bytes(4, "little")
    (tmp_path / "a.jsonl.gz").write_bytes(head + body + tail)
    assert read_texts(tmp_path / "a.jsonl.gz")[0] == [b"great auk"]


# F10: hostile lines, each with what it must give: a text, or the reason for which it is none

LINES: dict[str, tuple[bytes, bytes | str]] = {
    "a document": (b'{"text": "a"}', b"a"),
    "NaN beside the text": (b'{"text": "a", "x": NaN, "y": [Infinity, -Infinity]}', b"a"),
    "a byte order mark in the middle of a file": (b'\xef\xbb\xbf{"text": "a"}', "not JSON"),
    "half a surrogate pair": (rb'{"text": "a\ud800b"}', "a\ufffdb".encode()),
    "a whole surrogate pair": (rb'{"text": "\ud83d\udc26"}', "\U0001f426".encode()),
    "the text twice": (b'{"text": "b", "text": "a"}', b"a"),
    "an escaped NUL": (rb'{"text": "a\u0000"}', b"a\0"),
    "a raw NUL": (b'{"text": "a\0"}', "NUL byte"),
    "a raw tab": (b'{"text": "a\t"}', "not JSON"),
    "Latin-1": (b'{"text": "\xe9"}', "invalid UTF-8"),
    "an overlong slash": (b'{"text": "\xc0\xaf"}', "invalid UTF-8"),
    "null for a text": (b'{"text": null}', "text is no string"),
    "a number for a text": (b'{"text": 5}', "text is no string"),
    "a list for a text": (b'{"text": ["a"]}', "text is no string"),
    "cut off in the text": (b'{"text": "a', "not JSON"),
    "a bare string": (b'"text"', "not an object"),
    "deep brackets": (b'{"text": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    "brackets that never close": (b"[" * 100_000, "nested too deeply"),
    "a number of 100,000 digits": (b'{"text": "a", "x": ' + b"9" * 100_000 + b"}", b"a"),
}


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "jsonl.zst"])
@pytest.mark.parametrize("giant", [False, True])
def test_a_hostile_line_gives_its_text_or_its_reason(tmp_path, name, ending, giant):
    line, wanted = LINES[name]
    if giant:
        # beyond the limit for a line, with what is hostile at the end, or blanks where it has no end
        pad = b'{"pad": "' + b"x" * 100_000 + b'", '
        line = pad + line[1:] if line.startswith(b"{") else b" " * 100_000 + line
    path = tmp_path / f"a.{ending}"
    pack = PACK.get(ending.rpartition(".")[2], bytes)
    path.write_bytes(pack(b"\n".join([GOOD[0], line, GOOD[1]])))
    texts, receipt = read_texts(path, "skip", most_bytes=1 << 20)
    between = [wanted] if isinstance(wanted, bytes) else []
    assert texts == [b"great auk", *between, "Großer Alk".encode()]
    if isinstance(wanted, str):
        assert receipt.skipped_where == [f"{path}:2: {wanted}"]
        with pytest.raises(BadRecord, match=rf"a\.{ending}:2: .*To skip such records"):
            read_texts(path, most_bytes=1 << 20)


def test_a_byte_order_mark_at_the_beginning_is_taken_away(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"\xef\xbb\xbf" + GOOD[0])
    texts, receipt = read_texts(tmp_path / "a.jsonl")
    assert (texts, receipt.repaired) == ([b"great auk"], {"byte order mark": 1})


def test_thirty_kilobytes_of_zstd_that_hold_64_mib_of_zeros_are_one_bad_line(tmp_path):
    packer = zstd.ZstdCompressor()
    zeros = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    (tmp_path / "a.jsonl.zst").write_bytes(zstd.compress(GOOD[0] + b"\n") + zeros + zstd.compress(b"\n" + GOOD[1]))
    texts, receipt = read_texts(tmp_path / "a.jsonl.zst", "skip", spool=tmp_path)
    assert (len(texts), receipt.skipped) == (2, {"NUL byte": 1})


# Any bytes at all

SOUP = st.lists(
    st.sampled_from([b'{"text": "', b'"', b"\\", b"\n", b"{", b"}", b",", b":", b"\xff", b"\0", b"auk", b"[", b"]"])
    | st.binary(max_size=4),
    max_size=30,
).map(b"".join)


@given(data=SOUP, kind=st.sampled_from(["jsonl", "text", "lines"]))
@settings(max_examples=200 * SCALE, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_as_the_standard_library_reads_them(tmp_path, data, kind):
    path = tmp_path / KINDS[kind][0]
    path.write_bytes(data)
    if recognise(data[:8]) is not None:
        with pytest.raises(SourceError, match="by its name this is uncompressed text"):
            read_all(path, kind, "skip", 1 << 30)
    else:
        check(kind, read_all(path, kind, "skip", 1 << 30), data)


FOUND = {
    "an empty text in a line that is long beside it was lost": ("jsonl", 35),
    "a footer ended the process: a histogram of impossible size": ("parquet", 136),
    "a footer ended the process: a codec of no known number": ("parquet", 106_492),
    "rows were lost where a column ended early": ("parquet", 1790),
    "the name of a column was no UTF-8": ("parquet", 2224),
    "the positions in a dictionary had no bytes": ("arrow stream", 545),
}


@pytest.mark.parametrize("what", FOUND)
def test_what_the_fuzzer_has_found_stays_found(tmp_path, what):
    kind, number = FOUND[what]
    command = [sys.executable, "-m", "tests.faults.corpora", kind, str(number), "1", str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("kind", KINDS)
def test_files_with_wounds_anywhere_are_refused_or_read_as_they_are(tmp_path, kind):
    """In a process by itself, so that a crash fails a test and a hang ends it."""
    outcomes: Counter[str] = Counter()
    for first in range(0, CASES * SCALE, CASES):
        command = [sys.executable, "-m", "tests.faults.corpora", kind, str(first), str(CASES), str(tmp_path)]
        done = subprocess.run(
            command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, f"case {(tmp_path / 'case').read_text()}:\n{done.stderr[-3000:]}"
        outcomes.update(json.loads(done.stdout))
    assert outcomes.total() == CASES * SCALE
    tell("F10", kind=kind, cases=outcomes.total(), **{name.replace(" ", "_"): n for name, n in outcomes.items()})
    # the wounds tell, and not all are deadly
    assert outcomes["refused"] + outcomes["read in part"] > CASES // 4
    assert outcomes["read"] > CASES // 100
