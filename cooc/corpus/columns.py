"""Columns of an Arrow record batch → documents: which columns, which rows, which bytes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cooc.corpus.documents import METADATA_BYTES, RECORD_BYTES, Chunk, Job, view
from cooc.corpus.records import UNSET, wanted
from cooc.corpus.utf8 import fault
from cooc.errors import BadRecord, SourceError

Array = NDArray[Any]

SHOWN_COLUMNS = 20
ROWS_AT_MOST = 8192
ARROW_ERRORS = (pa.ArrowException, OSError, ValueError, KeyError, MemoryError)

BINARY = {"string": pa.binary(), "large_string": pa.large_binary(), "string_view": pa.binary_view()}
LENGTHS = ("string", "large_string", "string_view", "binary", "large_binary", "binary_view")

LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)

# a value at any depth takes two bytes of JSON at least, as `0,` does, and a byte of a string one
WEIGHT_OF_ONE = (METADATA_BYTES // 2, METADATA_BYTES)
WEIGHT_AT_ONCE = (METADATA_BYTES // 2, 8 * METADATA_BYTES)
TOO_LARGE = object()


class Columns:
    """The columns of one schema that hold the fields asked for."""

    def __init__(self, schema: Any, job: Job) -> None:
        self._job, fields = job, job.fields
        text = resolve(schema, fields.text)
        if text is None:
            raise SourceError(missing_column(job.url, schema, fields.text, "--text-field"))
        found = type_at(schema, text)
        if not is_text(found):
            column = f'{job.url}: column "{fields.text}"'
            raise SourceError(f"{column} holds {found}, not strings. Choose another with --text-field")
        self._text = text
        self._others = [(key, resolve(schema, name)) for key, name in wanted(fields)]
        if fields.id_required and dict(self._others).get("id") is None:
            raise SourceError(missing_column(job.url, schema, str(fields.id), "--id-field"))
        ways = [text, *(way for _, way in self._others if way is not None)]
        self.text_path = ".".join(text)
        self.paths = list(dict.fromkeys(".".join(way) for way in ways))
        self.indices = sorted({schema.names.index(way[0]) for way in ways})

    def reads(self, path: str) -> bool:
        """Whether a stored column belongs to a field that is read."""
        return any(path == wanted or path.startswith(f"{wanted}.") for wanted in self.paths)

    def documents(self, batch: Any, first_row: int, chunk_bytes: int) -> Iterator[Chunk]:
        """The documents of a record batch, so many at once as fit; `first_row` is the number of its first row."""
        try:
            batch.validate()
        except ARROW_ERRORS as error:
            message = f"{self._job.url}: the rows from {first_row} on are damaged: {error}. Fetch the file again"
            raise SourceError(message) from error
        text = column_at(batch, self._text)
        self._check(text, ".".join(self._text))
        others = {key: column_at(batch, way) for key, way in self._others if way is not None}
        for key, column in others.items():
            self._check(column, key, utf8=True)
        if pa.types.is_dictionary(text.type):
            # once for all slices; the positions are not touched
            text = pa.DictionaryArray.from_arrays(text.indices, text.dictionary.cast(pa.large_string()))
        columns = list(others.values())
        for start, stop in slices(lengths(text), columns, chunk_bytes):
            size = stop - start
            values = {key: self._values(column.slice(start, size)) for key, column in others.items()}
            values = {key: values.get(key, [UNSET] * size) for key, _ in self._others}
            yield self._chunk(plain_text(text.slice(start, size)), values, first_row + start)

    def _chunk(self, texts: Any, values: dict[str, list[Any]], first_row: int) -> Chunk:
        metadata, errors = self._described(values, first_row, len(texts))
        # what is wrong with a text goes before what is wrong with its metadata
        errors.update(self._bad_texts(texts, first_row))
        for i in sorted(errors):
            self._job.bad(errors[i])
        if errors:
            keep = [i for i in range(len(texts)) if i not in errors]
            texts = texts.take(pa.array(keep, pa.int64()))
            metadata = [metadata[i] for i in keep]
        return Chunk(*text_bytes(texts), metadata)

    def _described(
        self, values: dict[str, list[Any]], first_row: int, rows: int
    ) -> tuple[list[bytes], dict[int, BadRecord]]:
        """The metadata line of each row, and what is wrong with those that have none."""
        if not values:
            return [self._job.describe_bare(first_row + i) for i in range(rows)], {}
        lines: list[bytes] = []
        errors: dict[int, BadRecord] = {}
        keys = list(values)
        for i, row in enumerate(zip(*values.values(), strict=True)):
            entry = dict(zip(keys, row, strict=True))
            try:
                if self._job.fields.id_required and entry["id"] is None:
                    detail = f'the id field "{self._job.fields.id}" is null'
                    raise BadRecord(self._job.at(first_row + i), "no id field", detail)
                if TOO_LARGE in row:
                    raise self._job.too_large(first_row + i)
                lines.append(self._job.describe(first_row + i, entry))
            except BadRecord as error:
                errors[i] = error
                lines.append(b"")
        return lines, errors

    def _check(self, column: Any, name: str, *, utf8: bool = False) -> None:
        """SourceError where positions in a column lead nowhere; with `utf8` also where its strings are none."""
        try:
            column.validate(full=True)
        except ARROW_ERRORS as error:
            wrong: Exception | None = error if utf8 else _fault_of_places(column, error)
            if wrong is not None:
                message = f'{self._job.url}: column "{name}" is damaged: {wrong}. Fetch the file again'
                raise SourceError(message) from wrong

    def _values(self, column: Any) -> list[Any]:
        if len(column) == 1 and beyond(column, *WEIGHT_OF_ONE):
            return [TOO_LARGE]
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.string())
        values: list[Any] = column.to_pylist()
        return values

    def _bad_texts(self, texts: Any, first_row: int) -> dict[int, BadRecord]:
        errors: dict[int, BadRecord] = {}
        if texts.null_count:
            detail = f'the text field "{self._job.fields.text}" is no string but null'
            for i in np.flatnonzero(~np.asarray(texts.is_valid())).tolist():
                errors[i] = BadRecord(self._job.at(first_row + i), "text is no string", detail)
        try:
            texts.validate(full=True)
        except pa.ArrowInvalid:
            binary = texts.cast(BINARY[str(texts.type)])
            for i, value in enumerate(binary):
                found = None if not value.is_valid else fault(value.as_py(), nul_is_one=False)
                if found is not None:
                    detail = f"{found.what} at byte {found.at + 1} of the text"
                    errors[i] = BadRecord(self._job.at(first_row + i), found.reason, detail)
        return errors


def _fault_of_places(column: Any, error: Exception) -> Exception | None:
    """What is wrong with a column of strings that is invalid, if it is not the strings' bytes alone."""
    try:
        if pa.types.is_dictionary(column.type):
            column.indices.validate(full=True)
            ends = pc.min_max(column.indices).as_py()
            if ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] < len(column.dictionary):
                return error
            column = column.dictionary
        if str(column.type) not in BINARY:
            return error
        column.cast(BINARY[str(column.type)]).validate(full=True)
    except ARROW_ERRORS as worse:
        return worse
    return None


