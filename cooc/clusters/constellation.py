"""What clues say together: which of several candidates they point to, one by one and added up.

For a clue term f and a candidate e, n(e, f) is the number of documents in which e is named in a context of f, and
P(e | f) = (n(e, f) + a m(e)) / (Σ n(·, f) + a): of the documents that name a candidate around f, the share that name
e, drawn towards m. m and a come from the corpus: the same shares around the clues and terms as frequent and as long,
and the a under which the counts of all these are likeliest (Dirichlet-multinomial).
So m is what a clue that says nothing
would give, and a candidate whom the corpus names often gains nothing by that.

A clue's weight for e is Σ log2 P(e | f) / m(e) over its terms, and all clues together give e the posterior of naive
Bayes, m(e) · 2^Σ over its sum. Naive Bayes takes clues to be independent; where they are not it is too sure of itself.
That is why the sum has a null: sets of clues of matched frequency, weighed in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.clues import MIN_COUNT, Clue, Phrase, clues_of
from cooc.clusters.cluster import compared
from cooc.clusters.doses import read_doses
from cooc.clusters.matched import draw_sets, pool_of
from cooc.clusters.pagerank import ids_of
from cooc.clusters.sets import Named, named_sets
from cooc.clusters.window import window_of
from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.query.elsewhere import as_index
from cooc.query.results import Column, Provenance, Result
from cooc.terms import TermSet

Array = NDArray[Any]

ORDERS = 200
NULL = 999
SAMPLES = 1_000
"""Draws from the posterior of each clue, for its interval."""

IDENTIFIES, LEANS, SILENT, UNKNOWN, NAMES = "individually identifying", "leans", "", "unknown", "names a candidate"


class Shares(NamedTuple):
    """What terms say of candidates: n(e, f) by term and candidate, m and a."""

    counts: Array
    base: Array
    strength: float

    def weights(self) -> Array:
        """log2 P(e | f) / m(e), by term and candidate."""
        prior = self.strength * self.base
        shares = (self.counts + prior) / (self.counts.sum(axis=1, keepdims=True) + self.strength)
        return np.asarray(np.log2(shares / self.base))


@dataclass(frozen=True, eq=False, repr=False)
class Constellation(Result):
    """The candidates as all clues together rank them; `clues` one by one, `curve` by their number."""

    clues: Result
    curve: Result

    label = "candidate"

    def to_dict(self) -> dict[str, Any]:
        return {**super().to_dict(), "clues": self.clues.rows(), "curve": self.curve.rows()}

    def _plotted(self) -> str:
        return "log_odds"

    def plot(self, top: int = 6) -> Any:
        """A matplotlib figure: the posterior of the first candidates by number of clues, and the strongest clues."""
        from cooc.clusters.figures import new_figure

        figure, (left, right) = new_figure(12, 5, 1, 2)
        rows, curve = self.rows(), self.curve.rows()
        for row in rows[:top]:
            mine = [each for each in curve if each["candidate"] == row["candidate"]]
            numbers = [each["clues"] for each in mine]
            (line,) = left.plot(numbers, [each["median"] for each in mine], label=row["candidate"])
            left.fill_between(
                numbers, [each["low"] for each in mine], [each["high"] for each in mine], alpha=0.15,
                color=line.get_color(),
            )  # fmt: skip
        left.axhline(0.5, color="0.6", linewidth=0.8)
        left.set_xlabel("clues, in random orders")
        left.set_ylabel("posterior: median, 5–95 %")
        left.legend(fontsize="small")
        first = rows[0]["candidate"] if rows else None
        strong: list[dict[str, Any]] = [each for each in self.clues.rows() if each["candidate"] == first]
        strong = sorted(strong, key=lambda each: -each["weight"])[:20]
        names = [f"{each['terms'][:40]}{' *' if each['flag'] == IDENTIFIES else ''}" for each in strong]
        right.barh(range(len(strong)), [each["weight"] for each in strong])
        right.set_yticks(range(len(strong)), names, fontsize="small")
        right.invert_yaxis()
        right.set_xlabel(f"bits towards {first}; * identifies alone")
        figure.suptitle(self.provenance.caption(), fontsize="medium", x=0.01, ha="left", wrap=True)
        return figure


def constellation(
    index: Index,
    clues: Named | Sequence[str],
    candidates: Named | Sequence[TermSet],
    *,
    window: int | str | None = None,
    orders: int = ORDERS,
    null: int = NULL,
    min_count: int = MIN_COUNT,
    confidence: float = 0.9,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> Constellation:
    """Which candidate clues point to, alone and together, and how many of them it takes.

    `clues` is a file (clues.py says how facts become terms), a term set or a list of terms; `candidates` a file of
    named sets, each a candidate with the names it goes by, or of plain lines, each a candidate. Names are taken out
    of the text of clues: a clue whose term holds a candidate's name is set aside. `window` is the tokens to either
    side, or "document"; the index's first window if not given.

    Rows: `prior` is m; `posterior` and `log_odds` (bits, against all others) after all clues, `rank`; `half` the
    number of clues at which the posterior is one half in half of the `orders`, null where it never is; `z` and `p` of
    the log odds against `null` sets of matched clues. A clue is individually identifying if the lower limit of
    P(e | clue) is at least one half. Raises `UsageError` where no clue has a term that occurs, or no candidate does.
    """
    index = as_index(index)
    for name, value, least in (("orders", orders, 1), ("null", null, 0), ("min_count", min_count, 1)):
        if value < least:
            raise UsageError(f"{name} is {value}; expected at least {least}.")
    if not 0 < confidence < 1:
        raise UsageError(f"confidence is {confidence}; it must lie between 0 and 1, like 0.9.")
    if isinstance(clues, Sequence) and not isinstance(clues, str):
        clues = TermSet("clues", clues)
    given = clues_of(index, clues, min_count=min_count)
    persons = candidates_of(candidates)
    names = [[tuple(ids) for ids in (ids_of(index, name) for name in each) if ids] for each in persons]
    size = window_of(index, window)
    used, flags = _set_aside(given, names)
    terms = list(dict.fromkeys(phrase for clue in used for phrase in clue.phrases))
    read = _read(index, terms, names, (size, seed, null), progress)
    if not read.found.any():
        raise UsageError(f"no clue has a term that occurs in {index.name}; clues are words and phrases of the corpus.")
    if not read.shares.counts.sum() and not read.null.sum():
        raise UsageError(f"no candidate is named in {index.name}: add other names they go by.")
    places = {phrase: place for place, phrase in enumerate(terms)}
    of = [[places[phrase] for phrase in clue.phrases if read.found[places[phrase]]] for clue in used]
    weights = _by_clue(read.shares.weights(), of)
    speaking = np.array([bool(each) for each in of])
    random = np.random.default_rng(seed)
    parameters = {
        "window": "document" if size is None else str(size), "orders": orders, "null": null, "min_count": min_count,
        "confidence": confidence, "seed": seed, "strength": read.shares.strength,
    }  # fmt: skip
    asked = tuple(each.name for each in persons)
    source = Provenance("constellation", index.name, index.digest, asked, None, parameters)
    curve = _curve(weights[speaking], read.shares.base, orders, random)
    table = _clue_rows(given, used, flags, (of, weights), read, persons, confidence, random)
    rows = _candidate_rows(persons, names, read, weights[speaking], curve, of)
    return Constellation(
        _columns(rows), source, Result(_columns(table), source), Result(_columns(_curve_rows(persons, curve)), source)
    )


def candidates_of(given: Named | Sequence[TermSet]) -> list[TermSet]:
    """Each candidate with its names; a single set of several lines is one candidate a line."""
    if isinstance(given, Sequence) and not isinstance(given, str):
        sets = [each if isinstance(each, TermSet) else TermSet(str(each), [str(each)]) for each in given]
    else:
        sets = named_sets(given)
    if len(sets) == 1:
        sets = [TermSet(term, [term]) for term in sets[0]]
    if len(sets) < 2:
        raise UsageError("constellation needs at least 2 candidates: P(e | f) is the share of one among several.")
    return sets


class _Reading(NamedTuple):
    shares: Shares
    """Of the clue terms."""
    found: Array
    """Which clue terms occur."""
    documents: Array
    """Documents that hold each clue term."""
    null: Array
    """n(e, f) of the background terms."""
    drawn: Array
    """(null, clue terms that occur): background terms."""
    named: Array
    """Documents around a clue or a background term that name each candidate."""


def _read(
    index: Index, terms: list[Phrase], names: list[list[Phrase]], how: tuple[int | None, int, int], progress: Any
) -> _Reading:
    """Two readings of the corpus: how often clue terms occur, then what stands around them and around others."""
    window, seed, null = how
    counted = read_doses(index, terms, [], window=0, rows_of=0).sums.occurrences
    found = counted > 0
    present = [term for term, there in zip(terms, found.tolist(), strict=True) if there]
    every = [phrase for each in names for phrase in each]
    pool = pool_of(index, present, counted[found], seed=seed, exclude=every)
    sums = read_doses(
        index, [*terms, *pool.phrases], names, window=window, rows_of=0, progress=progress
    ).sums  # fmt: skip
    hits, others = sums.documents_hit[: len(terms)], sums.documents_hit[len(terms) :]
    lengths = np.array([len(term) for term in present], np.int64)
    drawn, _ = draw_sets(
        (lengths, counted[found]), (pool.words, sums.occurrences[len(terms) :]), sets=max(null, 1), seed=seed
    )
    base = (others.sum(axis=0) + hits.sum(axis=0) + 1.0) / (others.sum() + hits.sum() + len(names))
    shares = Shares(hits, base, strength_of(np.concatenate([hits, others]), base))
    return _Reading(shares, found, sums.documents[: len(terms)], others, drawn[:null], hits.sum(0) + others.sum(0))


def strength_of(counts: Array, base: Array) -> float:
    """The a under which counts by term and candidate are likeliest: Dirichlet-multinomial with mean `base`.

    Searched between 2⁻⁶ and 2¹⁴; 1 where no term has two counts, for then nothing can be told.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import gammaln

    sums = counts.sum(axis=1)
    n, x = sums[sums > 1], counts[sums > 1]
    if not len(n):
        return 1.0

    def loss(bits: float) -> float:
        a = 2.0**bits
        whole = gammaln(a) - gammaln(a + n)
        each = gammaln(x + a * base) - gammaln(a * base)
        return -float(whole.sum() + each.sum())

    return float(2.0 ** minimize_scalar(loss, bounds=(-6, 14), method="bounded").x)


