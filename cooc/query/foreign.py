"""The verbs for indexes that are not cooc's own: infini-gram's directories (their sidecars) and its web API.

Results are those of the verbs for cooc's own indexes, with what is particular said in `note`: variants that were added
up, samples, and what a background of sampled documents makes an estimate.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from cooc.errors import UnknownTerm, UsageError
from cooc.phrases.api import ApiIndex, spellings
from cooc.phrases.background import Background, background
from cooc.phrases.foreign import MOST, ForeignIndex
from cooc.phrases.reading import Found, Reader
from cooc.phrases.variants import Variant
from cooc.query.measures import MEASURES, evaluate
from cooc.query.results import Column, Counts, Provenance, Result
from cooc.query.spellings import spellings as written_ways
from cooc.query.window import AnyWindow, any_window

Array = NDArray[Any]
Elsewhere = ForeignIndex | ApiIndex


@dataclass(frozen=True, eq=False, repr=False)
class ForeignCounts(Counts):
    """Occurrences of phrases, and in `variants` a row for each way a phrase is spelled:

    phrase, variant (as text), tokens, occurrences (of the tokens) and, of a directory, whole (those that are the
    phrase and no part of longer words; None where a sample was read).
    """

    variants: tuple[Mapping[str, Any], ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Rows, variants and provenance, ready for JSON."""
        return {**super().to_dict(), "variants": [dict(row) for row in self.variants]}


def count(
    index: Elsewhere, phrases: Sequence[str], *, most: int | None = MOST, seed: int = 0, confidence: float = 0.95,
    variants: bool = False, where: str | None = None, against: str | None = None,
) -> ForeignCounts:  # fmt: skip
    """Occurrences of each phrase as whole words, all its tokenizations together; with `variants` also those of hyphens
    and apostrophes."""
    if where is not None or against is not None:
        raise no_slices(index)
    written = {phrase: written_ways(phrase) if variants else [phrase] for phrase in phrases}
    if isinstance(index, ApiIndex):
        return count_by_api(index, phrases, written)
    rows, seen = [], []
    for phrase in phrases:
        try:
            ways = {tuple(index.words_of(way)): way for way in reversed(written[phrase])}
        except UnknownTerm as error:
            rows.append(dict.fromkeys(("occurrences", "documents", "low", "high", "tokens_found"), 0) | {
                "note": str(error), "phrase": phrase})  # fmt: skip
            continue
        found = [index.find(way, most=most, seed=seed) for way in ways.values()]
        rows.append(row_of_ways(phrase, [each for _, each in found], confidence))
        seen += [row for sequences, each in found for row in variant_rows(index, phrase, sequences, each)]
    names = ("phrase", "occurrences", "documents", "low", "high", "tokens_found", "note")
    columns: dict[str, Column] = {name: [row[name] for row in rows] for name in names}
    source = Provenance("count", index.name, index.digest, tuple(phrases), None, {"most": most, "seed": seed})
    return ForeignCounts(columns, source, tuple(seen))


def count_row(phrase: str, found: Found, confidence: float) -> dict[str, Any]:
    """The row of one phrase: counted, or estimated from a sample."""
    held, read, total = len(found.first), found.read, found.total
    if read == total:
        documents = len(np.unique(found.document))
        return {"phrase": phrase, "occurrences": held, "documents": documents, "low": held, "high": held,
                "tokens_found": total, "note": None}  # fmt: skip
    low, high = wilson(held, read, confidence)
    note = (
        f"its tokens stand at {total:,} places; {read:,} of them, a uniform sample, were read, {held:,} of which are "
        "the phrase. occurrences is an estimate, low and high its limits."
    )
    return {
        "phrase": phrase, "occurrences": round(total * held / read), "documents": None,
        "low": math.floor(low * total), "high": math.ceil(high * total), "tokens_found": total, "note": note,
    }  # fmt: skip


def row_of_ways(phrase: str, ways: Sequence[Found], confidence: float) -> dict[str, Any]:
    """The row of a phrase in all ways it may be written: no occurrence is of two; a document may hold several."""
    rows = [count_row(phrase, found, confidence) for found in ways]
    if len(rows) == 1:
        return rows[0]
    exact = all(found.read == found.total for found in ways)
    documents = len(np.unique(np.concatenate([found.document for found in ways]))) if exact else None
    sums = {name: sum(row[name] for row in rows) for name in ("occurrences", "low", "high", "tokens_found")}
    note = " ".join(dict.fromkeys(row["note"] for row in rows if row["note"])) or None
    return {"phrase": phrase, "documents": documents, "note": note, **sums}


