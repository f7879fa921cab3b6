"""Everything that a page says of an index, asked in one go: `ask_all`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cooc.clusters.cluster import cluster
from cooc.clusters.constellation import constellation
from cooc.clusters.curation import curation
from cooc.clusters.density import density
from cooc.clusters.years import years
from cooc.errors import UsageError
from cooc.evidence.bridge import bridge
from cooc.index.reader import Index
from cooc.page.documents import Row
from cooc.query.elsewhere import as_index
from cooc.query.kwic import kwic
from cooc.query.ngrams import ngrams
from cooc.query.results import Result

Progress = Callable[[str, int, int], None]

READ = 3
"""Seeds whose lines are shown: those of the largest doses."""

HITS = 3
"""Context tokens of the target that such a seed has, at least."""

TOP = 30


@dataclass(frozen=True)
class Asked:
    """What a page is about. Term sets are files, or lexicons as @NAME."""

    seeds: str | None = None
    targets: Sequence[str] = ()
    clues: str | None = None
    candidates: str | None = None
    pool: str | None = None
    selected: Sequence[str] = ()
    outcomes: str | None = None
    windows: Sequence[int | str] = ()
    null: int = 1000
    seed: int = 0

    def check(self) -> None:
        """Raises UsageError for questions that lack a part."""
        if (self.clues is None) != (self.candidates is None):
            raise UsageError("a constellation needs both: --clues, and the --candidates they may point to.")
        if (self.pool is None) != (not self.selected):
            raise UsageError("a curation needs both: the --pool, and what was --selected from it.")
        if self.pool is not None and not self.targets:
            raise UsageError("a curation needs a --target that lifts are measured towards.")
        if self.targets and self.seeds is None and self.pool is None:
            raise UsageError("a --target needs --seeds: the density is theirs.")
        if self.outcomes is not None and not (self.seeds and self.targets):
            raise UsageError("--outcomes need densities to join: name --seeds and a --target.")

    @property
    def sets(self) -> list[str]:
        """The term sets that are named."""
        return [each for each in dict.fromkeys([self.seeds, *self.targets, self.pool, *self.selected]) if each]

    @property
    def files(self) -> dict[str, str]:
        """Files that commands name otherwise than by a term set."""
        given = {"clues": self.clues, "candidates": self.candidates, "outcomes": self.outcomes}
        return {name: each for name, each in given.items() if each}


@dataclass(frozen=True)
class Answers:
    """The results, and a line for each question that the index could not answer."""

    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def ask_all(index: Index, asked: Asked, progress: Progress | None = None) -> Answers:
    """Ask an index all that `asked` names: densities, clusters, years and lines of the seeds, and what else is given.

    Without seeds, clues and pool: the n-grams of the index. Clusters and years come with the seeds, and where an index
    has none of them a note says so; what was asked for by name raises UsageError where it can't be answered.
    """
    asked.check()
    index, answers = as_index(index), Answers()
    if asked.seeds is not None:
        _of_seeds(index, asked, answers, progress)
    if asked.clues is not None and asked.candidates is not None:
        found = constellation(index, asked.clues, asked.candidates, seed=asked.seed, progress=progress)
        answers.results.append(found)
    if asked.pool is not None:
        chosen = list(asked.selected)
        found_of = curation(index, asked.pool, chosen, list(asked.targets), seed=asked.seed, progress=progress)
        answers.results.append(found_of)
    if not answers.results:
        answers.results.extend(ngrams(index, n=record.n, top=TOP) for record in index.manifest.ngrams)
    return answers


def _of_seeds(index: Index, asked: Asked, answers: Answers, progress: Progress | None) -> None:
    seeds = str(asked.seeds)
    options: dict[str, Any] = {"null": asked.null, "seed": asked.seed, "progress": progress}
    found = density(index, seeds, *asked.targets, window=list(asked.windows) or None, **options)
    answers.results.append(found)
    _if_it_can(answers, "no clusters", lambda: cluster(index, seeds, seed=asked.seed, progress=progress))
    _if_it_can(answers, "no years", lambda: years(index, seeds, seed=asked.seed))
    if asked.outcomes is not None:
        answers.results.append(bridge(asked.outcomes, [found], seed=asked.seed))
    answers.results.extend(_lines(index, found.terms.rows(), asked.seed))


def _if_it_can(answers: Answers, otherwise: str, ask: Callable[[], Result]) -> None:
    try:
        answers.results.append(ask())
    except UsageError as error:
        answers.notes.append(f"{otherwise}: {error}")


def _lines(index: Index, doses: list[Row], seed: int) -> list[Result]:
    """Lines of the seeds that lean most towards the first target."""
    first = [row for row in doses if row["target"] == doses[0]["target"]]
    known = [row for row in first if row["lift"] is not None and row["hits"] >= HITS]
    terms = dict.fromkeys(str(row["term"]) for row in sorted(known, key=lambda row: -row["lift"]))
    return [kwic(index, term, seed=seed) for term in list(terms)[:READ]]
