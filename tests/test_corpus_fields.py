"""Which fields are read: names, nested names, metadata; columns of every kind that holds strings."""

import json
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cooc.corpus import Fields, Receipt, find_sources, read, split

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "\\ud" not in json.dumps(value))


def read_file(path: Path, fields: Fields) -> tuple[list[str], list[dict], Receipt]:
    [source], _ = find_sources([path])
    receipt, texts, metadata = Receipt(), [], []
    for part in split(source, target_bytes=1 << 20):
        for batch in read(part, fields, receipt=receipt):
            data = batch.data.tobytes()
            texts += [data[a:b].decode() for a, b in pairwise(batch.offsets)]
            metadata += [json.loads(line)["metadata"] for line in batch.metadata]
    return texts, metadata, receipt


def save(path: Path, *records: dict) -> Path:
    path.write_text("\n".join(json.dumps(record) for record in records))
    return path


def test_fields_are_chosen_by_name(tmp_path):
    path = save(tmp_path / "a.jsonl", {"body": "a", "url": "u", "year": 1984, "text": "not this"})
    texts, metadata, _ = read_file(path, Fields(text="body", id="url", meta=("year",)))
    assert (texts, metadata) == (["a"], [{"id": "u", "year": 1984}])


def test_no_id_is_read_where_none_is_wanted(tmp_path):
    assert read_file(save(tmp_path / "a.jsonl", {"id": 1, "text": "a"}), Fields(id=None))[1] == [{}]


def test_dotted_names_reach_into_objects_unless_a_field_has_that_name(tmp_path):
    record = {"doc": {"text": "a", "meta": {"year": 1984}}, "doc.id": 5, "id": None}
    fields = Fields(text="doc.text", id="doc.id", meta=("doc.meta.year", "doc.meta.gone", "id.x"))
    texts, metadata, receipt = read_file(save(tmp_path / "a.jsonl", record), fields)
    assert texts == ["a"]
    assert metadata == [{"id": 5, "doc.meta.year": 1984, "doc.meta.gone": None, "id.x": None}]
    assert receipt.missing_meta == {"doc.meta.gone": 1, "id.x": 1}


def test_a_metadata_field_that_no_record_has_shows_in_the_receipt(tmp_path):
    path = save(tmp_path / "a.jsonl", {"text": "a", "year": 1}, {"text": "b", "year": None}, {"text": "c"})
    _, metadata, receipt = read_file(path, Fields(id=None, meta=("year", "yaer")))
    assert [entry["year"] for entry in metadata] == [1, None, None]
    assert receipt.missing_meta == {"yaer": 3, "year": 1}
    assert receipt.documents == 3


@given(values=st.lists(JSON, min_size=1, max_size=4), dotted=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_metadata_comes_back_as_it_was(tmp_path, values, dotted):
    path = save(tmp_path / "a.jsonl", *({"text": "a", "m": value, "o": {"m": value}} for value in values))
    name = "o.m" if dotted else "m"
    assert [entry[name] for entry in read_file(path, Fields(meta=(name,)))[1]] == values


TEXTS = ["", "grün", "a" * 40, "птица", "b"]
STRINGS = {
    "string": pa.array(TEXTS, pa.string()),
    "large_string": pa.array(TEXTS, pa.large_string()),
    "string_view": pa.array(TEXTS, pa.string_view()),
    "dictionary": pa.array(TEXTS, pa.string()).dictionary_encode(),
    "dictionary of large_string": pa.array(TEXTS, pa.large_string()).dictionary_encode(),
}


@pytest.mark.parametrize("width", ["int8", "uint8", "uint16", "int64", "uint64"])
def test_dictionaries_are_read_whatever_their_indices_are(tmp_path, width):
    indices = pa.array([1, 0, None, 1], getattr(pa, width)())
    column = pa.DictionaryArray.from_arrays(indices, pa.array(["grün", "a"]))
    table = pa.table({"text": column.drop_null(), "m": column.slice(1, 3)})
    with pa.ipc.new_file(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table)
    texts, metadata, _ = read_file(tmp_path / "a.arrow", Fields(id=None, meta=("m",)))
    assert texts == ["a", "grün", "a"]
    assert [entry["m"] for entry in metadata] == ["grün", None, "a"]


@pytest.mark.parametrize("kind", STRINGS)
@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_every_kind_of_string_column_is_read(tmp_path, kind, ending):
    table = pa.table({"n": range(5), "text": STRINGS[kind], "id": STRINGS[kind]})
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(table, path, row_group_size=2)
    else:
        with pa.ipc.new_file(path, table.schema) as writer:
            # a slice: its offsets begin in the middle of its buffers
            writer.write_table(table.slice(1, 3))
    texts, metadata, _ = read_file(path, Fields(meta=("n",)))
    first, last = (0, 5) if ending == "parquet" else (1, 4)
    assert texts == TEXTS[first:last]
    assert metadata == [{"id": TEXTS[i], "n": i} for i in range(first, last)]


@pytest.mark.parametrize("ending", ["parquet", "arrow"])
def test_nested_columns_are_read(tmp_path, ending):
    rows = [{"text": "a", "m": {"year": 1}}, {"text": "b", "m": None}, {"text": "c", "m": {"year": 3}}]
    table = pa.table({"doc": pa.array(rows), "x.y": [1, 2, 3]})
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table)
    fields = Fields(text="doc.text", id="x.y", meta=("doc.m.year", "doc.m", "doc.gone"))
    texts, metadata, receipt = read_file(path, fields)
    assert texts == ["a", "b", "c"]
    assert [entry["doc.m.year"] for entry in metadata] == [1, None, 3]
    assert [entry["doc.m"] for entry in metadata] == [{"year": 1}, None, {"year": 3}]
    assert [entry["id"] for entry in metadata] == [1, 2, 3]
    assert receipt.missing_meta == {"doc.gone": 3}


def test_dates_and_numbers_of_columns_are_told_in_json(tmp_path):
    path = tmp_path / "a.parquet"
    day = pa.array([0], pa.timestamp("ns"))
    pq.write_table(pa.table({"text": ["a"], "day": day, "share": [0.5], "list": [[1, 2]]}), path)
    [entry] = read_file(path, Fields(meta=("day", "share", "list")))[1]
    assert entry == {"id": None, "day": "1970-01-01 00:00:00.000000000", "share": 0.5, "list": [1, 2]}
