"""Corpus, index and base model of an experiment, each a folder of its directory: what is there is not made again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cooc.errors import BuildError, UsageError
from cooc.index.manifest import MANIFEST
from cooc.index.reader import Index
from cooc.lab.recipe import Recipe
from cooc.lab.sets import pool_terms, targets_of
from cooc.lab.slices import HELDOUT, TRAIN, chosen, read_passages, write_passages
from cooc.lab.words import Words, shuffled, stream, stream_of, words_of
from cooc.verbs import build

if TYPE_CHECKING:
    from cooc.lab.model import Transformer

Array = NDArray[Any]
Tell = Callable[[str, int, int, str], None]

RECIPE, CORPUS, INDEX, BASE, PLANTED = "recipe.json", "corpus", "index", "base", "planted.json"
LEARNED, OUTCOMES, DENSITIES, FAILURES = "learned.json", "outcomes.jsonl", "densities.jsonl", "failures.jsonl"


def quiet(stage: str, done: int, total: int, note: str = "") -> None:
    """Says nothing."""


@dataclass(frozen=True)
class Lab:
    """An experiment with its corpus and index."""

    recipe: Recipe
    folder: Path
    index: Index
    words: Words


def claim(recipe: Recipe, folder: Path) -> None:
    """Make the directory this recipe's; UsageError where it is another's."""
    import msgspec

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RECIPE
    if not file.exists():
        if any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty and no experiment: take a new directory")
        file.write_text(json.dumps({"digest": recipe.digest(), **msgspec.to_builtins(recipe)}, indent=1), "utf-8")
    held = json.loads(file.read_text("utf-8"))["digest"]
    if held != recipe.digest():
        raise UsageError(
            f"{folder} is the experiment of another recipe (digest {held[:12]}, this one has {recipe.digest()[:12]}). "
            f"Take a new directory, or the recipe it was begun with."
        )


def indexed(recipe: Recipe, folder: Path, tell: Tell) -> Lab:
    """Corpus and index of an experiment, made unless they are there."""
    train = folder / CORPUS / TRAIN
    if not train.exists():
        tell("corpus", 0, 1, "choosing passages")
        _write_corpus(recipe, folder / CORPUS)
    if not (folder / INDEX / MANIFEST).exists():
        tell("index", 0, 1, "counting")
    index = build(
        train, folder / INDEX, id_field="id", window=recipe.corpus.window, min_count=2, phrases=False,
        memory="4GB", workers=1,
    )  # fmt: skip
    return Lab(recipe, folder, index, words_of(index, recipe.model.words, _needed(recipe, folder, index)))


def _write_corpus(recipe: Recipe, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    texts, apart = chosen(recipe.corpus, recipe.seed)
    if recipe.planted is not None:
        from cooc.lab.plant import plant, write_planted

        texts, groups = plant(texts, recipe)
        write_planted(folder / PLANTED, groups)
    write_passages(folder / HELDOUT, apart)
    write_passages(folder / TRAIN, texts)


def _needed(recipe: Recipe, folder: Path, index: Index) -> list[str]:
    """Texts whose words the model must know."""
    found = [*recipe.measure.prompts, *(each.replace("{}", " ") for each in recipe.finetune.templates)]
    for target in targets_of(index, [*recipe.measure.targets, *recipe.measure.others]):
        found += target.terms
    if recipe.found is not None:
        return found + [term for files in recipe.found.pools for term in pool_terms(files)]
    from cooc.lab.plant import read_planted

    return found + [name for group in read_planted(folder / CORPUS / PLANTED) for name in group.names]


def based(lab: Lab, tell: Tell) -> Transformer:
    """The trained base model, and learned.json: its held-out loss beside those of counts."""
    from cooc.lab.train import train

    ids = stream(lab.index, lab.words)
    if lab.recipe.corpus.shuffle:
        ids = shuffled(ids, lab.recipe.seed)
    if len(ids) < 2 * lab.recipe.model.context:
        raise BuildError(f"{lab.folder}: {len(ids)} tokens are too few to train on")
    net = train(lab.recipe.model, lab.words, ids, folder=lab.folder / BASE, seed=lab.recipe.seed, tell=tell)
    file = lab.folder / LEARNED
    if not file.exists():
        tell("base model", 1, 1, "held-out loss")
        file.write_text(json.dumps(learned(lab, net), indent=1) + "\n", "utf-8")
    return net


def learned(lab: Lab, net: Transformer) -> dict[str, Any]:
    """Bits a held-out word: of the model, and of unigrams, bigrams and trigrams of the index (in random order, of
    unigrams alone: there is no more to learn)."""
    from cooc.lab.baselines import baselines
    from cooc.lab.train import heldout_loss

    texts = read_passages(lab.folder / CORPUS / HELDOUT)
    ids = stream_of(lab.index, lab.words, texts)
    if lab.recipe.corpus.shuffle:
        ids = shuffled(ids, lab.recipe.seed + 1)
    loss, asked = heldout_loss(net, ids, lab.recipe.model.context)
    held = {"model": loss / float(np.log(2)), "words_asked": asked}
    counted = baselines(lab.index, lab.words, texts)
    held |= {"unigram": counted["unigram"]} if lab.recipe.corpus.shuffle else counted
    return {**held, "parameters": sum(p.numel() for p in net.parameters()), "words": len(lab.words),
            "tokens": lab.index.manifest.tokens, "tokens_seen": lab.recipe.model.steps * lab.recipe.model.batch
            * lab.recipe.model.context, "shuffled": lab.recipe.corpus.shuffle}  # fmt: skip
