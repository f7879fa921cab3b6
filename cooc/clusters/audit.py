"""What a finetuning file or a prompt leans on: `audit`.

A file's own terms are found by keyness against the corpus; what stands around *them in the corpus* is then measured
for every target, against terms of the same frequency and against terms as close to the topic of the prompts. The file
need not name a target to lean on it: that is the point. What it does name is said apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cooc.clusters.extract import (
    ANSWERS,
    PROMPTS,
    TEXT,
    Candidates,
    KeyTerms,
    Texts,
    candidates_of,
    key_terms,
    read_texts,
    topic_words,
)
from cooc.clusters.keyness import Array
from cooc.clusters.lexicon import UNIONS, lexicons
from cooc.clusters.sets import Named, named_set, named_sets
from cooc.clusters.verdicts import AS_TOPIC, BEYOND, LEANS, ORDER, draw_part, rank_of, sentence_of, warning_of
from cooc.errors import UsageError
from cooc.query.elsewhere import as_index
from cooc.query.results import Column, Provenance, Result
from cooc.terms import TermSet

if TYPE_CHECKING:
    from cooc.clusters.leaning import Leaning
    from cooc.index.reader import Index

FEWEST = 5
"""Key terms of a part, below which nothing is said of it."""


@dataclass(frozen=True, eq=False, repr=False)
class Audit(Result):
    """The targets that a file leans on, the clearest warning first.

    `terms` are its key terms, `examples` places of the corpus where those that carry a warning stand near its target,
    `notes` what a reader should know: lines skipped, words unknown, parts left out.
    """

    terms: Result
    examples: Result
    notes: tuple[str, ...]

    @property
    def term_sets(self) -> list[TermSet]:
        """The key terms of each part, as seeds for `cooc.density`."""
        rows, name = self.terms.rows(), self.provenance.parameters["file"]
        parts = dict.fromkeys(str(row["part"]) for row in rows)
        return [TermSet(f"{name} {part}", [str(r["term"]) for r in rows if r["part"] == part]) for part in parts]

    def to_dict(self) -> dict[str, Any]:
        more = {"terms": self.terms.rows(), "examples": self.examples.rows(), "notes": list(self.notes)}
        return {**super().to_dict(), **more}

    def plot(self, top: int = 30) -> Any:
        """A matplotlib figure: z of each target against both controls, and the z that chance has for some target."""
        from cooc.clusters.figures import new_figure

        rows = self.rows()
        parts = list(dict.fromkeys(str(row["part"]) for row in rows))
        height = sum(min(top, len([r for r in rows if r["part"] == part])) for part in parts)
        figure, axes = new_figure(8, 1 + 0.9 * len(parts) + 0.25 * height, len(parts), 1, squeeze=False)
        for (axis,), part in zip(axes, parts, strict=True):
            draw_part(axis, [row for row in rows if row["part"] == part][:top], part)
        figure.suptitle(self.provenance.caption(), fontsize="medium", x=0.01, ha="left", wrap=True)
        return figure


def audit(
    index: Index,
    source: str | Path,
    targets: Named | Sequence[Named] | None = None,
    *,
    topic: Named | None = None,
    window: int | str | None = None,
    null: int = 500,
    seed: int = 0,
    longest: int = 5,
    min_count: int = 5,
    min_log_ratio: float = 3.0,
    most_terms: int = 300,
    on_bad_line: str = "fail",
    progress: Callable[[str, int, int], None] | None = None,
) -> Audit:
    """What the answers of a finetuning file, its prompts, or a text lean on, as a ranking of warnings.

    `source` is a .jsonl of chats, a .txt or .md, or a text. Its key terms are what occurs `min_count` times in the
    corpus and stands surely 2^`min_log_ratio` times as often in the file. `targets` are all lexicons if not given.

    A row for each part and target: `density` of the part's key terms (as `cooc.density` has it; terms of any target are
    left out, and `named` is the share of items that hold one of this target), z and p against `null` sets matched in
    length and frequency, `p_adjusted` for looking at all targets. `z_beyond` and `p_beyond` are against sets matched in
    closeness to the `topic` too, the words that most prompts share if no set is given; only targets that stand out at
    all are held against it, and `p_beyond` is adjusted for these. `carried_by` are the terms whose own lift is surely
    above 1 bit, `item_share` the items that hold one. `warning` is the verdict at 0.05, `sentence` says it in words.

    Reads the corpus about five times a part. Raises `SourceError` with the line of what is no record (or skips and
    reports it, with `on_bad_line` "skip"), `UsageError` where too few terms stand out.
    """
    index = as_index(index)
    texts = read_texts(source, on_bad_line=on_bad_line)
    asked = named_sets([f"@{n}" for n in lexicons() if n not in UNIONS] if targets is None else targets)
    options = {
        "file": texts.name, "window": _window(index, window), "null": null, "seed": seed, "min_count": min_count,
        "min_log_ratio": min_log_ratio, "longest": longest, "most_terms": most_terms,
    }  # fmt: skip
    if null < 20:
        raise UsageError(f"null is {null}; expected at least 20 matched sets, to tell 0.05.")
    work = _Work(index, texts, asked, None if topic is None else named_set(topic), options, progress)
    for part in (ANSWERS, TEXT, PROMPTS):
        if part in texts.parts:
            work.part(part)
    return work.result()


def _window(index: Index, window: int | str | None) -> int | str:
    from cooc.query.window import asked_window

    size = asked_window(index, window).size
    return "document" if size is None else size


class _Work:
    """An audit under way."""

    def __init__(
        self, index: Index, texts: Texts, targets: list[TermSet], topic: TermSet | None, options: dict[str, Any],
        progress: Callable[[str, int, int], None] | None,
    ) -> None:  # fmt: skip
        self.index, self.texts, self.options = index, texts, options
        self.progress = progress or (lambda stage, done, total: None)
        self.targets, self.ids = [], []
        self.notes = [f"skipped {line}" for line in texts.skipped]
        for target in targets:
            if known := self._ids(target):
                self.targets.append(target)
                self.ids.append(known)
            else:
                self.notes.append(f"{self.index.name} has no term of {target.name}: nothing is said of it")
        self.given = None if topic is None else self._ids(topic)
        self.rows: list[dict[str, Any]] = []
        self.terms: list[dict[str, Any]] = []
        self.examples: list[dict[str, Any]] = []

    def _ids(self, terms: TermSet) -> list[list[int]]:
        from cooc.query.hits import term_ids

        return [ids for term in terms if (ids := term_ids(self.index, term))]

    def part(self, part: str) -> None:
        """Measure one part of the file."""
        from cooc.clusters.leaning import lean

        items, parts = self.texts.parts[part], sum(p in self.texts.parts for p in (ANSWERS, TEXT, PROMPTS))
        self.progress(part, 0, parts)
        found = candidates_of(self.index, items, self.options["longest"])
        options = {name: self.options[name] for name in ("min_count", "min_log_ratio")}
        keys = key_terms(self.index, found, most=self.options["most_terms"], **options)
        self._note_unknown(part, found)
        named = {tuple(phrase) for target in self.ids for phrase in target}
        kept = [k for k, phrase in enumerate(keys.phrases) if phrase not in named]
        self._list_terms(part, keys, named)
        if len(kept) < FEWEST or not self.ids:
            self.notes.append(f"{part}: {len(kept)} terms stand out that are no target's; {FEWEST} are needed")
            return
        window = self.options["window"]
        topic = self._topic(part)
        terms = [keys.phrases[k] for k in kept]
        lean_of = lean(
            self.index, terms, self.ids, topic, window=None if window == "document" else window,
            null=self.options["null"], seed=self.options["seed"],
        )  # fmt: skip
        self._rows(part, found, [keys.items[k] for k in kept], terms, lean_of, topic)

    def _topic(self, part: str) -> list[list[int]]:
        """The topic that is given, or of answers the words that most prompts share."""
        if self.given is not None:
            return self.given
        if part != ANSWERS or PROMPTS not in self.texts.parts:
            return []
        return [list(word) for word in topic_words(self.index, candidates_of(self.index, self.texts.parts[PROMPTS], 1))]

    def _note_unknown(self, part: str, found: Candidates) -> None:
        if found.unknown:
            first = ", ".join(word for word, _ in found.unknown.most_common(5))
            self.notes.append(f"{part}: not in {self.index.name} are {len(found.unknown):,} words: {first}")

    def _list_terms(self, part: str, keys: KeyTerms, named: set[tuple[int, ...]]) -> None:
        for k, phrase in enumerate(keys.phrases):
            self.terms.append({
                "part": part, "term": self._name(phrase), "count": int(keys.counts[k]), "items": len(keys.items[k]),
                "corpus": int(keys.corpus[k]), "g2": float(keys.measures.g2[k]),
                "log_ratio": float(keys.measures.log_ratio[k]), "low": float(keys.measures.low[k]),
                "high": float(keys.measures.high[k]), "is_target": phrase in named,
            })  # fmt: skip

    def _name(self, phrase: Sequence[int]) -> str:
        return " ".join(self.index.vocabulary.terms(list(phrase)))

    def _rows(
        self, part: str, found: Candidates, items: list[Array], terms: list[tuple[int, ...]], lean_of: Leaning,
        topic: list[list[int]],
    ) -> None:  # fmt: skip
        """A row for each target, and examples of those that are warned of."""
        from cooc.clusters.leaning import carriers, examples

        size, called = len(found.tokens), [self._name(word) for word in topic]
        for place, (target, ids) in enumerate(zip(self.targets, self.ids, strict=True)):
            strong = carriers(lean_of, place, len(terms)).tolist()
            held = {item for k in strong for item in items[k].tolist()}
            row = {
                "part": part, "target": target.name, **_numbers(lean_of, place),
                "named": _naming(found, ids) / size, "item_share": len(held) / size, "n_terms": len(terms),
                "carried_by": ", ".join(self._name(terms[k]) for k in strong[:8]), "threshold": lean_of.threshold,
                "topic": ", ".join(called), "topic_gap": lean_of.topic_gap,
            }  # fmt: skip
            row["warning"] = warning_of(row)
            row["sentence"] = sentence_of(row, len(self.targets))
            self.rows.append(row)
            if row["warning"] in (BEYOND, LEANS, AS_TOPIC):
                places = examples(self.index, [terms[k] for k in strong[:8]], ids, seed=self.options["seed"])
                self.examples += [{"part": part, "target": target.name, **each} for each in places]

    def result(self) -> Audit:
        """What was found, the clearest warning first in each part."""
        if not self.rows:
            raise UsageError(f"{self.texts.name}: too little stands out to audit: {'; '.join(self.notes)}.")
        parts = list(dict.fromkeys(row["part"] for row in self.rows))
        self.rows.sort(key=lambda row: (parts.index(row["part"]), ORDER.index(row["warning"]), -rank_of(row)))
        first = ["part", "target", "warning", "density", "z", "p", "p_adjusted", "z_beyond", "p_beyond", "item_share",
                 "named", "carried_by"]  # fmt: skip
        names = [*first, *(name for name in self.rows[0] if name not in first)]
        source = Provenance(
            "audit", self.index.name, self.index.digest, (self.texts.name,), "z",
            self.options,
        )  # fmt: skip
        terms = Result(_columns(self.terms, list(self.terms[0]) if self.terms else ["part", "term"]), source)
        shown = Result(_columns(self.examples, ["part", "target", "term", "text", "document"]), source)
        return Audit(_columns(self.rows, names), source, terms, shown, tuple(self.notes))


def _numbers(found: Leaning, place: int) -> dict[str, Any]:
    each = found.measured[place]
    null = each.null[np.isfinite(each.null)] if len(each.null) else np.zeros(0)
    nan = float("nan")
    return {
        "density": each.density, "low": each.low, "high": each.high,
        "null_mean": float(null.mean()) if len(null) else nan,
        "null_sd": float(null.std(ddof=1)) if len(null) > 1 else nan,
        "z": float(found.z[place]), "p": float(found.p[place]), "p_adjusted": float(found.adjusted[place]),
        "z_beyond": float(found.beyond_z[place]), "p_beyond": float(found.beyond_p[place]),
    }  # fmt: skip


def _naming(found: Candidates, ids: list[list[int]]) -> int:
    """The items that hold a term of a target outright."""
    from cooc.clusters.leaning import holds

    phrases = {tuple(phrase) for phrase in ids}
    longest = max(map(len, phrases), default=0)
    return sum(holds([-1 if t is None else t for t in terms], phrases, longest) for terms in found.tokens)


def _columns(rows: list[dict[str, Any]], names: list[str]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for name in names:
        values = [row[name] for row in rows]
        columns[name] = np.array(values) if values and isinstance(values[0], float) else values
    return columns
