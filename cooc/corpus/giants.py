"""One giant line of JSON in a spool → its fields, without holding it.

The line is read in blocks. A long string is checked and left where it is, and a short one that names its place
stands for it; what remains is the skeleton of the line, and it is parsed in fragments. A fragment ends after a
comma or a bracket, and is parsed between the brackets that are open around it, closed behind it, so that a
decoder accepts all fragments where it would accept the line. Of each only the fields that are wanted are kept,
and a large value that is not is passed over. So a line is read as a short one would be, by the same decoders.
"""

import re
import secrets
from typing import Any

from cooc.corpus.kept import TOO_LARGE, Frame, tree_of
from cooc.corpus.model import Fields
from cooc.corpus.records import wanted
from cooc.corpus.roads import Plain, Rejected, Road
from cooc.corpus.spool import BLOCK_BYTES, Limits, Spool
from cooc.corpus.structure import Marks, marks_of, open_after, unescaped_quotes, whole_characters
from cooc.corpus.utf8 import unfinished

SPACE = b" \t\r\n"
SQUEEZED = 1024

NAME = secrets.token_hex(16)
"""What no string of a corpus begins with: here a string is not itself but stands for one in the spool."""

FILLER = b'"%b":0' % NAME.encode()
CLOSED = bytes.maketrans(b"[{", b"]}")
BLANK = object()
PLAIN = Plain()