def variant_rows(
    index: ForeignIndex, phrase: str, variants: Sequence[Variant], found: Found
) -> list[dict[str, Any]]:
    """How each variant is spelled, how often its tokens stand there, and how often as whole words."""
    rows = []
    for each, whole, asked in zip(variants, found.sure.tolist(), found.asked.tolist(), strict=True):
        tokens = list(each.tokens[::-1] if index.shards.backwards else each.tokens)
        rows.append({
            "phrase": phrase, "variant": index.spelled(each), "tokens": tokens, "occurrences": each.total,
            "whole": whole if asked == each.total else None,
        })  # fmt: skip
    return rows


def wilson(held: int, read: int, confidence: float) -> tuple[float, float]:
    """The limits of a share of which `held` of `read` were seen (Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = held / read, z * z / read
    middle = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / read + weight / (4 * read)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def count_by_api(index: ApiIndex, phrases: Sequence[str], written: Mapping[str, Sequence[str]]) -> ForeignCounts:
    """The sums of the server's counts of each phrase's spellings; spellings of the same tokens are one."""
    rows: list[dict[str, Any]] = []
    variants: list[dict[str, Any]] = []
    for phrase in phrases:
        answers: dict[Any, Any] = {}
        for text in dict.fromkeys(text for way in written[phrase] for text in spellings(way, index.name)):
            answer = index.count(text)
            answers.setdefault(answer.token_ids or text, answer)
        approx = any(answer.approx for answer in answers.values())
        note = (
            f"the sum of {len(answers)} spellings of its tokens, case as shown, also inside longer words"
            + ("; the server calls a count approximate" if approx else "")
        )  # fmt: skip
        total = sum(answer.occurrences for answer in answers.values())
        rows.append({"phrase": phrase, "occurrences": total, "documents": None, "approx": approx, "note": note})
        variants += [
            {"phrase": phrase, "variant": answer.query, "tokens": list(answer.token_ids),
             "occurrences": answer.occurrences, "whole": None} for answer in answers.values()
        ]  # fmt: skip
    names = ("phrase", "occurrences", "documents", "approx", "note")
    columns: dict[str, Column] = {name: [row[name] for row in rows] for name in names}
    source = Provenance("count", index.name, index.digest, tuple(phrases), None, {"address": index.address})
    return ForeignCounts(columns, source, tuple(variants))


def no_slices(index: Elsewhere) -> UsageError:
    """The error for a question about part of an index that is not cooc's own."""
    return UsageError(
        f"{index.name} is an index of infini-gram: it can be asked as a whole, not by where or against. "
        "cooc build infini-gram:SIDECAR --out DIR makes one of cooc's of it."
    )


def only_count(index: ApiIndex, verb: str) -> NoReturn:
    """Refuse what the web API can't answer."""
    raise UsageError(f"api:{index.name} answers count alone; {verb} needs the index's files: cooc open-infini-gram.")


def window_of(window: int | str | None, direction: str | None, weighting: str | None) -> AnyWindow:
    """The window asked for; 10 words to either side if none is named."""
    if weighting not in (None, "uniform"):
        raise UsageError(f"weighting {weighting}: contexts in an index of infini-gram are counted uniformly.")
    size = 10 if window is None else None if str(window) == "document" else window
    try:
        return any_window(None if size is None else int(size), direction or "symmetric")
    except ValueError:
        raise UsageError(f'--window "{window}": expected a number of words, or document.') from None