def _set_aside(given: Sequence[Clue], names: list[list[Phrase]]) -> tuple[list[Clue], list[str]]:
    """The clues without the terms that hold a candidate's name, and what each is flagged by that."""
    every = [name for each in names for name in each]
    used, flags = [], []
    for clue in given:
        kept = [k for k, phrase in enumerate(clue.phrases) if not any(_holds(phrase, name) for name in every)]
        flags.append(UNKNOWN if not clue.phrases else NAMES if not kept else SILENT)
        used.append(clue._replace(phrases=[clue.phrases[k] for k in kept]))
    return used, flags


def _holds(phrase: Phrase, name: Phrase) -> bool:
    return any(phrase[k : k + len(name)] == name for k in range(len(phrase) - len(name) + 1))


def _by_clue(weights: Array, of: Sequence[Sequence[int]]) -> Array:
    """The weights of clues, by clue and candidate; 0 for one that says nothing."""
    return np.array([weights[list(places)].sum(axis=0) if places else np.zeros(weights.shape[1]) for places in of])


def posteriors(scores: Array, base: Array) -> Array:
    """m(e) 2^score over their sum, along the last axis."""
    logs = scores * np.log(2) + np.log(base)
    logs = logs - logs.max(axis=-1, keepdims=True)
    values = np.exp(logs)
    return np.asarray(values / values.sum(axis=-1, keepdims=True))


