"""Columns of an Arrow record batch → documents: which columns, which rows, which bytes."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cooc.corpus.documents import Chunk, Job, view
from cooc.corpus.records import UNSET, wanted
from cooc.corpus.utf8 import fault
from cooc.errors import BadRecord, SourceError

SHOWN_COLUMNS = 20


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

    def documents(self, batch: Any, first_row: int) -> Chunk:
        """The documents of a record batch; `first_row` is the number of its first row in the file."""
        texts = plain_text(column_at(batch, self._text))
        others = {key: self._values(batch, key, way) for key, way in self._others}
        rows = list(range(first_row, first_row + len(texts)))
        bad = self._bad_rows(texts, others.get("id"), first_row)
        if bad:
            keep = [row - first_row for row in rows if row not in bad]
            texts = texts.take(pa.array(keep, pa.int64()))
            rows = [first_row + i for i in keep]
            others = {key: [values[i] for i in keep] for key, values in others.items()}
        keys = list(others)
        describe = self._job.describe
        if keys:
            columns = zip(rows, *others.values(), strict=True)
            metadata = [describe(row, dict(zip(keys, values, strict=True))) for row, *values in columns]
        else:
            metadata = [self._job.describe_bare(row) for row in rows]
        return Chunk(*text_bytes(texts), metadata)

    def _values(self, batch: Any, key: str, way: tuple[str, ...] | None) -> list[Any]:
        if way is None:
            return [UNSET] * batch.num_rows
        column = column_at(batch, way)
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            raise SourceError(f'{self._job.url}: column "{".".join(way)}" is damaged: {error}') from error
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.string())
        values: list[Any] = column.to_pylist()
        return values

    def _bad_rows(self, texts: Any, ids: list[Any] | None, first_row: int) -> set[int]:
        """Rows that are no documents, each reported; raises where they are not to be skipped."""
        errors: dict[int, tuple[str, str]] = {}
        if texts.null_count:
            detail = f'the text field "{self._job.fields.text}" is no string but null'
            nulls = np.flatnonzero(~np.asarray(texts.is_valid())).tolist()
            errors.update(dict.fromkeys(nulls, ("text is no string", detail)))
        try:
            texts.validate(full=True)
        except pa.ArrowInvalid:
            errors.update(self._invalid_utf8(texts))
        if self._job.fields.id_required and ids is not None:
            for i, value in enumerate(ids):
                if value is None:
                    errors.setdefault(i, ("no id field", f'the id field "{self._job.fields.id}" is null'))
        for i in sorted(errors):
            self._job.bad(BadRecord(self._job.at(first_row + i), *errors[i]))
        return {first_row + i for i in errors}

    def _invalid_utf8(self, texts: Any) -> dict[int, tuple[str, str]]:
        binary = texts.cast(pa.large_binary() if pa.types.is_large_string(texts.type) else pa.binary())
        try:
            binary.validate(full=True)
        except pa.ArrowInvalid as error:
            message = f"{self._job.url}: the text column is damaged: {error}. Fetch the file again"
            raise SourceError(message) from error
        errors = {}
        for i, value in enumerate(binary):
            found = None if not value.is_valid else fault(value.as_py(), nul_is_one=False)
            if found is not None:
                errors[i] = (found.reason, f"{found.what} at byte {found.at + 1} of the text")
        return errors


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
