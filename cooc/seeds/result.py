"""A finished scan: its terms, their contexts, and the measures."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from cooc.errors import DamagedIndex, LaterFormat, NotAnIndex, UnknownTerm, UsageError
from cooc.query.rank import ALPHA, Tables, best, check_ranking, in_pairs, ranked, smoothed_total
from cooc.query.results import Column, Neighbors, Provenance, bars
from cooc.seeds.model import ScanRecord, ScanWindow
from cooc.seeds.write import METADATA, companions

if TYPE_CHECKING:
    import polars as pl

Array = NDArray[Any]


class ScanResult:
    """The result of `cooc.scan`, read from its files when asked; `ScanResult(path)` opens one again.

    `record` says what was counted and how. Raises an `IndexFault` if the file is no scan, or not a whole one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.record = read_record(self.path)

    def __repr__(self) -> str:
        held = self.record
        windows = ", ".join(self.windows)
        return (
            f"<cooc scan {self.path.name}: {held.terms:,} terms, {held.cells:,} cells, windows {windows}, "
            f"{held.documents:,} documents, {held.tokens:,} tokens>"
        )

    @property
    def windows(self) -> list[str]:
        """Names of the windows, the default first."""
        return [window.name for window in self.record.windows]

    @cached_property
    def table(self) -> pl.DataFrame:
        """Every cell: term, context, and count_W and documents_W for each window W."""
        import polars as pl

        return pl.read_parquet(self.path)

    @cached_property
    def terms(self) -> pl.DataFrame:
        """A row a term: term, given (its spellings), occurrences, documents, and R1 as contexts_W."""
        import polars as pl

        return pl.read_parquet(companions(self.path)["terms"])

    @cached_property
    def words(self) -> pl.DataFrame:
        """A row a word of the corpus: context, occurrences, documents, and C1 as contexts_W."""
        import polars as pl

        return pl.read_parquet(companions(self.path)["words"])

    @property
    def duplicates(self) -> dict[str, list[str]]:
        """The terms that were given in several spellings which are the same tokens."""
        rows = self.terms.select("term", "given").rows()
        return {term: given for term, given in rows if len(given) > 1}

    def rows(self) -> list[dict[str, Any]]:
        """The summary of each term as a plain dictionary."""
        return [summary(row, self.record.windows) for row in self.terms.iter_rows(named=True)]

    def to_dict(self) -> dict[str, Any]:
        """The summary of each term and what was counted, ready for JSON."""
        return {"path": str(self.path), "scan": msgspec.to_builtins(self.record), "rows": self.rows()}

    def plot(self, top: int = 30) -> Any:
        """A matplotlib figure: how often each of the `top` most frequent terms occurs."""
        rows = sorted(self.rows(), key=lambda row: -row["occurrences"])[:top]
        title = f"{self.record.terms:,} terms in {self.record.tokens:,} tokens"
        return bars([row["term"] for row in rows], [row["occurrences"] for row in rows], "occurrences", title)

    def neighbors(
        self,
        terms: str | Iterable[str],
        *,
        measure: str = "npmi",
        top: int = 20,
        min_count: float = 5,
        window: int | str | None = None,
        **parameters: float,
    ) -> Neighbors:
        """The words around each of `terms` as `cooc.neighbors` ranks them, with the documents of each pair.

        The numbers are those of an index of the same documents that was built with these terms. Ties go to the
        larger count, then to the more frequent word.
        """
        check_ranking(measure, top)
        asked = (terms,) if isinstance(terms, str) else tuple(terms)
        if not asked:
            raise UsageError("neighbors of no term: name at least one.")
        chosen = self._window(window)
        complete = {**parameters, "smoothed_total": self._smoothed(chosen, parameters.get("alpha", ALPHA))}
        parts = [self._around(term, chosen, measure, top=top, min_count=min_count, **complete) for term in asked]
        columns: dict[str, Column] = {name: _joined([part[name] for part in parts]) for name in parts[0]}
        options = {"window": chosen.name, "min_count": min_count, **parameters}
        source = Provenance("neighbors", self.path.stem, self.digest, asked, measure, options)
        return Neighbors(columns, source)

    @cached_property
    def digest(self) -> str:
        """Names this very scan, by what its file says of it."""
        return xxhash.xxh3_128_hexdigest(msgspec.json.encode(self.record))

    def _around(
        self, term: str, window: ScanWindow, measure: str, *, top: int, min_count: float, **parameters: float
    ) -> dict[str, Column]:
        """The first rows of one term's ranking."""
        seed = self.terms.row(self._find(term), named=True)
        cells = self._cells(seed["term"], window.name)
        places = cells["place"].to_numpy()
        counts = in_pairs(cells["count"].to_numpy(), window.unit)
        documents = cells["documents"].to_numpy()
        kept = np.flatnonzero(counts >= max(min_count, 1e-9))
        occurrences = self._occurrences[places[kept]]
        kept = kept[np.lexsort((places[kept], -occurrences))]
        tables = Tables(
            counts[kept],
            in_pairs(seed[f"contexts_{window.name}"], window.unit),
            in_pairs(self._sums(window.name)[places[kept]], window.unit),
            in_pairs(window.total, window.unit),
        )
        first = best(ranked(measure, tables, parameters), counts[kept], top)
        names = self.words["context"].gather(places[kept][first]).to_list()
        columns = tables.at(first).columns(parameters)
        return {"of": [term] * len(first), "term": names, **columns, "documents": documents[kept][first]}

    def _cells(self, term: str, window: str) -> pl.DataFrame:
        """The contexts of a term: place among the words, count and documents in a window."""
        import polars as pl

        wanted = pl.scan_parquet(self.path).filter(pl.col("term") == term)
        cells = wanted.select(
            pl.col("context").cast(pl.String), count=pl.col(f"count_{window}"), documents=pl.col(f"documents_{window}")
        ).collect()
        return cells.join(self._places, on="context", how="left", maintain_order="left")

    @cached_property
    def _places(self) -> pl.DataFrame:
        return self.words.select("context").with_row_index("place")

    @cached_property
    def _occurrences(self) -> Array:
        return np.asarray(self.words["occurrences"].to_numpy())

    @cached_property
    def _by_frequency(self) -> Array:
        """The words by falling occurrences, then by bytes."""
        return np.argsort(-self._occurrences, kind="stable")

    def _sums(self, window: str) -> Array:
        return np.asarray(self.words[f"contexts_{window}"].to_numpy())

    def _smoothed(self, window: ScanWindow, alpha: float) -> float:
        # added up in the order in which an index has its words, so that not even the last digit differs
        return smoothed_total(in_pairs(self._sums(window.name)[self._by_frequency], window.unit), alpha)

    def _find(self, term: str) -> int:
        """The row of a term, by its name or a spelling that it was given in."""
        found = self._rows.get(term, self._rows.get(" ".join(term.split())))
        if found is None:
            raise UnknownTerm(f'"{term}" is not among the {self.record.terms:,} terms of {self.path}.')
        return found

    @cached_property
    def _rows(self) -> dict[str, int]:
        rows = {spelling: number for number, given in enumerate(self.terms["given"].to_list()) for spelling in given}
        return rows | {term: number for number, term in enumerate(self.terms["term"].to_list())}

    def _window(self, window: int | str | None) -> ScanWindow:
        for record in self.record.windows:
            if window is None or record.name == str(window):
                return record
        raise UsageError(f"{self.path} has no window {window}; it has {', '.join(self.windows)}.")


