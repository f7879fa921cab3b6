"""How dense is the neighbourhood of these terms: `density`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.densities import Density, Known
from cooc.clusters.doses import Reading
from cooc.clusters.given import (
    Seeds,
    Set,
    Window,
    called,
    check_options,
    one_set,
    seeds_of,
    target_phrases,
    target_sets,
    windows_of,
)
from cooc.clusters.itself import ITSELF, in_itself
from cooc.clusters.measure import Drawn, Measured, Question, candidates_of, drawn_of, measured, read_all
from cooc.clusters.rivals import differences, z_and_p
from cooc.index.reader import Index
from cooc.query.elsewhere import as_index
from cooc.query.results import Provenance
from cooc.query.slices import Slice, slices_of

Array = NDArray[Any]


class _Names(NamedTuple):
    """What rows are called after."""

    set: str
    seeds: Seeds
    targets: list[str]
    target_terms: list[list[str]]
    """The terms of each target that the vocabulary has."""
    itself: bool
    """Whether there is a row of the set in itself."""


def density(
    index: Index,
    seeds: Set,
    *targets: Set,
    null: int = 1000,
    seed: int = 0,
    window: Window | Iterable[Window] = None,
    itself: bool = False,
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
    p. `.terms` has the dose of each seed, `.targets` which terms of a target make its hits (`top_term` the first, with
    its part of them; not for the document), `.rivals` the differences between targets. With `itself`, or
    without a target, a row says how dense the seeds are among themselves: in NPMI, see itself.py.

    Seeds and targets are term sets, files, names of lexicons ("@food"), or lists of strings. `window` is a number of
    tokens to either side, "document", or several of these; the index's first window if not given. The seeds are taken
    out of the text: what is seed and target too is no target, and an occurrence inside a longer seed's is none.
    `where` counts in some documents only, `against` in others too, and gives the differences.

    Reads the corpus once for each window, and once more. Raises `UsageError` for options that make no sense.
    """
    index = as_index(index)
    given, sets = one_set(seeds, "seeds"), target_sets(targets)
    windows = windows_of(index, window)
    check_options(null, draws, confidence)
    parts: tuple[Slice | None, ...] = slices_of(index, where, against) or (None,)
    known = seeds_of(index, given)
    phrases = [target_phrases(index, target) for target in sets]
    asked = Question(known.ids, [list(each) for each in phrases], null, seed, draws, confidence)
    terms = [list(each.values()) for each in phrases]
    names = _Names(given.name, known, [each.name for each in sets], terms, itself or not sets)
    found = [_in_part(index, asked, part, windows, names, progress) for part in parts]
    options = {"null": null, "seed": seed, "draws": draws, "confidence": confidence}
    source = Provenance(
        "density", index.name, index.digest, given.terms, "density", options,
        tuple(part.to_dict() for part in parts if part is not None),
    )  # fmt: skip
    return Density.made(found, source, confidence)


def _in_part(
    index: Index, asked: Question, part: Slice | None, windows: list[int | None], names: _Names, progress: Any
) -> Known:
    """All rows of one slice."""
    pool, _ = candidates_of(index, asked, part)
    known = Known([], [], [], [], [], [])
    drawn = None
    for window in windows:
        if names.targets:
            reading = read_all(index, asked, pool, window=window, where=part, progress=progress)
            drawn = drawn or drawn_of(asked, pool, reading)
            _towards(known, asked, names, window, (measured(index, asked, drawn, reading), drawn, reading))
        if names.itself:
            row, values, draws = in_itself(index, asked, pool, window=window, where=part)
            head = {"seeds": names.set, "target": ITSELF, "window": called(window)}
            known.rows.append({**head, **row})
            known.draws.append(draws)
            known.nulls.append({**head, "densities": values, "candidates": len(pool.phrases)})
    return known


def _towards(
    known: Known, asked: Question, names: _Names, window: int | None, found: tuple[list[Measured], Drawn, Reading]
) -> None:
    """The rows of one window towards all targets, and the doses, nulls and rivals behind them."""
    each, drawn, reading = found
    for place, (target, one) in enumerate(zip(names.targets, each, strict=True)):
        head = {"seeds": names.set, "target": target, "window": called(window)}
        shared = {tuple(ids) for ids in asked.targets[place]} & {tuple(ids) for ids in asked.seeds if len(ids)}
        row = _summary(one, asked, drawn.found, reading, place)
        hits = _target_rows(head, names.target_terms[place], reading.term_hits[place])
        top = hits[0] if hits else {"target_term": None, "part": None}
        known.rows.append(
            {**head, **row, "n_shared": len(shared), "top_term": top["target_term"], "top_term_part": top["part"]}
        )
        known.targets.extend(hits)
        known.draws.append(one.draws)
        known.nulls.append({
            **head, "densities": one.null, "gap": drawn.gap, "candidates": len(drawn.pool.phrases),
            "prior_a": one.prior.a, "prior_b": one.prior.b, "clumping": one.clumping,
        })  # fmt: skip
        known.terms.extend(_doses(names.seeds, (target, called(window)), one, reading, place, shared))
    for row in differences(names.targets, each, asked.confidence):
        known.rivals.append({"seeds": names.set, "window": called(window), **row})


def _target_rows(head: dict[str, Any], terms: list[str], hits: Array) -> list[dict[str, Any]]:
    """Which terms of a target make its hits, the most first; a token that two terms cover is a hit of both."""
    whole = int(hits.sum())
    order = np.argsort(-hits, kind="stable")
    return [
        {"target": head["target"], "window": head["window"], "target_term": terms[k], "hits": int(hits[k]),
         "part": int(hits[k]) / whole}
        for k in order.tolist() if hits[k]
    ]  # fmt: skip


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
    seeds: Seeds, of: tuple[str, str], found: Measured, reading: Any, place: int, shared: set[tuple[int, ...]]
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