def contexts(
    index: Elsewhere, phrases: str | Iterable[str], *, window: int | str | None = None, direction: str | None = None,
    weighting: str | None = None, measure: str | None = None, top: int = 20, min_count: float = 5,
    where: str | None = None, against: str | None = None, most: int | None = MOST, seed: int = 0,
    prior: float | None = None, **parameters: float,
) -> Any:  # fmt: skip
    """The words around each phrase, ranked: the numbers of a cooc index of the same text."""
    from cooc.query.contexts import Contexts
    from cooc.query.margins import Margins
    from cooc.query.rank import check_ranking
    from cooc.query.surroundings import Row, ranking, summary, with_samples

    if where is not None or against is not None or prior is not None:
        raise no_slices(index)
    if isinstance(index, ApiIndex):
        only_count(index, "contexts")
    asked, measure = (phrases,) if isinstance(phrases, str) else tuple(phrases), measure or "npmi"
    if not asked:
        raise UsageError("contexts of no phrase: name at least one.")
    check_ranking(measure, top)
    chosen, reader = window_of(window, direction, weighting), Reader(index)
    seen = background(index, reader, (chosen.left, chosen.right), seed=seed)
    found = [found_around(index, reader, phrase, chosen, most, seed) for phrase in asked]
    names, order = ordered_words(reader, seen)
    rank = np.argsort(order)
    rows = [
        Row(renumbered(around(each, reader, chosen), rank), len(each.first), estimated(each), documents_in(each))
        for each in found
    ]
    margins = Margins(ordered_columns(seen, order), seen.pairs, 1)  # type: ignore[arg-type]
    complete = margins.with_smoothed_total(parameters)
    confidence = parameters.get("confidence", 0.95)
    tables = [
        ranking(
            Words(names), phrase, row, margins=margins, measure=measure, top=top, min_count=min_count,
            confidence=confidence, parameters=complete,
        )
        for phrase, row in zip(asked, rows, strict=True)
    ]
    with_samples(tables, rows)
    columns: dict[str, Column] = {name: end_to_end([table[name] for table in tables]) for name in tables[0]}
    options = {"window": chosen.name, "direction": chosen.direction, "min_count": min_count, **parameters}
    source = Provenance("contexts", index.name, index.digest, asked, measure, options)
    notes = [summary(phrase, row, seen.note, chosen) for phrase, row in zip(asked, rows, strict=True)]
    return Contexts(columns, source, tuple(notes))


def end_to_end(parts: Sequence[Column]) -> Column:
    """A column of several tables."""
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    return np.concatenate(arrays) if len(arrays) == len(parts) else [value for part in parts for value in part]


def ordered_words(reader: Reader, seen: Background) -> tuple[list[str], Array]:
    """All words met, and their numbers, most frequent first and then by their bytes: the order of an index's ids."""
    names = np.array(reader.vocabulary, object)
    occurrences = np.zeros(len(names))
    occurrences[: len(seen.occurrences)] = seen.occurrences
    order = np.lexsort((np.array([name.encode() for name in names], object), -occurrences))
    return names[order].tolist(), order


def ordered_columns(seen: Background, order: Array) -> Array:
    """C1 of the words in an order, so that sums of fractions are those of an index, to the last bit.

    What was met only in readings that ended inside a word is no word of the index.
    """
    known = np.zeros(len(order), seen.columns.dtype)
    known[: len(seen.columns)] = seen.columns
    return known[order][: np.count_nonzero(seen.occurrences)] if seen.is_exact else known[order]


def renumbered(found: Any, rank: Array) -> Any:
    """The words around a phrase by other numbers, ascending."""
    terms = rank[found.terms]
    order = np.argsort(terms)
    return found._replace(
        terms=terms[order], counts=found.counts[order], documents=found.documents[order], squares=found.squares[order]
    )


class Words:
    """What a ranking asks a vocabulary for: the names of terms."""

    def __init__(self, names: list[str]) -> None:
        self._names = names

    def terms(self, ids: Array) -> list[str]:
        return [self._names[int(word)] for word in ids]


def found_around(
    index: ForeignIndex, reader: Reader, phrase: str, window: AnyWindow, most: int | None, seed: int, more: int = 0
) -> Found:
    """The occurrences of a phrase with the words of a window around them, and `more` words beyond."""
    needs = (None, None) if window.size is None else (window.left + more, window.right + more)
    return index.find(phrase, reader=reader, left=needs[0], right=needs[1], most=most, seed=seed)[1]


def estimated(found: Found) -> int:
    """The occurrences, or what a sample of the places tells of them."""
    return len(found.first) if found.read == found.total else round(found.total * len(found.first) / found.read)


