"""How dense is the neighbourhood of these terms: `density`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import Any, NamedTuple

import numpy as np

from cooc.clusters.densities import Density, Known
from cooc.clusters.measure import Measured, Question, candidates_of, drawn_of, measured, read_all
from cooc.clusters.rivals import differences, z_and_p
from cooc.clusters.sets import named_sets
from cooc.errors import UnknownTerm, UsageError
from cooc.index.reader import Index
from cooc.query.hits import term_ids
from cooc.query.results import Provenance
from cooc.query.slices import Slice, slices_of
from cooc.terms import TermSet

Set = TermSet | str | PathLike[str] | Sequence[str]
Window = int | str | None
DOCUMENT = "document"
WINDOW = 10


class _Seeds(NamedTuple):
    """The seeds, each phrase once: how it is written first, how else, its ids, and whether it is a target's term."""

    names: list[str]
    also: list[list[str]]
    ids: list[list[int]]


def density(
    index: Index,
    seeds: Set,
    *targets: Set,
    null: int = 1000,
    seed: int = 0,
    window: Window | Iterable[Window] = None,
    where: str | None = None,
    against: str | None = None,
    confidence: float = 0.9,
    draws: int = 1000,
    progress: Callable[[str, int, int], None] | None = None,
) -> Density:
    """How much more of each target stands around the seeds than in the corpus, in bits, and what chance would give.

    A row for each target and window: the density (the mean lift of the seeds that occur, log2 of the target's share
    among a seed's context tokens over its share in the corpus), an interval from `draws` resamplings of the documents,
    and the densities of `null` sets of terms matched with the seeds in length and frequency, hence z and an empirical
    p. `.terms` has the dose of each seed, `.rivals` the differences between targets.

    Seeds and targets are term sets, files, names of lexicons ("@food"), or lists of strings. `window` is a number of
    tokens to either side, "document", or several of these; the index's first window if not given. The seeds are taken
    out of the text: what is seed and target too is no target, and an occurrence inside a longer seed's is none.
    `where` counts in some documents only, `against` in others too, and gives the differences.

    Reads the corpus once for each window, and once more. Raises `UsageError` for options that make no sense.
    """
    given, sets = _set(seeds, "seeds"), _targets(targets)
    if not sets:
        raise UsageError("density towards no target: name at least one, such as @19th_century_language.")
    windows = _windows(index, window)
    _check(null, draws, confidence)
    parts: tuple[Slice | None, ...] = slices_of(index, where, against) or (None,)
    known = _seeds(index, given)
    ids = [_ids(index, target) for target in sets]
    asked = Question(known.ids, ids, null, seed, draws, confidence)
    found = [
        _in_part(index, asked, part, windows, (known, given.name, [each.name for each in sets]), progress)
        for part in parts
    ]
    options = {"null": null, "seed": seed, "draws": draws, "confidence": confidence}
    source = Provenance(
        "density", index.name, index.digest, given.terms, "density", options,
        tuple(part.to_dict() for part in parts if part is not None),
    )  # fmt: skip
    return Density.made(found, source, confidence)


def _in_part(
    index: Index, asked: Question, part: Slice | None, windows: list[int | None],
    names: tuple[_Seeds, str, list[str]], progress: Any,
) -> Known:  # fmt: skip
    """All rows of one slice."""
    seeds, name, targets = names
    pool, _ = candidates_of(index, asked, part)
    known = Known([], [], [], [], [])
    drawn = None
    for window in windows:
        called = DOCUMENT if window is None else str(window)
        reading = read_all(index, asked, pool, window=window, where=part, progress=progress)
        drawn = drawn or drawn_of(asked, pool, reading)
        each = measured(index, asked, drawn, reading)
        for place, (target, found) in enumerate(zip(targets, each, strict=True)):
            shared = {tuple(ids) for ids in asked.targets[place]} & {tuple(ids) for ids in seeds.ids if ids}
            known.rows.append({
                "seeds": name, "target": target, "window": called,
                **_summary(found, asked, drawn.found, reading, place), "n_shared": len(shared),
            })  # fmt: skip
            known.draws.append(found.draws)
            known.nulls.append({
                "seeds": name, "target": target, "window": called, "densities": found.null, "gap": drawn.gap,
                "candidates": len(pool.phrases), "prior_a": found.prior.a, "prior_b": found.prior.b,
                "clumping": found.clumping,
            })  # fmt: skip
            known.terms.extend(_doses(seeds, (target, called), found, reading, place, shared))
        known.rivals.extend({"seeds": name, "window": called, **row}
                            for row in differences(targets, each, asked.confidence))  # fmt: skip
    return known


def _summary(found: Measured, asked: Question, present: Any, reading: Any, place: int) -> dict[str, Any]:
    """The numbers of a density row."""
    seeds = len(asked.seeds)
    contexts, hits = int(reading.sums.contexts[:seeds].sum()), int(reading.sums.hits[:seeds, place].sum())
    mean, deviation, z, p = z_and_p(found.density, found.null)
    lifts = found.terms.lift[present]
    return {
        "density": found.density, "low": found.low, "high": found.high,
        "null_mean": mean, "null_sd": deviation, "z": z, "p": p,
        "n_terms": seeds, "n_found": len(present), "coverage": len(present) / seeds,
        "mean_term_lift": float(lifts.mean()) if len(lifts) else float("nan"),
        "pooled_lift": _lift(hits, contexts, found.share), "contexts": contexts, "hits": hits, "share": found.share,
    }  # fmt: skip