class Scan:
    """One reading of a giant line, by one road."""

    def __init__(self, spool: Spool, fields: Fields, road: Road, limits: Limits) -> None:
        self._spool, self._road, self._limits = spool, road, limits
        names = [fields.text, *(name for _, name in wanted(fields))]
        self._long = max(limits.string, *(6 * len(name.encode()) + 2 for name in names))
        self._tree = tree_of(fields)
        self._taken = 0
        # the skeleton from the end of the last fragment on; up to `_lexed` its long strings are replaced
        self._skeleton, self._lexed, self._wait = b"", 0, limits.fragment
        self._origin = 0
        self._removed: list[tuple[int, int]] = []
        # a long string that is being passed: where its content begins, and what of it is not checked yet
        self._string: int | None = None
        self._rest, self._is_good, self._characters = b"", True, 0
        # what is open: objects with wanted fields, and in the innermost a value that is passed over
        self._frames: list[Frame] = []
        self._passing, self._opened, self._state = False, b"", "start"
        self._odd_space: int | None = None
        self.value: Any = None

    def run(self) -> Any:
        """The wanted members of the object, or the value where it is none, or BLANK.

        Raises Rejected if this road can't read the line.
        """
        for block in self._spool.pieces(0, self._spool.size, BLOCK_BYTES):
            self._taken += len(block)
            if self._string is None:
                self._skeleton += block
            else:
                self._rest += block
            self._replace_long_strings()
            while len(self._skeleton) >= self._wait and self._step(last=False):
                pass
        if self._string is not None:
            self._end_inside_string()
        while self._step(last=True):
            pass
        return self.value

    # Long strings

    def _replace_long_strings(self) -> None:
        while (self._string is not None or self._enter_string()) and self._leave_string():
            pass

    def _enter_string(self) -> bool:
        """Whether a long string begins in what is new."""
        quotes = unescaped_quotes(self._skeleton[self._lexed :])
        starts, ends = quotes[0::2], quotes[1::2]
        long = starts[: len(ends)][ends - starts[: len(ends)] > self._long]
        if len(long):
            at = self._lexed + int(long[0])
        elif len(starts) > len(ends):
            at = self._lexed + int(starts[-1])
            if len(self._skeleton) - at <= self._long:
                self._lexed = at
                return False
        else:
            self._lexed = len(self._skeleton)
            return False
        self._rest, self._skeleton = self._skeleton[at + 1 :], self._skeleton[:at]
        self._string = self._taken - len(self._rest)
        self._is_good, self._characters = True, 0
        return True

    def _leave_string(self) -> bool:
        """Check what there is of a long string; whether it ended."""
        assert self._string is not None
        quotes = unescaped_quotes(self._rest)
        if not len(quotes):
            keep = whole_characters(self._rest)
            self._check(self._rest[:keep])
            self._rest = self._rest[keep:]
            return False
        end = int(quotes[0])
        self._check(self._rest[:end])
        self._rest = self._rest[end:]
        stop = self._taken - len(self._rest)
        name = f"{NAME}:{self._string}:{stop}"
        # bytes that are no UTF-8 are a fault only where the string is wanted: let the decoder find some there
        self._skeleton += b'"%b"' % (name.encode() + (b"" if self._is_good else b"\xff"))
        self._removed.append((len(self._skeleton), self._characters - len(name)))
        self._lexed = len(self._skeleton)
        self._skeleton += self._rest[1:]
        self._string, self._rest = None, b""
        return True

    def _check(self, content: bytes) -> None:
        try:
            self._is_good = self._road.check(content) and self._is_good
        except Rejected as error:
            if error.at is None:
                raise
            begin = self._begin_of_string()
            raise Rejected(error.what, begin + self._characters + error.at) from None
        if self._road.explains:
            self._characters += len(content.decode())

    def _begin_of_string(self) -> int:
        """Which character the long string begins with; Rejected where what is before it is at fault."""
        while self._step(last=False):
            pass
        begin = self._place(len(self._skeleton))
        if self._state == "end":
            raise Rejected("Extra data", begin)
        try:
            self._decode(self._skeleton, b'""')
        except Rejected as error:
            if error.at is None or error.at <= begin:
                raise
        return begin

    def _end_inside_string(self) -> None:
        begin = self._begin_of_string()
        try:
            self._road.decode(b'"' + self._rest)
        except Rejected as error:
            if not error.at:
                raise Rejected(error.what, begin) from None
            raise Rejected(error.what, begin + self._characters + error.at) from None

    # The skeleton

    def _step(self, *, last: bool) -> bool:
        """Parse a fragment, or drop one; whether there may be another."""
        if self._state == "start":
            return self._begin(last=last)
        if self._state == "end":
            return self._end()
        # while a long string is passed, the skeleton ends before it
        marks = marks_of(self._skeleton)
        found = self._pass_over(marks) if self._passing else self._take_members(marks, last=last)
        if found:
            self._wait = self._limits.fragment
            return True
        if last:
            self._decode(self._skeleton)
            raise Rejected("the line ends inside a value", self._place(len(self._skeleton)))
        return self._wait_for_more(marks)

    def _begin(self, *, last: bool) -> bool:
        """Find what kind of value the line holds."""
        stripped = self._skeleton.lstrip()
        blank = self._skeleton[: len(self._skeleton) - len(stripped)]
        odd = blank.lstrip(SPACE)
        if odd and self._odd_space is None:
            self._odd_space = self._place(len(blank) - len(odd))
        if not stripped and not last:
            self._drop(len(blank))
            return False
        if not stripped:
            self.value = BLANK
            return False
        if self._odd_space is not None:
            raise Rejected("Expecting value", self._odd_space)
        self._drop(len(blank))
        if stripped[:1] == b"{":
            self._frames.append(Frame(self._tree, {}))
            self.value = self._frames[0].record
        elif stripped[:1] == b"[":
            self._passing, self._opened, self.value = True, b"[", []
        elif last:
            self.value = self._decode(stripped)
            return False
        else:
            return self._wait_for_more(marks_of(b""))
        self._drop(1)
        self._state = "open"
        return True

    def _end(self) -> bool:
        rest = self._skeleton.lstrip(SPACE)
        if rest:
            raise Rejected("Extra data", self._place(len(self._skeleton) - len(rest)))
        self._drop(len(self._skeleton))
        return False

    def _take_members(self, marks: Marks, *, last: bool) -> bool:
        """Take the whole members of the innermost frame from the front of the skeleton."""
        closing = marks.places[marks.depths < 0][:1]
        if len(closing):
            end = int(closing[0]) + 1
            self._add(self._decode(self._skeleton[:end]), end)
            self._drop(end)
            self._close_frame()
            return True
        commas = marks.places[(marks.bytes == ord(",")) & (marks.depths == 0)]
        if len(commas) and not last:
            end = int(commas[-1])
            self._add(self._decode(self._skeleton[:end], b"," + FILLER + b"}"), end)
            self._drop(end + 1)
            self._state = "comma"
            return True
        if len(commas) or last:
            return False
        return self._enter_member(marks)

    def _enter_member(self, marks: Marks) -> bool:
        """Go into a member that is larger than a fragment, to take of it what is wanted or nothing."""
        opening = marks.places[marks.depths == 1][:1]
        if not len(opening):
            return False
        at = int(opening[0])
        head, bracket = self._skeleton[:at], self._skeleton[at : at + 1]
        frame = self._frames[-1]
        key = self._key(head)
        node = frame.node.children.get(key) if key is not None else None
        if node is not None and node.is_value and len(self._skeleton) < self._limits.spelled:
            return False
        if node is not None and node.children and not node.is_value and bracket == b"{":
            self._decode(head, b"{}}")
            self._drop(at + 1)
            self._frames.append(Frame(node, {}, key))
            self._state = "open"
            return True
        if node is not None and key is not None:
            empty: Any = [] if bracket == b"[" else {}
            frame.record[key] = TOO_LARGE if node.is_value and not node.is_text else empty
        elif key is not None:
            frame.add(key, None, 0)
        self._passing = True
        return True

    def _key(self, head: bytes) -> str | None:
        """The name of the member that begins with `head`; None where only the decoder that is in use can tell."""
        if self._road.explains:
            members = self._decode(head, b"0}")
        else:
            try:
                members = PLAIN.decode(self._around() + head + b"0}")
            except Rejected:
                return None
        return next((key for key in members if key != NAME), None)

    def _pass_over(self, marks: Marks) -> bool:
        """Check what there is of a value that nobody wants, up to a comma or bracket."""
        if not len(marks.places):
            return False
        ends = marks.places[marks.depths == -len(self._opened)]
        if len(ends):
            end = int(ends[0]) + 1
            self._decode(self._skeleton[:end], b"}" if self._frames else b"")
            self._drop(end)
            self._passing, self._opened = False, b""
            self._state = "value" if self._frames else "end"
            return True
        end = int(marks.places[-1]) + 1
        opened = open_after(self._opened, marks)
        state = {ord(","): "comma", ord("["): "open", ord("{"): "open"}.get(int(marks.bytes[-1]), "value")
        filler = (b"0" if opened[-1:] == b"[" else FILLER) if state == "comma" else b""
        closing = opened[::-1].translate(CLOSED) + (b"}" if self._frames else b"")
        self._decode(self._skeleton[:end], filler + closing)
        self._drop(end)
        self._opened, self._state = opened, state
        return True

    def _wait_for_more(self, marks: Marks) -> bool:
        """Let the skeleton grow, but not by what never comes to a comma or a bracket."""
        if not len(marks.places) and len(self._skeleton) > 4 * self._long + 2 * self._limits.fragment:
            self._squeeze()
            if len(self._skeleton) > 4 * self._long + 2 * self._limits.fragment:
                # the block may have ended inside a character
                self._decode(self._skeleton[: len(self._skeleton) - unfinished(self._skeleton)])
                raise Rejected("no comma or bracket for long", self._place(0))
        self._wait = max(self._limits.fragment, 2 * len(self._skeleton))
        return False

    def _squeeze(self) -> None:
        """Shorten runs of blanks and digits that are longer than any string left here."""
        runs = re.compile(rb"[ \t\r]{%d,}+|[0-9]{%d,}+" % (self._long + 1, self._long + 1))
        while run := runs.search(self._skeleton):
            at = run.start() + min(SQUEEZED, self._long)
            removed = run.end() - at
            self._skeleton = self._skeleton[:at] + self._skeleton[run.end() :]
            self._lexed = max(self._lexed - removed, 0)
            self._removed = [(p - removed if p > at else p, count) for p, count in self._removed] + [(at, removed)]

    def _add(self, members: Any, size: int) -> None:
        frame = self._frames[-1]
        for key, value in members.items():
            if key != NAME:
                frame.add(key, value, size)

    def _close_frame(self) -> None:
        frame = self._frames.pop()
        self._state = "value" if self._frames else "end"
        if self._frames:
            self._frames[-1].record[frame.name] = frame.record

    def _around(self) -> bytes:
        """JSON that brings a decoder into the state in which the skeleton begins."""
        opened = (b"{" if self._frames else b"") + self._opened
        outer = b"".join(b"[" if mark == ord("[") else b'{"%b":' % NAME.encode() for mark in opened[:-1])
        inner = opened[-1:]
        if self._state == "start":
            return b""
        if self._state == "open":
            return outer + inner
        filled = inner + (b"0" if inner == b"[" else FILLER)
        return outer + filled + (b"," if self._state == "comma" else b"")

    def _decode(self, fragment: bytes, after: bytes = b"") -> Any:
        before = self._around()
        try:
            return self._road.decode(before + fragment + after)
        except Rejected as error:
            if error.at is None:
                raise
            text, at = fragment.decode(), error.at - len(before)
            beyond = max(at - len(text), 0)
            raise Rejected(error.what, self._place(len(text[:at].encode())) + beyond) from None

    def _drop(self, count: int) -> None:
        """Be done with the front of the skeleton."""
        self._origin = self._place(count)
        self._removed = [(at - count, size) for at, size in self._removed if at > count]
        self._skeleton = self._skeleton[count:]
        self._lexed = max(self._lexed - count, 0)

    def _place(self, at: int) -> int:
        """Which character of the line a byte of the skeleton is; told only by the road that explains."""
        if not self._road.explains:
            return 0
        removed = sum(size for place, size in self._removed if place <= at)
        return self._origin + len(self._skeleton[:at].decode()) + removed