def log_odds(scores: Array, base: Array) -> Array:
    """log2 of each candidate's m(e) 2^score over that of all others."""
    logs = scores + np.log2(base)
    others = np.stack(
        [np.logaddexp2.reduce(np.delete(logs, k, axis=-1), axis=-1) for k in range(logs.shape[-1])], axis=-1
    )
    return np.asarray(logs - others)


def _curve(weights: Array, base: Array, orders: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Posterior and rank by (order, number of clues from 0 up, candidate)."""
    clues = len(weights)
    order = np.argsort(random.random((orders, clues)), axis=1, kind="stable")
    scores = np.concatenate([np.zeros((orders, 1, len(base))), np.cumsum(weights[order], axis=1)], axis=1)
    found = posteriors(scores, base)
    logs = scores + np.log2(base)
    above = (logs[..., None, :] > logs[..., :, None] + 1e-9).sum(axis=-1)
    level = (np.abs(logs[..., None, :] - logs[..., :, None]) <= 1e-9).sum(axis=-1) - 1
    return found, 1 + above + level / 2


def _curve_rows(persons: Sequence[TermSet], curve: tuple[Array, Array]) -> list[dict[str, Any]]:
    found, ranks = curve
    middle, low, high = (np.quantile(found, q, axis=0) for q in (0.5, 0.05, 0.95))
    return [
        {
            "candidate": each.name, "clues": number, "mean": float(found[:, number, k].mean()),
            "median": float(middle[number, k]), "low": float(low[number, k]), "high": float(high[number, k]),
            "rank": float(ranks[:, number, k].mean()),
        }
        for k, each in enumerate(persons) for number in range(found.shape[1])
    ]  # fmt: skip


def _candidate_rows(
    persons: Sequence[TermSet], names: list[list[Phrase]], read: _Reading, weights: Array,
    curve: tuple[Array, Array], of: Sequence[Sequence[int]],
) -> list[dict[str, Any]]:  # fmt: skip
    """One row a candidate, the likeliest first."""
    base, scores = read.shares.base, weights.sum(axis=0)
    odds, after = log_odds(scores, base), posteriors(scores, base)
    null = _null_odds(read, of)
    above = np.median(curve[0], axis=0) >= 0.5
    rows = []
    for k, each in enumerate(persons):
        mean, spread, z, p = compared(float(odds[k]), null[:, k])
        rows.append({
            "candidate": each.name, "names": len(each), "names_found": len(names[k]),
            "documents": int(read.shares.counts[:, k].sum()), "prior": float(base[k]), "posterior": float(after[k]),
            "log_odds": float(odds[k]), "null_mean": mean, "null_sd": spread, "z": z, "p": p,
            "rank": float(curve[1][0, -1, k]), "half": int(np.argmax(above[:, k])) if above[:, k].any() else None,
            "n_clues": len(weights),
        })  # fmt: skip
    return sorted(rows, key=lambda row: (-row["log_odds"], row["candidate"]))


def _null_odds(read: _Reading, of: Sequence[Sequence[int]]) -> Array:
    """The log odds that sets of matched clues give, by (set, candidate)."""
    weights = Shares(read.null, read.shares.base, read.shares.strength).weights()
    number = np.cumsum(read.found) - 1
    columns = [int(number[place]) for places in of for place in places]
    if not len(read.drawn):
        return np.zeros((0, len(read.shares.base)))
    weights = np.concatenate([weights, np.zeros((1, weights.shape[1]))])  # -1: a term without a like
    scores = np.stack([weights[row[columns]].sum(axis=0) for row in read.drawn])
    return log_odds(scores, read.shares.base)


def _clue_rows(
    given: Sequence[Clue], used: Sequence[Clue], flags: Sequence[str], weighed: tuple[Sequence[Sequence[int]], Array],
    read: _Reading, persons: Sequence[TermSet], confidence: float, random: np.random.Generator,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row a clue: the candidate it points to, how surely, and how matched clues do."""
    of, weights = weighed
    base = read.shares.base
    every = Shares(read.null, base, read.shares.strength).weights()
    number = np.cumsum(read.found) - 1
    rows = []
    for k, clue in enumerate(given):
        row: dict[str, Any] = {
            "clue": clue.name, "terms": ", ".join(clue.terms), "too_rare": ", ".join(clue.rare),
            "documents": int(read.documents[list(of[k])].sum()),
            "naming": int(read.shares.counts[list(of[k])].sum()), "candidate": None, "posterior": None, "low": None,
            "high": None, "weight": None, "p": None, "second": None, "flag": flags[k] or (SILENT if of[k] else UNKNOWN),
        }  # fmt: skip
        if of[k]:
            shares = posteriors(weights[k], base)
            first, second = np.argsort(-shares, kind="stable")[:2].tolist()
            low, high = _limits(read.shares, of[k], first, confidence, random)
            null = every[read.drawn[:, [int(number[place]) for place in of[k]]], first].sum(axis=1)
            flag = IDENTIFIES if low >= 0.5 else LEANS if shares[first] >= 0.5 else SILENT
            row |= {
                "candidate": persons[first].name, "posterior": float(shares[first]), "low": low, "high": high,
                "weight": float(weights[k, first]), "second": persons[second].name, "flag": flag,
                "p": compared(float(weights[k, first]), null)[3],
            }  # fmt: skip
        rows.append(row)
    return rows


def _limits(
    shares: Shares, places: Sequence[int], candidate: int, confidence: float, random: np.random.Generator
) -> tuple[float, float]:
    """Credible limits of a candidate's posterior after one clue: its terms' shares are Dirichlet, each by itself."""
    alpha = shares.counts[list(places)] + shares.strength * shares.base
    drawn = np.maximum(random.standard_gamma(alpha, (SAMPLES, *alpha.shape)), 1e-300)
    logs = np.log2(drawn / drawn.sum(axis=2, keepdims=True)) - np.log2(shares.base)
    found = posteriors(logs.sum(axis=1), shares.base)[:, candidate]
    low, high = np.quantile(found, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    return float(low), float(high)


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, Column]:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
