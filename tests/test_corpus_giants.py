"""Documents too large for memory are read as small ones would be, and within their memory."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cooc.corpus import Fields, Receipt, count_lines, find_sources, read, split
from cooc.corpus.documents import Job
from cooc.corpus.jsonl import GiantReader, RecordReader
from cooc.corpus.spool import Limits, Spool
from cooc.errors import BadRecord

class Pairs:
    """An object that may have a name twice."""

    def __init__(self, members: list[tuple[str, object]]) -> None:
        self.members = members


SETTINGS = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    st.sampled_from(["", "a", "é", "\U0001f600", '"', "\\", "\n", "x" * 90, 'ab"\\' * 30, "é\U0001f600" * 40, "\ud83d" * 20]),
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
            line[at:at] = draw(st.sampled_from([b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\xff", b"\xc3", b"1", b" \x0b", b"NaN"]))
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
        giant = GiantReader(job, spool, 7, limits).read()
        return giant and (b"".join(giant.pieces), giant.metadata), job.receipt


def outcome(read, *arguments):
    try:
        return read(*arguments)
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