def documents_in(found: Found) -> int:
    return len(np.unique(found.document))


def around(found: Found, reader: Reader, window: AnyWindow) -> Any:
    """The words around occurrences, by their numbers."""
    from cooc.kernels.foreign import count_around
    from cooc.query.around import Around

    size = reader.counter.known
    counts, squares, documents, touched = np.zeros((4, size), np.int64)
    order = np.argsort(found.document, kind="stable")
    count_around(
        found.ids, found.first[order], found.low[order], found.high[order], found.length, window.left, window.right,
        found.document[order], counts, squares, documents, np.full(size, -1), touched,
    )  # fmt: skip
    terms = np.flatnonzero(counts)
    return Around(terms, counts[terms], documents[terms], squares[terms])


def pair(
    index: Elsewhere, a: str, b: str, *, window: int | str | None = None, direction: str | None = None,
    where: str | None = None, against: str | None = None, most: int | None = MOST, seed: int = 0, **parameters: float,
) -> Any:  # fmt: skip
    """Two words or phrases together: b in the window of a, and what chance would give."""
    from cooc.query.pairs import Pair
    from cooc.query.rank import ALPHA, smoothed_total

    if where is not None or against is not None:
        raise no_slices(index)
    if isinstance(index, ApiIndex):
        only_count(index, "pair")
    chosen, reader = window_of(window, direction, None), Reader(index)
    lengths = len(index.words_of(a)), len(index.words_of(b))
    seen = background(index, reader, (chosen.left, chosen.right), seed=seed)
    of_a = found_around(index, reader, a, chosen, most, seed, more=lengths[1] - 1)
    of_b = found_around(index, reader, b, chosen.mirrored, most, seed, more=lengths[0] - 1)
    met, met_a, documents = meetings(of_a, reader, b, chosen)
    _, met_b, _ = meetings(of_b, reader, a, chosen.mirrored)
    exact = all(each.read == each.total for each in (of_a, of_b))
    together = together_of(met, chosen, (met_a, met_b), documents)
    numbers = [
        met.sum() * scale_of(of_a), window_words(of_a, chosen) * scale_of(of_a),
        window_words(of_b, chosen.mirrored) * scale_of(of_b), seen.pairs,
    ]  # fmt: skip
    if exact and seen.is_exact:
        numbers = [round(number) for number in numbers]
    words = ordered_columns(seen, ordered_words(reader, seen)[1])
    complete = {**parameters, "smoothed_total": smoothed_total(words, parameters.get("alpha", ALPHA))}
    values = evaluate(list(MEASURES), *numbers, **complete)
    row: dict[str, Any] = {
        "a": a, "b": b, "count": numbers[0], "expected": float(values.pop("expected")), "r1": numbers[1],
        "c1": numbers[2], "n": numbers[3], "documents": documents, "status": "counted" if met.sum() else "never seen",
        "a_anchors": met_a, "b_anchors": met_b, "before": int(met[0].sum()), "after": int(met[1].sum()),
        **{name: float(value) for name, value in values.items()},
    }  # fmt: skip
    if not exact:  # these can't be told from a sample
        row |= dict.fromkeys(("documents", "a_anchors", "b_anchors", "before", "after"))
    note = None if exact else "count, expected and the marginals are estimates from a uniform sample of occurrences."
    if note or seen.note:
        row["note"] = " ".join(each for each in (note, seen.note) if each)
    options = {"window": chosen.name, "direction": chosen.direction, **parameters}
    source = Provenance("pair", index.name, index.digest, (a, b), None, options)
    return Pair({name: [value] for name, value in row.items()}, source, tuple(together.distances) if exact else ())


def meetings(found: Found, reader: Reader, phrase: str, window: AnyWindow) -> tuple[Array, int, int]:
    """(pairs with a phrase by distance: before, after; occurrences that are in one; documents that hold one)."""
    from cooc.kernels.foreign import find_meetings

    (other,) = reader.number([phrase])
    reach = int((found.high - found.low).max(initial=0)) + 1 if window.size is None else window.size
    sides, met = np.zeros((2, reach + 1), np.int64), np.zeros(len(found.first), np.int64)
    find_meetings(
        found.ids, found.first, found.low, found.high, found.length, np.array(other, np.int64), window.left,
        window.right, sides[0], sides[1], met,
    )  # fmt: skip
    return sides, int((met > 0).sum()), len(np.unique(found.document[met > 0]))