def slices(text: Array, others: list[Any], chunk_bytes: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows whose text takes about `chunk_bytes`, and whose other values are not too many as objects."""
    ends = np.cumsum(text + RECORD_BYTES)
    start = 0
    while start < len(text):
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + max(chunk_bytes, 1), side="right"))
        stop = min(max(stop, start + 1), start + ROWS_AT_MOST)
        while stop > start + 1 and any(beyond(o.slice(start, stop - start), *WEIGHT_AT_ONCE) for o in others):
            stop = start + (stop - start) // 2
        yield start, stop
        start = stop


def beyond(column: Any, elements: int, size: int) -> bool:
    """Whether the values of a column are more than so many, at any depth, or their strings larger."""
    found = weight(column)
    return found[0] > elements or found[1] > size


def weight(column: Any) -> tuple[int, int]:
    """(values at any depth, bytes of strings) of an array."""
    kind, rows = column.type, len(column)
    if pa.types.is_struct(kind):
        inner = [weight(child) for child in column.flatten()]
        return rows + sum(n for n, _ in inner), sum(size for _, size in inner)
    if any(is_one(kind) for is_one in LISTS):
        counted = rows * kind.list_size if pa.types.is_fixed_size_list(kind) else _values_in(column)
        if counted > WEIGHT_AT_ONCE[0]:
            return rows + counted, 0
        values, size = weight(column.flatten())
        return rows + values, size
    if pa.types.is_map(kind):
        (keys, keys_size), (items, items_size) = weight(column.keys), weight(column.items)
        return rows + keys + items, keys_size + items_size
    if pa.types.is_fixed_size_binary(kind):
        return rows, rows * kind.byte_width
    if pa.types.is_dictionary(kind) or str(kind) in LENGTHS:
        return rows, int(lengths(column).sum())
    return rows, column.nbytes if pa.types.is_nested(kind) else 0


def _values_in(lists: Any) -> int:
    # views of lists may overlap, so that there are more values than are stored
    return pc.sum(pc.list_value_length(lists)).as_py() or 0


def lengths(column: Any) -> Array:
    """The bytes of each string, 0 for null; for any kind of strings, and dictionaries of anything."""
    found = column.type
    if pa.types.is_dictionary(found):
        if str(found.value_type) not in LENGTHS:
            return np.zeros(len(column), dtype=np.int64)
        each = lengths(column.dictionary)
        indices = column.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        # the last is that of null
        sizes: Array = np.append(each, 0)[indices]
        return sizes
    if str(found).endswith("_view"):
        views = column.buffers()[1]
        stored = np.frombuffer(views, dtype=np.int32)[0::4] if views is not None else np.zeros(0, np.int32)
        each = stored[column.offset : column.offset + len(column)].astype(np.int64)
        return np.where(np.asarray(column.is_valid()), each, 0)
    counted: Array = pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return counted


def resolve(schema: Any, name: str) -> tuple[str, ...] | None:
    """The way to a field: a column of that very name, else dotted steps into structs."""
    if name in schema.names:
        return (name,)
    way = tuple(name.split("."))
    return way if type_at(schema, way) is not None else None


def type_at(schema: Any, way: tuple[str, ...]) -> Any:
    if way[0] not in schema.names:
        return None
    found = schema.field(way[0]).type
    for step in way[1:]:
        if not pa.types.is_struct(found) or found.get_field_index(step) < 0:
            return None
        found = found.field(step).type
    return found


def is_text(found: Any) -> bool:
    if pa.types.is_dictionary(found):
        found = found.value_type
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(kind(found) for kind in kinds)


def column_at(batch: Any, way: tuple[str, ...]) -> Any:
    column = batch.column(way[0])
    # struct_field, not .field(): a null struct has null fields
    return pc.struct_field(column, list(way[1:])) if len(way) > 1 else column


def plain_text(column: Any) -> Any:
    """The column as string or large_string."""
    if pa.types.is_dictionary(column.type):
        return column.dictionary.cast(pa.large_string()).take(column.indices)
    if pa.types.is_string_view(column.type):
        return column.cast(pa.large_string())
    return column


def text_bytes(texts: Any) -> tuple[Any, Any]:
    """(data, offsets) of an array without nulls, over Arrow's own buffer."""
    if not len(texts):
        return view(b""), np.zeros(1, dtype=np.int64)
    _, positions, data = texts.buffers()
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    stored = np.frombuffer(positions, dtype=width)[texts.offset : texts.offset + len(texts) + 1]
    offsets = stored.astype(np.int64)
    begin, end = int(offsets[0]), int(offsets[-1])
    return view(data if data is not None else b"")[begin:end], offsets - begin


def missing_column(url: str, schema: Any, name: str, option: str) -> str:
    there = ", ".join(f'"{column}"' for column in schema.names[:SHOWN_COLUMNS])
    more = f" and {len(schema.names) - SHOWN_COLUMNS} more" if len(schema.names) > SHOWN_COLUMNS else ""
    return f'{url}: no column "{name}"; there are: {there or "none"}{more}. Choose with {option}'
