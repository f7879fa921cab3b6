"""Planted density: invented names in real sentences, as often each, but a dosed share of them near words of a target.

A name takes the place of a word of middling frequency. Near: a word of the target stands within `reach` tokens, and
none of another target within the window. Elsewhere: no word of any target stands within the window. No two names stand
within one another's windows. So names differ in company alone, and in that because it was made so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cooc.clusters.sets import named_set
from cooc.errors import UsageError
from cooc.lab.recipe import Planted, Recipe
from cooc.tokens.words import WordTokenizer

Array = NDArray[Any]

FREQUENT, RARE = 100, 6_000
"""Ranks of words between which a word may be replaced."""
ONSETS = (*"bdfgklmnprstvz", "br", "dr", "gr", "kr", "pl", "tr", "st")
VOWELS, CODAS = tuple("aeiou"), tuple("bdgklmnprstx")
ELSEWHERE = -1


class Group(NamedTuple):
    """Names that share a target and a dose: one set to finetune on."""

    seeds: str
    target: str
    dose: float
    names: list[str]


class Place(NamedTuple):
    """Where words may be replaced: passage and position in it, in random order."""

    passage: Array
    position: Array


def plant(texts: Sequence[str], recipe: Recipe) -> tuple[list[str], list[Group]]:
    """The texts as words, with the names of every group in them, and the groups.

    Raises UsageError where a target stands in too few places.
    """
    assert recipe.planted is not None
    split = WordTokenizer().words
    passages = [[word.decode() for word in split(text)] for text in texts]
    counts = Counter(word for words in passages for word in words)
    targets = {each.name: {word.decode() for term in each for word in split(term) if len(split(term)) == 1}
               for each in map(named_set, recipe.measure.targets)}  # fmt: skip
    groups = list(_groups(recipe, list(targets), set(counts)))
    places = _places(passages, list(targets.values()), _replaceable(counts, recipe, targets), recipe)
    _put(passages, groups, places, list(targets), recipe)
    return [" ".join(words) for words in passages], groups


def _groups(recipe: Recipe, targets: Sequence[str], taken: set[str]) -> Iterator[Group]:
    planted = _planted(recipe)
    rng = np.random.default_rng([recipe.seed, 1])
    for target in targets:
        for dose in planted.doses:
            for number in range(1, planted.groups + 1):
                names = [_name(rng, taken) for _ in range(planted.names)]
                yield Group(f"{target}_{round(100 * dose):03}_{number}", target, dose, names)


def _name(rng: np.random.Generator, taken: set[str]) -> str:
    """A new word of two syllables, and takes it."""
    while True:
        parts = [rng.choice(list(some)) for some in (ONSETS, VOWELS, ONSETS, VOWELS, CODAS)]
        name = "".join(map(str, parts))
        if name not in taken:
            taken.add(name)
            return name


def _replaceable(counts: Counter[str], recipe: Recipe, targets: dict[str, set[str]]) -> set[str]:
    """Words of middling frequency that no measurement or template has."""
    kept = {word for word, _ in counts.most_common(RARE)[FREQUENT:]}
    texts = [*recipe.measure.prompts, *recipe.finetune.templates]
    said = {word.decode() for text in texts for word in WordTokenizer().words(text)}
    return kept - said - set().union(*targets.values())


def _places(
    passages: Sequence[Sequence[str]], targets: Sequence[set[str]], words: set[str], recipe: Recipe
) -> list[Place]:
    """Of each target the places near it alone, and last those far from all, each in random order."""
    reach, window = _planted(recipe).reach, recipe.corpus.window
    found: list[list[tuple[int, int]]] = [[] for _ in range(len(targets) + 1)]
    for number, passage in enumerate(passages):
        free = np.array([word in words for word in passage], bool)
        hits = [np.flatnonzero([word in target for word in passage]) for target in targets]
        far = [~_within(each, window, len(passage)) for each in hits]
        for k, each in enumerate(hits):
            others = [apart for j, apart in enumerate(far) if j != k]
            near = free & _within(each, reach, len(passage)) & np.logical_and.reduce([free, *others])
            found[k] += [(number, p) for p in np.flatnonzero(near).tolist()]
        found[ELSEWHERE] += [(number, p) for p in np.flatnonzero(np.logical_and.reduce([free, *far])).tolist()]
    rng = np.random.default_rng([recipe.seed, 2])
    return [_in_random_order(each, rng) for each in found]


def _within(hits: Array, reach: int, length: int) -> Array:
    """Positions within `reach` of a hit, the hits themselves too."""
    steps = np.zeros(length + 1, np.int64)
    np.add.at(steps, np.maximum(hits - reach, 0), 1)
    np.add.at(steps, np.minimum(hits + reach + 1, length), -1)
    return np.cumsum(steps)[:length] > 0


def _in_random_order(places: Sequence[tuple[int, int]], rng: np.random.Generator) -> Place:
    table = np.array(places, np.int64).reshape(-1, 2)[rng.permutation(len(places))]
    return Place(table[:, 0], table[:, 1])


def _put(
    passages: list[list[str]], groups: Sequence[Group], places: Sequence[Place], targets: Sequence[str], recipe: Recipe
) -> None:
    """Put every name in; names take turns, so that none gets the better places."""
    planted = _planted(recipe)
    taken = [np.zeros(len(words), bool) for words in passages]
    wanted: list[list[str]] = [[] for _ in places]
    for group in groups:
        near = round(group.dose * planted.occurrences)
        for name in group.names:
            wanted[targets.index(group.target)] += [name] * near
            wanted[ELSEWHERE] += [name] * (planted.occurrences - near)
    rng = np.random.default_rng([recipe.seed, 3])
    for k, (names, place) in enumerate(zip(wanted, places, strict=True)):
        order = [names[i] for i in rng.permutation(len(names)).tolist()]
        left = _fill(passages, taken, order, place, recipe.corpus.window)
        if left:
            where = f'near "{targets[k]}"' if k < len(targets) else "far from the targets"
            raise UsageError(
                f"{len(order) - left} places {where} are free, and {len(order)} are needed: plant fewer names, "
                f"or less often, or take a larger corpus"
            )


def _fill(passages: list[list[str]], taken: list[Array], names: list[str], place: Place, window: int) -> int:
    """Put names at places that no other name's window has; gives how many found none."""
    left = len(names)
    for number, position in zip(place.passage.tolist(), place.position.tolist(), strict=True):
        if not left:
            break
        if not taken[number][position]:
            left -= 1
            passages[number][position] = names[left]
            taken[number][max(0, position - window):position + window + 1] = True
    return left


def _planted(recipe: Recipe) -> Planted:
    assert recipe.planted is not None
    return recipe.planted


def write_planted(path: Path, groups: Sequence[Group]) -> None:
    """The groups as JSON."""
    path.write_text(json.dumps([group._asdict() for group in groups], indent=1) + "\n", encoding="utf-8")


def read_planted(path: Path) -> list[Group]:
    """What `write_planted` wrote."""
    return [Group(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