def _lift(hits: int, contexts: int, share: float) -> float:
    """log2 of the share of hits over the share in the corpus; NaN where there is none."""
    return float(np.log2(hits / contexts / share)) if hits and share > 0 else float("nan")


def _doses(
    seeds: _Seeds, of: tuple[str, str], found: Measured, reading: Any, place: int, shared: set[tuple[int, ...]]
) -> list[dict[str, Any]]:  # fmt: skip
    """The dose of each seed."""
    sums, rows = reading.sums, []
    for k, (term, also, ids) in enumerate(zip(*seeds, strict=True)):
        occurs = int(sums.occurrences[k]) > 0
        nan = float("nan")
        hits, contexts = int(sums.hits[k, place]), int(sums.contexts[k])
        rows.append({
            "term": term, "target": of[0], "window": of[1], "occurrences": int(sums.occurrences[k]),
            "documents": int(sums.documents[k]), "contexts": contexts, "hits": hits,
            "documents_hit": int(sums.documents_hit[k, place]), "raw_lift": _lift(hits, contexts, found.share),
            "lift": float(found.terms.lift[k]) if occurs else nan,
            "low": float(found.terms.low[k]) if occurs else nan,
            "high": float(found.terms.high[k]) if occurs else nan,
            "effective_contexts": float(found.effective[k]), "is_target": tuple(ids) in shared,
            "note": _note(ids, occurs, also),
        })  # fmt: skip
    return rows


def _note(ids: list[int], occurs: bool, also: list[str]) -> str | None:
    notes = [] if not also else [f"also given as {', '.join(also)}"]
    if not ids:
        notes.append("has a word that the corpus lacks")
    elif not occurs:
        notes.append("does not occur, or only inside longer seeds")
    return "; ".join(notes) or None


def _set(given: Set, name: str) -> TermSet:
    """One term set, whatever it is given as."""
    if isinstance(given, TermSet):
        return given
    if isinstance(given, str | PathLike):
        found = named_sets([given if isinstance(given, str) else str(given)])
        if len(found) > 1:
            raise UsageError(f"{given} holds {len(found)} term sets; name one, like {given}@{found[0].name}.")
        return found[0]
    return TermSet(name, given)


def _targets(given: Sequence[Set]) -> list[TermSet]:
    """All target sets; a file may hold several. Two of one name are refused."""
    sets: list[str | TermSet] = []
    for number, each in enumerate(given, 1):
        if isinstance(each, TermSet | str):
            sets.append(each)
        elif isinstance(each, PathLike):
            sets.append(str(each))
        else:
            sets.append(TermSet(f"target {number}" if len(given) > 1 else "target", each))
    return named_sets(sets) if sets else []


def _seeds(index: Index, given: TermSet) -> _Seeds:
    """The seeds as phrases, each once; those that the tokenizer makes the same are one."""
    found: dict[tuple[bytes, ...], tuple[str, list[str]]] = {}
    for term in given.terms:
        words = tuple(index.tokenizer.words(term)) or (term.encode(),)
        if words in found:
            found[words][1].append(term)
        else:
            found[words] = (term, [])
    names = [name for name, _ in found.values()]
    return _Seeds(names, [also for _, also in found.values()], [term_ids(index, name) for name in names])


def _ids(index: Index, target: TermSet) -> list[list[int]]:
    """The phrases of a target that the vocabulary has; raises `UnknownTerm` if it has none."""
    phrases = [ids for ids in (term_ids(index, term) for term in target.terms) if ids]
    if not phrases:
        raise UnknownTerm(f'no term of the target "{target.name}" has all its words in {index.name}.')
    return phrases


def _windows(index: Index, given: Window | Iterable[Window]) -> list[int | None]:
    """Windows in tokens, None for the document."""
    if given is None:
        return [next((record.window for record in index.manifest.windows if record.window), WINDOW)]
    many = [given] if isinstance(given, int | str) else list(given)
    found: list[int | None] = []
    for each in many:
        text = str(each).strip().lower()
        if text != DOCUMENT and not (text.isdigit() and int(text) > 0):
            raise UsageError(f'a window is {each!r}; expected a number of tokens of at least 1, or "document".')
        found.append(None if text == DOCUMENT else int(text))
    if not found:
        raise UsageError("no window was given.")
    return list(dict.fromkeys(found))


def _check(null: int, draws: int, confidence: float) -> None:
    if null < 0:
        raise UsageError(f"null is {null}; expected the number of matched sets, 0 for none.")
    if draws < 20:
        raise UsageError(f"draws is {draws}; expected at least 20 resamplings of the documents.")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence}; expected a number between 0 and 1.")