def together_of(sides: Array, window: AnyWindow, anchors: tuple[int, int], documents: int) -> Any:
    """The pairs by distance; in the window of documents by powers of two."""
    from cooc.query.together import Together

    distances = np.arange(1, sides.shape[1])
    if window.size is None:
        edges = np.int64(1) << np.arange(max(1, sides.shape[1]).bit_length() + 1)
        places = np.searchsorted(edges, distances)
        sides = np.stack([np.bincount(places, side[1:], len(edges)).astype(np.int64) for side in sides])
        return Together(edges, sides[0], sides[1], *anchors, documents)
    return Together(distances, sides[0, 1:], sides[1, 1:], *anchors, documents)


def scale_of(found: Found) -> float:
    """What takes counts of the places read to all of them."""
    return found.total / found.read if found.read else 1.0


def window_words(found: Found, window: AnyWindow) -> int:
    """R1: the words in the windows of all occurrences."""
    first, last = found.first, found.first + found.length
    return int((np.minimum(window.left, first - found.low) + np.minimum(window.right, found.high - last)).sum())


class Kwic(Result):
    """Lines of a concordance: each occurrence with what stands to its left and right."""

    label = "document"

    def plot(self, top: int = 30) -> Any:
        """A matplotlib figure: where in the corpus the lines are, by document."""
        from cooc.query.kwic import places_figure

        return places_figure(self)


def kwic(
    index: Elsewhere, phrase: str, *, width: int = 10, top: int = 20, sort: str | None = None, most: int | None = MOST,
    seed: int = 0, where: str | None = None,
) -> Kwic:  # fmt: skip
    """Up to `top` occurrences with `width` words of text to either side, sampled evenly where there are more.

    Columns: document (its number), left, match, right, and metadata (where the index has any). `sort` "left" or
    "right" orders them by the nearest word on that side; else they come as they stand in the index.
    """
    if where is not None:
        raise no_slices(index)
    if isinstance(index, ApiIndex):
        only_count(index, "kwic")
    if sort not in (None, "left", "right"):
        raise UsageError(f'sort "{sort}": expected left or right.')
    if top < 1 or width < 0:
        raise UsageError(f"top is {top}, width {width}; expected at least 1 line and no words fewer than 0.")
    reader = Reader(index)
    found = index.find(phrase, reader=reader, left=width, right=width, most=most, seed=seed)[1]
    chosen = np.arange(len(found.first))
    if len(chosen) > top:
        chosen = np.sort(np.random.default_rng(seed).choice(len(chosen), top, replace=False))
    rows = [line(index, reader, found, int(k), width) for k in chosen]
    key = {"left": lambda row: row["left"].split()[::-1], "right": lambda row: row["right"].split()}
    if sort is not None:
        rows.sort(key=lambda row: [word.casefold() for word in key[sort](row)])
    columns: dict[str, Column] = {name: [row[name] for row in rows] for name in ("document", "left", "match", "right")}
    if any(row["metadata"] for row in rows):
        columns["metadata"] = [json.dumps(row["metadata"], ensure_ascii=False) for row in rows]
    options = {"width": width, "top": top, "sort": sort, "seed": seed, "occurrences": estimated(found)}
    return Kwic(columns, Provenance("kwic", index.name, index.digest, (phrase,), None, options))


def line(index: ForeignIndex, reader: Reader, found: Found, k: int, width: int) -> dict[str, Any]:
    """One occurrence as text: read again, for what was kept of it are numbers of words."""
    from cooc.phrases.texts import metadata_of

    shard, token = int(found.shard[k]), found.token[k : k + 1]
    _, begin, end = index.shards.document_bounds(shard, token)
    reach = 8 + 4 * (width + found.length)
    wanted = found.ids[found.low[k] : found.high[k]]
    while True:
        start, stop = np.maximum(begin, token - reach), np.minimum(end, token + reach)
        data, _, _, offsets = reader.texts(shard, start, stop)
        ids, _, starts, stops, _ = reader.words(data, offsets)
        at = place_of(ids, wanted)
        if at >= 0:
            break
        reach *= 2
    first = at + int(found.first[k] - found.low[k])
    last = first + found.length - 1
    pieces = (starts[at], starts[first]), (starts[first], stops[last]), (stops[last], stops[at + len(wanted) - 1])
    left, match, right = (" ".join(data[a:b].tobytes().decode("utf-8", "replace").split()) for a, b in pieces)
    document = int(found.document[k])
    return {"document": document, "left": left, "match": match, "right": right,
            "metadata": metadata_of(index, document)}  # fmt: skip