def summary(row: dict[str, Any], windows: Iterable[ScanWindow]) -> dict[str, Any]:
    """A term with its totals; contexts of a harmonic window are sums of 1/distance."""
    contexts = {window.name: in_pairs(row[f"contexts_{window.name}"], window.unit) for window in windows}
    return {name: row[name] for name in ("term", "given", "occurrences", "documents")} | {"contexts": contexts}


def read_record(path: Path) -> ScanRecord:
    """What a scan's file says of itself, if the files beside it are those that were written with it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise NotAnIndex(f"{path}: there is no such file.")
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except (pa.ArrowInvalid, OSError) as error:
        raise NotAnIndex(f"{path} is no parquet file: {error}.") from None
    data = metadata.get(METADATA.encode())
    if data is None:
        raise NotAnIndex(f"{path} is no scan of cooc: its metadata has no {METADATA}.")
    try:
        if (version := msgspec.json.decode(data).get("version", 0)) > 1:
            raise LaterFormat(f"{path} has scan format {version}; this cooc reads 1. Upgrade cooc.")
        record = msgspec.json.decode(data, type=ScanRecord)
    except (msgspec.MsgspecError, AttributeError) as error:
        raise DamagedIndex(f"{path}: {error}.") from None
    for kind, file in companions(path).items():
        if not file.is_file():
            raise DamagedIndex(f"{file} is missing; it belongs to {path}. Restore it or scan again.")
        if xxhash.xxh3_128_hexdigest(file.read_bytes()) != record.companions.get(kind):
            raise DamagedIndex(f"{file} is not the one that was written with {path}. Restore it or scan again.")
    return record


def _joined(parts: list[Column]) -> Column:
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len(arrays) == len(parts):
        return np.concatenate(arrays)
    return [value for part in parts for value in part]
