"""The pages of a parquet column chunk by their headers: what reading them takes, told before they are read.

A header is a Thrift struct in the compact protocol (parquet-format, parquet.thrift: PageHeader); of it only the
fields below are looked at.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

HEADER_BYTES = 4 << 10
HEADER_AT_MOST = 16 << 20
SMALL_BYTES = 64 << 10
DICTIONARY_PAGE = 2

# numbers of fields in PageHeader, and in the headers of the three kinds of pages
KIND, SIZE, STORED = 1, 2, 3
KINDS = {0: 5, 2: 7, 3: 8}
VALUES = 1

LARGEST_LENGTH = 4


class DamagedPageError(Exception):
    """Bytes that are no page header."""


class Page(NamedTuple):
    """`size` bytes once decompressed, `stored` as they are in the file from `at` on."""

    at: int
    stored: int
    size: int
    values: int
    is_dictionary: bool


def pages(read: Callable[[int, int], bytes], start: int, stop: int, values: int) -> list[Page]:
    """The pages of a column chunk, which lies in `start`..`stop` and has so many values.

    `read(at, size)` gives up to `size` bytes of the file. Neighboring small pages are told as one.
    """
    found: list[Page] = []
    at, left = start, values
    while left > 0 and at < stop:
        page = page_at(read, at)
        at = page.at + page.stored
        left -= 0 if page.is_dictionary else page.values
        last = found[-1] if found else page
        if found and not page.is_dictionary and not last.is_dictionary and last.size + page.size < SMALL_BYTES:
            found[-1] = last._replace(size=last.size + page.size, values=last.values + page.values)
        else:
            found.append(page)
    return found


def page_at(read: Callable[[int, int], bytes], at: int) -> Page:
    """The page whose header begins here."""
    size = HEADER_BYTES
    while True:
        head = read(at, size)
        try:
            fields, length = struct_fields(head)
            break
        except IndexError:
            if len(head) < size or size >= HEADER_AT_MOST:
                raise DamagedPageError(f"no page header at byte {at}") from None
            size *= 16
    kind = fields.get(KIND)
    inner = fields.get(KINDS.get(kind, -1)) if isinstance(kind, int) else None
    numbers = fields.get(SIZE), fields.get(STORED), inner.get(VALUES) if isinstance(inner, dict) else None
    if not all(isinstance(number, int) and 0 <= number < 1 << 31 for number in numbers):
        raise DamagedPageError(f"no page header at byte {at}")
    whole, stored, values = (int(number or 0) for number in numbers)
    return Page(at + length, stored, whole, values, kind == DICTIONARY_PAGE)


def struct_fields(data: bytes, depth: int = 0) -> tuple[dict[int, Any], int]:
    """The integers and structs of a Thrift struct by field number, and its length; IndexError where it is cut."""
    if depth > 8:
        raise DamagedPageError("a page header is nested too deeply")
    fields: dict[int, Any] = {}
    at = number = 0
    while data[at]:
        step, kind = data[at] >> 4, data[at] & 15
        at += 1
        if step:
            number += step
        else:
            number, at = integer(data, at)
        fields[number], at = value(data, at, kind, depth)
    return fields, at + 1


def value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    """A value of this kind and where it ends; only integers, truths and structs are told."""
    if kind in (1, 2):
        return kind == 1, at
    if kind in (4, 5, 6):
        return integer(data, at)
    if kind == 12:
        # a view would keep the copy, but headers are small
        fields, length = struct_fields(data[at:], depth + 1)
        return fields, at + length
    if kind == 3:
        return None, at + 1
    if kind == 7:
        return None, at + 8
    if kind == 8:
        size, at = unsigned(data, at)
        return None, at + size
    raise DamagedPageError(f"a page header holds a field of kind {kind}")


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
        if shift > 63:
            raise DamagedPageError("a page header holds a number that is too long")


def integer(data: bytes, at: int) -> tuple[int, int]:
    number, at = unsigned(data, at)
    return (number >> 1) ^ -(number & 1), at


def longest_string(dictionary: bytes) -> int:
    """The length of the longest of the strings of a decompressed dictionary page, each behind its length."""
    at = longest = 0
    while at + LARGEST_LENGTH <= len(dictionary):
        size = int.from_bytes(dictionary[at : at + LARGEST_LENGTH], "little")
        longest = max(longest, size)
        at += LARGEST_LENGTH + size
    return min(longest, len(dictionary))


def most_in_a_row(found: list[Page], rows: int) -> int:
    """Bytes of the pages that any so many neighboring values can touch."""
    data = [page for page in found if not page.is_dictionary]
    most = size = values = first = 0
    for page in data:
        size += page.size
        values += page.values
        # from the last value of the first page on, the rows must reach this page
        while first < len(data) and values - data[first].values - page.values + 2 > rows and data[first] is not page:
            values -= data[first].values
            size -= data[first].size
            first += 1
        most = max(most, size)
    return most