def place_of(ids: Array, wanted: Array) -> int:
    """Where a run of words stands among others; the middle one of several, or −1."""
    places = [k for k in range(len(ids) - len(wanted) + 1) if np.array_equal(ids[k : k + len(wanted)], wanted)]
    return min(places, key=lambda k: abs(2 * k + len(wanted) - len(ids)), default=-1)


class ForeignDoses(NamedTuple):
    """The columns of `cooc.clusters.doses.Doses`: of each phrase and each document that holds it."""

    term: Array
    document: Array
    contexts: Array
    hits: Array
    occurrences: Array


def doses(
    index: ForeignIndex, phrases: Sequence[str], targets: Sequence[Sequence[str]], *, window: int | None,
    most: int | None = MOST, seed: int = 0,
) -> ForeignDoses:  # fmt: skip
    """What of each target stands around each phrase, by document: from the phrases' places, without reading the rest.

    The numbers are those of `cooc.clusters.doses.doses` for an index of the same text. Of a phrase at more than `most`
    places a uniform sample is read, and the counts are those of the sample.
    """
    from cooc.kernels.foreign import count_targets

    if len(targets) > 62:
        raise UsageError(f"{len(targets)} targets; expected at most 62 at once.")
    reader, parts = Reader(index), []
    numbered = [[ids for ids in reader.number(list(target)) if ids] for target in targets]
    table = phrase_table(numbered)
    longest = max((len(ids) for target in numbered for ids in target), default=1)
    chosen = any_window(window)
    for number, phrase in enumerate(phrases):
        found = found_around(index, reader, phrase, chosen, most, seed, more=longest - 1)
        hits = np.zeros((len(found.first), len(targets)), np.int64)
        contexts = np.zeros(len(found.first), np.int64)
        room = np.zeros(int((found.high - found.low).max(initial=0)), np.int64)
        count_targets(found.ids, found.first, found.low, found.high, found.length, chosen.left, *table, room, contexts,
                      hits)  # fmt: skip
        documents, place = np.unique(found.document, return_inverse=True)
        summed = np.zeros((len(documents), 2 + len(targets)), np.int64)
        np.add.at(summed, place, np.column_stack([contexts, np.ones_like(contexts), hits]))
        parts.append((np.full(len(documents), number), documents, summed))
    rows = np.concatenate([np.zeros((0, 2 + len(targets)), np.int64), *(part[2] for part in parts)])
    terms, documents = (np.concatenate([np.zeros(0, np.int64), *(part[k] for part in parts)]) for k in (0, 1))
    return ForeignDoses(terms, documents, rows[:, 0], rows[:, 2:], rows[:, 1])


def phrase_table(targets: Sequence[Sequence[Sequence[int]]]) -> tuple[Array, ...]:
    """Phrases by their first word, as `count_targets` wants them."""
    phrases = [(target, list(ids)) for target, several in enumerate(targets) for ids in several]
    firsts = np.array([ids[0] for _, ids in phrases], np.int64)
    order = np.argsort(firsts, kind="stable")
    by_word = np.searchsorted(firsts[order], np.arange(firsts.max(initial=-1) + 2)).astype(np.int64)
    starts = np.cumsum([0, *(len(ids) for _, ids in phrases)]).astype(np.int64)
    flat = np.array([word for _, ids in phrases for word in ids], np.int64)
    return by_word, order, starts, flat, np.array([target for target, _ in phrases], np.int64)


def as_index(index: Any) -> Any:
    """An index of cooc's own for a question that needs one: itself, or a foreign one with all its words counted."""
    if isinstance(index, ApiIndex):
        only_count(index, "this question")
    if isinstance(index, ForeignIndex):
        from cooc.phrases.counted import counted

        return counted(index)
    return index
