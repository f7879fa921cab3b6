"""Which documents are meant by "year < 1900 and source in (news, web)"?

    expression  = all-of ("or" all-of)*
    all-of      = one ("and" one)*
    one         = "not" one | "(" expression ")" | field test
    test        = ("=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~") value | ["not"] "in" "(" value ("," value)* ")"

A field is one of --meta-field by its name as given then ("meta.year" too), or `id`, `path` or `linenum`; a value
is a number, a word, or anything in quotes. `~` asks whether a text holds another. Capitals matter in values and
fields, not in and, or, not, in.

If either side is a number, both are read as numbers: "1899" < 1900, and 1900 = "1900.0". Else both are text,
compared character by character, so dates like 2019-05-01 have their order. A text that is no number differs from
every number, and is neither less nor more.

What is missing, null, a list or an object, or has no order to the value, is *unknown*, and so are `not` of it and
what depends on it, as in SQL: a document about which the expression says nothing never matches.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.errors import DamagedIndex, UsageError
from cooc.index.reader import Index

Value = str | int | float | bool | None
Truth = bool | None
"""None is unknown."""

LONGEST = 10_000
"""Characters of an expression, so that it nests no deeper than Python can follow."""
DEEPEST = 50
LINES_READ = 4 << 20
"""Bytes of metadata looked at together."""

TOKEN = re.compile(r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*')|(?P<sign>==|!=|<=|>=|[=<>~(),])|(?P<word>[^\s"'=!<>~(),]+))""")
NUMBER = re.compile(r"[-+]?(\d{1,300}(\.\d{0,300})?|\.\d{1,300})([eE][-+]?\d{1,4})?", re.ASCII)
SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
PLACES = ("path", "linenum")
"""Fields every document has: its file, and its line there."""


class Matches(NamedTuple):
    """Which documents match, and of how many the expression says nothing."""

    mask: NDArray[np.bool_]
    unknown: int


class Test(NamedTuple):
    """A comparison of one field."""

    field: str
    sign: str
    values: tuple[Value, ...]

    def truth(self, values: dict[str, Value]) -> Truth:
        found = values[self.field]
        if found is None:
            return None
        if self.sign == "in":
            return any(compared(found, "=", value) for value in self.values)
        return compared(found, self.sign, self.values[0])


class Not(NamedTuple):
    part: Node

    def truth(self, values: dict[str, Value]) -> Truth:
        found = self.part.truth(values)
        return None if found is None else not found


class Joined(NamedTuple):
    """All of the parts, or any; what is unknown decides only where the others don't."""

    word: str
    parts: tuple[Node, ...]

    def truth(self, values: dict[str, Value]) -> Truth:
        found = {part.truth(values) for part in self.parts}
        decisive = self.word == "or"
        return decisive if decisive in found else None if None in found else not decisive


Node = Test | Not | Joined


def mask_of(index: Index, expression: str) -> NDArray[np.bool_]:
    """Whether each document matches, by its number; read-only."""
    return matches_of(index, expression).mask


def matches_of(index: Index, expression: str) -> Matches:
    """The documents that match; kept with the index, for the next who asks.

    Reads the metadata once, some 200,000 documents a second. Raises `UsageError` for an expression that is
    none or names a field that the index does not keep, `DamagedIndex` for metadata that is none.
    """
    known: dict[str, Matches] = vars(index).setdefault("_matches", {})
    if expression not in known:
        node = parsed(expression, fields_of(index))
        while len(known) >= 16:
            known.pop(next(iter(known)))
        known[expression] = _matches(index, node)
    return known[expression]


def fields_of(index: Index) -> list[str]:
    """The fields an expression may ask for."""
    return list(dict.fromkeys((*index.manifest.parameters.meta_fields, "id", *PLACES)))


def parsed(expression: str, fields: list[str]) -> Node:
    """The expression as a tree.

    >>> parsed("year < 1900 and not source = 'old news'", ["year", "source"]).truth({"year": "1899", "source": "web"})
    True
    """
    if len(expression) > LONGEST:
        raise UsageError(f"--where has {len(expression):,} characters; at most {LONGEST:,} are read.")
    parser = _Parser(expression, fields)
    node = parser.joined("or")
    if parser.here.text:
        raise parser.unexpected("and, or, or the end")
    return node


