"""Concordance: the lines in which a phrase stands, with their documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from cooc.errors import DamagedIndex, UsageError
from cooc.index.reader import Index
from cooc.kernels.contexts import read_sides
from cooc.phrases.search import guarded_codes
from cooc.query.around import codes_behind
from cooc.query.elsewhere import elsewhere
from cooc.query.hits import documents_of, find_hits
from cooc.query.layout import Value, cut
from cooc.query.results import Column, Provenance, Result, blank_figure, literal
from cooc.query.slices import slices_of
from cooc.query.where import Line

Array = NDArray[Any]

Side = Literal["left", "right", "none"]

WIDEST = 1000
"""Tokens to either side of a line."""

ALL = 1 << 40
"""More lines than there are."""


@dataclass(frozen=True, eq=False, repr=False)
class Kwic(Result):
    """Lines of a concordance; `occurrences` is how often the phrase occurs, which may be more than there are lines."""

    occurrences: int = 0

    label = "phrase"

    @property
    def notes(self) -> list[str]:
        """What a reader must know: slices, and whether the lines are a sample."""
        some = f"{len(self):,} of {self.occurrences:,} occurrences, a uniform sample (another seed gives others)."
        return [*self.provenance.notes, *([some] if len(self) < self.occurrences else [])]

    def to_dict(self) -> dict[str, Any]:
        """Lines, occurrences and provenance, ready for JSON."""
        return {**super().to_dict(), "occurrences": self.occurrences}

    def text(self, width: int = 100) -> str:
        """The lines for a terminal, the phrase in the middle, its document behind."""
        rows = self.rows()
        phrases, names = [str(row["phrase"]) for row in rows], [_name(row) for row in rows]
        middle, last = max(map(len, phrases), default=0), min(30, max(map(len, names), default=0))
        side = max(10, (width - middle - last - 6) // 2)
        sides = [(str(row["left"])[-side:], str(row["right"])[:side]) for row in rows]
        return "\n".join(
            f"{left:>{side}}  {phrase:<{middle}}  {right:<{side}}  {cut(name, last)}"
            for (left, right), phrase, name in zip(sides, phrases, names, strict=True)
        )

    def plot(self, top: int = 30) -> Any:
        """A matplotlib figure: where in the corpus the lines are, by document."""
        return places_figure(self)

    def __repr__(self) -> str:
        return "\n".join([self.provenance.caption(), self.text(), *self.notes])


def places_figure(lines: Result) -> Any:
    """A histogram of the documents in which lines stand."""
    figure = blank_figure(7, 2.5)
    axes = figure.subplots()
    axes.hist(np.asarray(lines.columns["document"], np.int64), bins=50)
    axes.set_xlabel("document")
    axes.set_ylabel("lines")
    axes.set_title(literal(lines.provenance.caption()), fontsize="medium", loc="left")
    return figure


def kwic(
    index: Index,
    phrase: str,
    *,
    width: int = 10,
    sort: Side = "none",
    top: int | None = 20,
    seed: int = 0,
    where: str | None = None,
) -> Kwic:
    """The occurrences of a phrase, each with `width` tokens to either side, inside its document.

    Lines are of terms as the index holds them, with case folded and without punctuation (unless it was built
    otherwise): the token store has no other text. Of more occurrences than `top`, so many are drawn, each as likely;
    None gives all. `sort` orders lines by what follows ("right") or what precedes, read backwards ("left"); "none"
    leaves them in the order of the corpus. Each line has the number of its document, counted from 0, its `path` and
    `linenum`, its `id` where the corpus has ids, and each field of --meta-field as `meta.NAME`. `where` takes documents
    that match (see cooc/query/where.py).

    Raises `UnknownTerm` where the index lacks a word of the phrase; one that never occurs has no lines.
    """
    if not isinstance(index, Index):
        return _elsewhere(index, phrase, width=width, sort=sort, top=top, seed=seed, where=where)
    if sort not in ("left", "right", "none"):
        raise UsageError(f'--sort "{sort}": expected left, right or none.')
    if not 1 <= width <= WIDEST:
        raise UsageError(f"--width {width}: expected 1 to {WIDEST:,} tokens.")
    if top is not None and top < 1:
        raise UsageError(f"top is {top}; expected at least 1.")
    ids = index.vocabulary.ids(phrase)
    parts = slices_of(index, where, None)
    hits = find_hits(index, [ids], most=top, seed=seed, where=parts[0] if parts else None)
    columns = _lines(index, ids, hits.places, int(hits.lengths[0]), width)
    order = _order(columns, sort)
    options = {"width": width, "sort": sort, "top": top, "seed": seed}
    slices = tuple(part.to_dict() for part in parts)
    source = Provenance("kwic", index.name, index.digest, (phrase,), None, options, slices)
    held = {name: [column[place] for place in order] for name, column in columns.items()}
    return Kwic(held, source, int(hits.totals[0]))


def _elsewhere(index: Any, phrase: str, *, sort: str, top: int | None, **options: Any) -> Kwic:
    """The lines of an index that is not cooc's own, under the same names."""
    side, most = None if sort == "none" else sort, ALL if top is None else top
    found = elsewhere("kwic", index, phrase, sort=side, top=most, **options)
    columns = {"phrase" if name == "match" else name: column for name, column in found.columns.items()}
    return Kwic(columns, found.provenance, int(found.provenance.parameters["occurrences"]))


