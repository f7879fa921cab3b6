"""One line of JSON → the text and other fields: a fast typed road, and a patient one for unusual lines."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from cooc.corpus.model import Fields
from cooc.errors import BadRecord

UNSET = msgspec.UNSET
SHOWN_FIELDS = 12
SHOWN_CHARACTERS = 100
DIGITS_KEPT = 4000

# What msgspec raises on a line that needs a second look.
UNUSUAL = (msgspec.MsgspecError, ValueError, RecursionError)


class Record(NamedTuple):
    """The text, the other values by their metadata key (UNSET where missing), whether the text was mended."""

    text: bytes
    values: dict[str, Any]
    repaired: bool = False


def wanted(fields: Fields) -> list[tuple[str, str]]:
    """(key in the metadata, name of the field) for each field beside the text."""
    return ([("id", fields.id)] if fields.id is not None else []) + [(name, name) for name in fields.meta]


def fast_decoder(fields: Fields) -> Callable[[bytes], Any] | None:
    """A decoder of just the fields asked for, in the order text, `wanted`; None where names are dotted.

    It raises on anything unusual, right or wrong, and `parse` then decides.
    """
    names = [fields.text, *(name for _, name in wanted(fields))]
    if len(set(names)) < len(names) or any("." in name for name in names):
        return None
    columns: list[Any] = [(f"f{i}", object, UNSET) if i else (f"f{i}", str) for i in range(len(names))]
    rename = {f"f{i}": name for i, name in enumerate(names)}
    decode: Callable[[bytes], Any] = msgspec.json.Decoder(
        msgspec.defstruct("Record", columns, rename=rename, gc=False)
    ).decode
    return decode


def parse(line: bytes, fields: Fields, where: str) -> Record:
    """The record in a line, as msgspec or else the standard library's json reads it, or BadRecord."""
    try:
        record = msgspec.json.decode(line)
    except UNUSUAL:
        record = load(line, where)
    if not isinstance(record, dict):
        raise not_an_object(where, record)
    return extract(record, fields, where)


def extract(record: dict[str, Any], fields: Fields, where: str) -> Record:
    text = lookup(record, fields.text)
    if text is UNSET:
        raise BadRecord(where, "no text field", no_field(fields.text, record, "--text-field"))
    if not isinstance(text, str):
        detail = f'the text field "{fields.text}" is no string but {kind_of(text)}'
        raise BadRecord(where, "text is no string", detail)
    values = {key: lookup(record, name) for key, name in wanted(fields)}
    if fields.id_required and values.get("id", UNSET) in (UNSET, None):
        raise BadRecord(where, "no id field", no_field(str(fields.id), record, "--id-field"))
    mended = repair(text)
    return Record(mended.encode(), repair_all(values), mended != text)


def load(line: bytes, where: str) -> Any:
    """What the standard library reads in a line: NaN and lone surrogates, too."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise invalid_utf8(where, error.start, line[error.start], error.reason) from None
    if "\0" in text:
        raise nul_byte(where, line.index(0))
    try:
        return decoder.decode(text)
    except RecursionError:
        raise BadRecord(where, "nested too deeply", "nested too deeply to be read as JSON") from None
    except ValueError as error:
        raise BadRecord(where, "not JSON", f"not JSON: {error}; begins with {shown(text)}") from None


def not_an_object(where: str, value: Any) -> BadRecord:
    detail = f"not an object but {kind_of(value)}; each line must hold one JSON object"
    return BadRecord(where, "not an object", detail)


def invalid_utf8(where: str, at: int, byte: int, reason: str) -> BadRecord:
    detail = f"invalid UTF-8: byte 0x{byte:02x} at byte {at + 1} of the line ({reason})"
    return BadRecord(where, "invalid UTF-8", detail)


def nul_byte(where: str, at: int) -> BadRecord:
    detail = f"a NUL byte at byte {at + 1} of the line; is this a text file, and whole?"
    return BadRecord(where, "NUL byte", detail)


def lookup(record: dict[str, Any], name: str) -> Any:
    """The value of a field; a dotted name is first the name of a field, then a way into nested objects."""
    if name in record:
        return record[name]
    value: Any = record
    for step in name.split("."):
        if not isinstance(value, dict) or step not in value:
            return UNSET
        value = value[step]
    return value


def no_field(name: str, record: dict[str, Any], option: str) -> str:
    there = ", ".join(f'"{shortened(str(key))}"' for key in list(record)[:SHOWN_FIELDS])
    more = f" and {len(record) - SHOWN_FIELDS} more" if len(record) > SHOWN_FIELDS else ""
    return f'no field "{name}"; there are: {there or "no fields"}{more}. Choose with {option}'


def shortened(name: str) -> str:
    return name if len(name) <= SHOWN_CHARACTERS else name[:SHOWN_CHARACTERS] + "…"


def kind_of(value: Any) -> str:
    if value is None:
        return "null"
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a string", list: "a list"}
    return kinds.get(type(value), "an object")


def repair(text: str) -> str:
    """The text with U+FFFD for each half of a surrogate pair, which JSON can spell and UTF-8 can't."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def repair_all(value: Any) -> Any:
    if isinstance(value, str):
        return repair(value)
    if isinstance(value, list):
        return [repair_all(item) for item in value]
    if isinstance(value, dict):
        return {repair(key): repair_all(item) for key, item in value.items()}
    return value


def shown(text: str) -> str:
    return repr(text[:40]) + ("…" if len(text) > 40 else "")


def _number(digits: str) -> int | float:
    # Python refuses to read integers beyond some thousand digits; nobody's text depends on them
    return int(digits) if len(digits) < DIGITS_KEPT else float(digits)


decoder = json.JSONDecoder(parse_int=_number)
