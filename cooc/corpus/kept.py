"""What is kept of a giant line of JSON: the wanted fields, and the names of some others for a message."""

from typing import Any

import msgspec

from cooc.corpus.documents import METADATA_BYTES
from cooc.corpus.model import Fields
from cooc.corpus.records import SHOWN_FIELDS, repair_all, wanted

KEYS_COUNTED = 100_000
ENCODER = msgspec.json.Encoder(enc_hook=str)

TOO_LARGE = object()
"""Stands for a value that takes more than the metadata of a document may."""


class Node:
    """A field name, or a step of the way to one."""

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.is_text = self.is_value = False

    def at(self, *way: str) -> "Node":
        return self.children.setdefault(way[0], Node()).at(*way[1:]) if way else self


def is_too_large(value: Any) -> bool:
    """Whether a value alone takes more than the metadata of a document may."""
    return len(ENCODER.encode(repair_all(value))) > METADATA_BYTES


def tree_of(fields: Fields) -> Node:
    """The fields by name and by the steps that a dotted name may mean."""
    root = Node()
    for way in {(fields.text,), tuple(fields.text.split("."))}:
        root.at(*way).is_text = True
    for _, name in wanted(fields):
        for way in {(name,), tuple(name.split("."))}:
            root.at(*way).is_value = True
    return root


class Frame:
    """An object that is open and has wanted fields."""

    def __init__(self, node: Node, record: dict[Any, Any], name: str | None = None) -> None:
        self.node, self.record, self.name = node, record, name

    def add(self, key: str, value: Any, size: int) -> None:
        """Keep a member if it is wanted; `size` bytes spell it at most."""
        node = self.node.children.get(key)
        if node is None:
            self._note(key)
        elif isinstance(value, list | dict) and not (node.is_value or node.children):
            self.record[key] = type(value)()
        else:
            large = node.is_value and size > METADATA_BYTES and is_too_large(value)
            self.record[key] = TOO_LARGE if large else value

    def _note(self, key: str) -> None:
        # of names nobody asked for, the first are shown and the others counted
        if key not in self.record and len(self.record) < KEYS_COUNTED:
            self.record.setdefault(key if len(self.record) <= SHOWN_FIELDS else hash(key), None)