def _lines(index: Index, ids: list[int], places: Array, size: int, width: int) -> dict[str, Column]:
    """The columns of the lines, in the order of the corpus."""
    guarded = guarded_codes(index)
    codes = codes_behind(guarded)
    guarded.touch(2 * (places - 2 * width - 2), 2 * (places + size + 2 * width + 2))
    sides = np.full((2, len(places), width), -1, np.int64)
    bad = read_sides(codes, np.int64(index.tokens.singles), places, np.int64(size), index.manifest.terms, sides)
    if bad:
        raise DamagedIndex(f"{guarded.path}: holds codes that are no terms.")
    met = np.unique(sides[sides >= 0])
    names = dict(zip(met.tolist(), index.vocabulary.terms(met), strict=True))
    left, right = ([" ".join(names[term] for term in line if term >= 0) for line in side] for side in sides.tolist())
    documents = documents_of(index, places)
    node = " ".join(index.vocabulary.terms(ids))
    return {
        "left": left, "phrase": [node] * len(places), "right": right, "document": documents.tolist(),
        **_metadata(index, documents),
    }  # fmt: skip


def _metadata(index: Index, documents: Array) -> dict[str, Column]:
    """Path, line, id and kept fields of each line's document; lists and objects as JSON."""
    kept = index.manifest.parameters.meta_fields
    known = {number: metadata_of(index, number) for number in np.unique(documents).tolist()}
    lines = [known[number] for number in documents.tolist()]
    columns: dict[str, Column] = {"path": [line.path for line in lines], "linenum": [line.linenum for line in lines]}
    if "id" not in kept and any("id" in line.metadata for line in lines):
        columns["id"] = [_plain(line.metadata.get("id")) for line in lines]
    for field in kept:
        columns[f"meta.{field}"] = [_plain(line.metadata.get(field)) for line in lines]
    return columns


def metadata_of(index: Index, document: int) -> Line:
    """What the index keeps of a document: path, line and fields."""
    store = index.tokens
    edges = store.metadata_offsets.slice(8 * document, min(8 * document + 16, len(store.metadata_offsets))).view("<u8")
    end = int(edges[1]) if len(edges) == 2 else len(store.metadata)
    text = store.metadata.slice(int(edges[0]), end).tobytes()
    try:
        return msgspec.json.decode(text, type=Line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedIndex(
            f"{store.metadata.path}: line {document + 1:,} is no metadata: {error}. Restore it or build again."
        ) from error


def _plain(value: Any) -> Value:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _order(columns: Mapping[str, Column], sort: str) -> list[int]:
    lines = range(len(columns["left"]))
    if sort == "none":
        return list(lines)
    if sort == "right":
        return sorted(lines, key=lambda k: str(columns["right"][k]).split(" "))
    return sorted(lines, key=lambda k: str(columns["left"][k]).split(" ")[::-1])


def _name(row: Mapping[str, Value]) -> str:
    """What tells a document from others, as short as may be: its id, or file and line."""
    if row.get("id") is not None:
        return str(row["id"])
    if row.get("path") is None:
        return f"document {row['document']}"
    return f"{str(row['path']).rsplit('/', 1)[-1]}:{row['linenum']}"
