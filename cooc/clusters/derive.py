"""A target taken from data instead of from taste: the terms that set one slice of a corpus apart from another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cooc.clusters.keyness import Array, Keyness, Side, keyness
from cooc.clusters.sets import Named, named_sets
from cooc.errors import UsageError
from cooc.query.elsewhere import as_index
from cooc.query.results import Column, Provenance, Result
from cooc.terms import TermSet

if TYPE_CHECKING:
    from cooc.index.reader import Index
    from cooc.query.slices import Slice

MIN_LOG_RATIO = 2.0
"""A term must be surely four times as frequent, or what is found is a matter of taste in function words."""

RANKINGS = {"g2": "g2", "log_ratio": "low"}
"""Columns to rank by: how sure a difference is, or how large it surely is."""


@dataclass(frozen=True, eq=False, repr=False)
class Derived(Result):
    """The terms that set a slice apart, the surest first; `term_set` is the list, to be used as a target."""

    term_set: TermSet

    def write(self, path: str | PathLike[str]) -> Path:
        """The term set as a .toml file, with its note, for --target and --seeds."""
        return write_terms(self.term_set, path)

    def plot(self, top: int = 30) -> Any:
        """A matplotlib figure: the log ratio of each of the first `top` terms, with its interval."""
        from cooc.clusters.figures import dots_with_intervals

        rows = self.rows()[:top]
        return dots_with_intervals(
            [str(row["term"]) for row in rows], *([row[name] for row in rows] for name in ("log_ratio", "low", "high")),
            what="log2 of the ratio of rates", title=self.provenance.caption(),
        )  # fmt: skip


def derive(
    index: Index,
    *,
    where: str,
    against: str = "rest",
    held_out: Named | Sequence[Named] | None = None,
    measure: str = "g2",
    top: int = 100,
    longest: int = 1,
    min_count: int = 20,
    min_documents: int = 5,
    min_log_ratio: float = MIN_LOG_RATIO,
    numbers: bool = False,
    name: str | None = None,
    confidence: float = 0.95,
) -> Derived:
    """The terms that the documents of `where` have more of than those of `against`: the `top` by a measure.

    `measure` is g2, which puts frequent terms first, or log_ratio, by its lower limit, which puts distinctive ones
    first. Only terms whose log ratio is at least `min_log_ratio` with confidence, the documents being the units of its
    interval (keyness.py), with `min_count` occurrences in `min_documents` documents of the slice. With `held_out`,
    the seeds that the target is meant for, documents that hold a seed have no vote and no word of a seed is chosen:
    so that a density of the seeds towards the target is not one of their own documents towards themselves. Words
    with digits are left out unless `numbers`; `longest` 2 or 3 takes n-grams of the index too, those that hold no
    shorter term that was chosen. Raises `UsageError` where the slices share documents or one of them is empty.
    """
    index = as_index(index)
    from cooc.query.slices import slices_of

    _check(index, measure, top, longest, min_count, min_documents)
    seeds = [] if held_out is None else [term for each in named_sets(held_out) for term in each]
    one, other = slices_of(index, where, against)
    known = _known(index, seeds)
    here, there = _voting(index, one, other, known)
    chosen = _Choice(index, here, there, {term for ids in known for term in ids}, longest)
    columns = chosen.columns(
        measure, top, min_count, min_documents, min_log_ratio, numbers=numbers, confidence=confidence
    )
    if not columns["term"]:
        raise UsageError(
            f"no term of {where} is surely {2**min_log_ratio:g} times as frequent there as in {against}: "
            "lower min_log_ratio, min_count or min_documents."
        )
    options: dict[str, Any] = {
        "top": top, "longest": longest, "min_count": min_count, "min_documents": min_documents,
        "min_log_ratio": min_log_ratio, "confidence": confidence, "held_out": len(seeds),
        "documents_held_out": one.documents + other.documents - here.documents - there.documents,
    }  # fmt: skip
    source = Provenance("derive", index.name, index.digest, (), measure, options, (here.to_dict(), there.to_dict()))
    terms = [str(term) for term in columns["term"]]
    made = TermSet(name or f"{where} against {against}", terms, _note(measure, options), source.caption())
    return Derived(columns, source, made)


def write_terms(terms: TermSet, path: str | PathLike[str]) -> Path:
    """A term set as a .toml file that `read_terms` reads back as it was."""
    file = Path(path)
    if file.suffix.lower() != ".toml":
        raise UsageError(f"{file}: term sets are written to .toml files.")
    held = {"name": terms.name, "note": terms.note, "source": terms.source}
    lines = [f"{key} = {_quoted(text)}" for key, text in held.items()]
    lines += ["terms = [", *(f"  {_quoted(term)}," for term in terms), "]", ""]
    try:
        file.write_text("\n".join(lines), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: can't be written: {error.strerror or error}.") from error
    return file


def _quoted(text: str) -> str:
    """A string of TOML: one of JSON, where DEL is escaped too."""
    import json

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


class _Choice:
    """The candidates of two slices, by order: words first, then n-grams."""

    def __init__(self, index: Index, here: Slice, there: Slice, shut: set[int], longest: int) -> None:
        from cooc.clusters.spread import spread_of

        self.index, self.shut = index, shut
        self.sides = list(zip(spread_of(here, longest), spread_of(there, longest), strict=True))

    def columns(
        self,
        measure: str,
        top: int,
        min_count: int,
        min_documents: int,
        min_log_ratio: float,
        *,
        numbers: bool,
        confidence: float,
    ) -> dict[str, Column]:
        """The columns of the result, ranked."""
        tables = []
        for n, (one, other) in enumerate(self.sides, start=1):
            enough = np.flatnonzero((one.counts >= min_count) & (one.documents >= min_documents))
            found = keyness(one.at(enough), other.at(enough), confidence)
            sure = np.flatnonzero(found.low >= min_log_ratio)
            tables.append(_table(one.at(enough[sure]), other.at(enough[sure]), found, sure, n, enough[sure]))
        return self._named(_joined(tables), measure, top, numbers)

    def _named(self, table: dict[str, Array], measure: str, top: int, numbers: bool) -> dict[str, Column]:
        """The first rows that stand, each with its words."""
        order = np.lexsort((table["number"], table["n"], -table[RANKINGS[measure]]))
        kept, terms, taken = [], [], set[tuple[int, ...]]()
        for place in order.tolist():
            ids = self._ids(int(table["n"][place]), int(table["number"][place]))
            words = self.index.vocabulary.terms(list(ids))
            digits = any(letter.isdigit() for word in words for letter in word)
            if self.shut & set(ids) or (digits and not numbers) or _holds(ids, taken):
                continue
            taken.add(ids)
            kept.append(place)
            terms.append(" ".join(words))
            if len(kept) == top:
                break
        rest = {name: column[kept] for name, column in table.items() if name not in ("n", "number")}
        return {"term": terms, **rest}

    def _ids(self, n: int, number: int) -> tuple[int, ...]:
        from cooc.query.ngrams import ngram_terms

        return tuple(int(ids[0]) for ids in ngram_terms(self.index, n, np.array([number])))


def _table(one: Side, other: Side, found: Keyness, kept: Array, n: int, numbers: Array) -> dict[str, Array]:
    return {
        "g2": found.g2[kept], "log_ratio": found.log_ratio[kept], "low": found.low[kept], "high": found.high[kept],
        "count": np.asarray(one.counts, np.int64), "count_against": np.asarray(other.counts, np.int64),
        "documents": np.asarray(one.documents, np.int64), "documents_against": np.asarray(other.documents, np.int64),
        "per_million": 1e6 * one.counts / max(1, one.tokens),
        "per_million_against": 1e6 * other.counts / max(1, other.tokens),
        "largest_share": one.largest_share, "n": np.full(len(kept), n), "number": numbers,
    }  # fmt: skip


def _joined(tables: list[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _holds(ids: tuple[int, ...], taken: set[tuple[int, ...]]) -> bool:
    """Whether a shorter phrase that was taken lies inside."""
    return any(ids[a:b] in taken for a in range(len(ids)) for b in range(a + 1, len(ids) + 1))


def _known(index: Index, seeds: Sequence[str]) -> list[list[int]]:
    """The term ids of the seeds that the index can hold."""
    return [ids for seed in seeds if (ids := index.vocabulary.known_ids(seed))]


def _voting(index: Index, one: Slice, other: Slice, seeds: list[list[int]]) -> tuple[Slice, Slice]:
    """The slices without the documents that hold a seed."""
    from cooc.query.hits import documents_of, find_hits
    from cooc.query.slices import Slice
    from cooc.query.where import Matches

    shared = int(np.count_nonzero(one.mask & other.mask))
    if shared:
        raise UsageError(f"{one.where} and {other.where} share {shared:,} documents; compare slices that share none.")
    free = np.ones(len(one.mask), bool)
    if seeds:
        free[documents_of(index, np.sort(find_hits(index, seeds).places))] = False
    ending = " without seeds" if seeds else ""
    parts = [
        Slice(index, part.where + ending, Matches(part.mask & free, part.documents_missing)) for part in (one, other)
    ]
    for part, whole in zip(parts, (one, other), strict=True):
        if not part.documents:
            held = f": all its {whole.documents:,} documents hold a seed" if whole.documents else ""
            raise UsageError(f"no document is left of {whole.where}{held}. Choose other slices.")
    return parts[0], parts[1]


def _check(index: Index, measure: str, top: int, longest: int, min_count: int, min_documents: int) -> None:
    if measure not in RANKINGS:
        raise UsageError(f'derived terms are ranked by {" or ".join(RANKINGS)}, not by "{measure}".')
    for name, value in (("top", top), ("longest", longest), ("min_count", min_count), ("min_documents", min_documents)):
        if value < 1:
            raise UsageError(f"{name} is {value}; expected at least 1.")
    for n in range(2, longest + 1):
        index.ngrams(n)  # says which orders there are


def _note(measure: str, options: dict[str, Any]) -> str:
    held = (
        f" {options['documents_held_out']:,} documents that hold one of {options['held_out']:,} seeds had no vote."
        if options["held_out"] else ""
    )  # fmt: skip
    return (
        f"The first {options['top']:,} terms by {measure} whose log2 ratio of rates is at least "
        f"{options['min_log_ratio']:g} with {options['confidence']:.0%} confidence, documents being the units.{held}"
    )