def compared(found: Any, sign: str, value: Value) -> Truth:
    """Whether the value found stands in that relation to the one asked for.

    >>> compared("1899", "<", 1900), compared("b", "<", "a"), compared("unknown", "<", 1900)
    (True, False, None)
    """
    left, right = plain(found), plain(value)
    if left is None or right is None:
        return None
    if sign == "~":
        return str(right) in str(left)
    if isinstance(left, str) and isinstance(right, str):
        return SIGNS[sign](left, right)
    left, right = number(left), number(right)
    if left is None or right is None:
        return {"=": False, "==": False, "!=": True}.get(sign)
    return SIGNS[sign](left, right)


def plain(value: Any) -> str | int | float | None:
    """A value as something that compares; None for what does not."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str | int | float) else None


def number(value: str | int | float) -> int | float | None:
    """The number that a value is or, as text, looks like; an infinite one is none."""
    if not isinstance(value, str):
        return value
    if not NUMBER.fullmatch(value.strip()):
        return None
    try:
        return int(value)
    except ValueError:
        found = float(value)
        return found if abs(found) != float("inf") else None


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


class _Parser:
    """Reads an expression from left to right, one token ahead."""

    def __init__(self, expression: str, fields: list[str]) -> None:
        self.expression, self.fields, self.depth = expression, fields, 0
        self._tokens = self._cut()
        self.here = next(self._tokens)

    def _cut(self) -> Iterator[_Token]:
        place, end = 0, len(self.expression.rstrip())
        while place < end:
            found = TOKEN.match(self.expression, place)
            if found is None:
                raise UsageError(
                    f'--where "{self.expression}": can\'t read on at "{self.expression[place:].strip()[:20]}". '
                    "Put a value with such characters in quotes."
                )
            place, kind = found.end(), found.lastgroup or ""
            yield _Token(kind, found[kind], found.start(kind))
        yield _Token("end", "", end)

    def unexpected(self, wanted: str) -> UsageError:
        found = f'"{self.expression[self.here.place :][:20]}"' if self.here.text else "the end"
        return UsageError(f'--where "{self.expression}": expected {wanted} at {found}. Example: year < 1900')

    def take(self) -> _Token:
        token, self.here = self.here, next(self._tokens, _Token("end", "", len(self.expression)))
        return token

    def takes(self, *texts: str) -> str | None:
        """The sign or keyword here, if it is one of these."""
        text = self.here.text.lower()
        return self.take().text.lower() if self.here.kind in ("sign", "word") and text in texts else None

    def joined(self, word: str) -> Node:
        parts = [self.joined("and") if word == "or" else self.one()]
        while self.takes(word):
            parts.append(self.joined("and") if word == "or" else self.one())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def one(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise UsageError(f"--where nests deeper than {DEEPEST} parentheses.")
        if self.takes("not"):
            node: Node = Not(self.one())
        elif self.takes("("):
            node = self.joined("or")
            if not self.takes(")"):
                raise self.unexpected('")"')
        else:
            node = self.test()
        self.depth -= 1
        return node

    def test(self) -> Node:
        if self.here.kind not in ("word", "quoted"):
            raise self.unexpected("a field")
        field = self.field(self.take())
        if sign := self.takes(*SIGNS, "~"):
            return Test(field, sign, (self.value(),))
        negated = self.takes("not")
        if not self.takes("in"):
            raise self.unexpected("in (…)" if negated else "=, !=, <, <=, >, >=, ~ or in")
        if not self.takes("("):
            raise self.unexpected('"("')
        values = [self.value()]
        while self.takes(","):
            values.append(self.value())
        if not self.takes(")"):
            raise self.unexpected('"," or ")"')
        test = Test(field, "in", tuple(values))
        return Not(test) if negated else test

    def field(self, token: _Token) -> str:
        name = token.text[1:-1] if token.kind == "quoted" else token.text
        if name not in self.fields:
            near = difflib.get_close_matches(name, self.fields, n=3, cutoff=0.5)
            raise UsageError(
                f'there is no field "{name}".' + (f" Did you mean {' or '.join(near)}?" if near else "")
                + f" The index keeps {', '.join(self.fields)}; to ask for another, build it with --meta-field {name}."
            )  # fmt: skip
        return name

    def value(self) -> Value:
        if self.here.kind == "quoted":
            return self.take().text[1:-1]
        if self.here.kind != "word":
            raise self.unexpected("a value")
        text = self.take().text
        found = number(text)
        return text if found is None else found


def asked(node: Node) -> list[str]:
    """The fields a tree asks for."""
    if isinstance(node, Test):
        return [node.field]
    parts = (node.part,) if isinstance(node, Not) else node.parts
    return list(dict.fromkeys(field for part in parts for field in asked(part)))


def _matches(index: Index, node: Node) -> Matches:
    fields = asked(node)
    mask = np.zeros(index.manifest.documents, bool)
    unknown = 0
    known: dict[tuple[Any, ...], Truth] = {}  # of a field like the year there are few values

    def decide(values: tuple[Any, ...]) -> Truth:
        values = tuple(map(plain, values))
        key = (*values, *map(type, values))  # 1 and 1.0 are equal, but not as the texts that `~` looks into
        found = known.get(key, node)
        if found is node:
            if len(known) >= 1 << 16:
                known.clear()
            found = known[key] = node.truth(dict(zip(fields, values, strict=True)))
        return found  # type: ignore[return-value]

    for document, values in enumerate(field_values(index, fields)):
        truth = decide(values)
        if truth:
            mask[document] = True
        elif truth is None:
            unknown += 1
    mask.flags.writeable = False
    return Matches(mask, unknown)


class Line(msgspec.Struct):
    """A line of the metadata."""

    path: str
    linenum: int
    metadata: dict[str, Any]


def field_values(index: Index, fields: list[str]) -> Iterator[tuple[Any, ...]]:
    """The values of some fields of each document, in order; None where there is none."""
    decode, kept = msgspec.json.Decoder(Line).decode, index.manifest.parameters.meta_fields
    places = [(field, field in PLACES and field not in kept) for field in fields]
    for document, text in metadata_lines(index):
        try:
            line = decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise DamagedIndex(
                f"{index.tokens.metadata.path}: line {document + 1:,} is no metadata: {error}. "
                "Restore it or build again."
            ) from error
        held = line.metadata
        yield tuple([getattr(line, field) if place else held.get(field) for field, place in places])


def metadata_lines(index: Index) -> Iterator[tuple[int, bytes]]:
    """Number and metadata line of each document; some are read together, no more than a few MB."""
    held, store = index.manifest.documents, index.tokens
    places = store.metadata_offsets
    if len(places) != 8 * held:
        raise DamagedIndex(f"{places.path}: has {len(places):,} bytes; expected {8 * held:,}, eight a document.")
    step = 1 << 16
    for first in range(0, held, step):
        last = min(first + step, held)
        starts = places.slice(8 * first, 8 * min(last + 1, held)).view("<u8")
        edges = np.append(starts, np.uint64(len(store.metadata))) if last == held else starts
        if (edges[1:] <= edges[:-1]).any() or int(edges[-1]) > len(store.metadata):
            raise DamagedIndex(f"{places.path}: lines {first + 1:,} to {last:,} do not follow each other.")
        begin = 0
        while begin < last - first:
            end = max(begin + 1, int(np.searchsorted(edges, edges[begin] + np.uint64(LINES_READ), "right")) - 1)
            base = int(edges[begin])
            data = store.metadata.slice(base, int(edges[end])).tobytes()
            places_here = (edges[begin : end + 1] - edges[begin]).tolist()
            for place in range(end - begin):
                yield first + begin + place, data[places_here[place] : places_here[place + 1]]
            begin = end
