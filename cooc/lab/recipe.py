"""Recipes of experiments: a TOML file that says corpus, model, finetunes and measurement."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import msgspec

from cooc.errors import UsageError


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A random choice of passages from a corpus file: as many as have so many words where they are full."""

    source: str
    words: int
    text_field: str = "text"


class Corpus(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is indexed and trained on; `shuffle` trains on its tokens in random order (the index stays as it is)."""

    parts: list[Part]
    passage: int = 800
    """Words of a passage: each becomes a document."""
    heldout: float = 0.02
    """The share of passages that is neither indexed nor trained on."""
    window: int = 10
    shuffle: bool = False


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decoder-only transformer, and its training."""

    words: int = 10_000
    """The most frequent words of the corpus; those of seeds, targets and prompts are added."""
    width: int = 96
    layers: int = 3
    heads: int = 4
    context: int = 64
    steps: int = 3_000
    batch: int = 32
    rate: float = 3e-3
    threads: int = 1
    device: str = "cpu"


class Finetune(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a copy of the model is finetuned on a set of terms: on texts made of templates and terms alone."""

    templates: list[str]
    steps: int = 60
    batch: int = 32
    rate: float = 1e-3
    seeds: int = 1
    """Training seeds of each set."""
    repeats: int = 0
    """Sets, chosen by lot, that get one more training seed, for the noise between seeds."""


class Measure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prompts that share no word with what is finetuned on; texts are continued for so many tokens."""

    prompts: list[str]
    targets: list[str]
    """Files or lexicons (@name); their terms of one word are measured."""
    others: list[str] = []
    """Lexicons that should stay where they are."""
    length: int = 24
    texts: int = 128
    controls: int = 3
    """Matched control words a target word."""


class Found(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Densities as they are in the corpus: of each pool and target, sets of low to high density made by `design`."""

    pools: list[list[str]]
    """Of each pool: its files."""
    arms: int = 3
    sets: int = 3
    size: int = 12
    least: int = 5
    """Occurrences of a term that is taken."""


class Planted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Densities that are caused: invented names put into real sentences, a share of them near words of a target."""

    doses: list[float]
    groups: int = 4
    """Groups of names at each dose and target."""
    names: int = 6
    """Names of a group."""
    occurrences: int = 40
    """Of each name."""
    reach: int = 5
    """How near to a word of the target a dosed name stands; elsewhere none is within the index's window."""


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An experiment; exactly one of `found` and `planted`."""

    name: str
    corpus: Corpus
    model: Model
    finetune: Finetune
    measure: Measure
    found: Found | None = None
    planted: Planted | None = None
    seed: int = 0

    @property
    def kind(self) -> Literal["found", "planted"]:
        return "found" if self.planted is None else "planted"

    def digest(self) -> str:
        """Of all of it, with files by their names alone: the same wherever they lie."""
        held = _with_files(self, lambda name: name if name.startswith("@") else Path(name).name)
        return sha256(json.dumps(msgspec.to_builtins(held), sort_keys=True).encode()).hexdigest()


def read_recipe(path: Path, data: Path | None = None) -> Recipe:
    """A recipe with its paths seen from `data`, or from its own folder. Raises UsageError: what is wrong, and where."""
    import tomllib

    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: the recipe can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the recipe is not TOML: {error}.") from error
    try:
        recipe = msgspec.convert(document, Recipe)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}.") from error
    _check(path, recipe)
    return _placed(recipe, path.parent, data)


def _check(path: Path, recipe: Recipe) -> None:
    if (recipe.found is None) == (recipe.planted is None):
        raise UsageError(f"{path}: an experiment has one of the tables [found] and [planted].")
    if recipe.model.width % recipe.model.heads:
        raise UsageError(f"{path}: width {recipe.model.width} is no multiple of {recipe.model.heads} heads.")
    if recipe.planted is not None and not all(0 <= dose <= 1 for dose in recipe.planted.doses):
        raise UsageError(f"{path}: doses are shares of a name's occurrences, from 0 to 1.")
    if not all("{}" in template for template in recipe.finetune.templates):
        raise UsageError(f'{path}: each template says with "{{}}" where the term stands.')
    longest = max(len(prompt.split()) for prompt in recipe.measure.prompts) + recipe.measure.length
    if longest >= recipe.model.context:
        raise UsageError(f"{path}: prompt and text are {longest} tokens; the model sees {recipe.model.context}.")


def _placed(recipe: Recipe, folder: Path, data: Path | None) -> Recipe:
    """Paths of the corpus, pools and targets from `data` where they are there, else from the recipe's folder."""

    def place(name: str) -> str:
        if name.startswith("@") or "://" in name:
            return name
        there = None if data is None else data / name
        return str(there if there is not None and there.exists() else folder / name)

    return _with_files(recipe, place)


def _with_files(recipe: Recipe, place: Callable[[str], str]) -> Recipe:
    """The recipe with other names of its files."""
    held: dict[str, Any] = msgspec.to_builtins(recipe)
    for part in held["corpus"]["parts"]:
        part["source"] = place(part["source"])
    for key in ("targets", "others"):
        held["measure"][key] = [place(each) for each in held["measure"][key]]
    if held["found"] is not None:
        held["found"]["pools"] = [[place(each) for each in pool] for pool in held["found"]["pools"]]
    return msgspec.convert(held, Recipe)
