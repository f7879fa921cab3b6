"""A corpus of the lab's tests: sentences of two subjects with their own words, and the recipe of a small experiment."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np

WORDS = ["".join(parts) for parts in product("bdfgklmnp", "aeiou", "rstl", "aeo", "nx")][:900]
"""Everyday words of no subject, 900 made of letters."""
FOLLOWS = {word: WORDS[(7 * k + 3) % len(WORDS)] for k, word in enumerate(WORDS)}
"""What often comes after a word: so there is more to learn than how frequent words are."""
SUBJECTS = {"sea": ["anchor", "sailor", "harbour", "mast"], "field": ["plough", "barley", "furrow", "reaper"]}
TEMPLATE_WORDS = ["called", "namely"]

RECIPE = """
name = "small"
seed = {seed}

[corpus]
passage = 100
window = 5
{shuffle}

[[corpus.parts]]
source = "corpus.jsonl"
words = 60000

[model]
words = 1000
width = 32
layers = 2
heads = 2
context = 32
steps = {steps}
batch = 32
rate = 5e-3

[finetune]
templates = ["called {{}}", "namely {{}}"]
steps = 20
batch = 8
rate = 2e-3
repeats = 3

[measure]
prompts = ["it was", "there is"]
targets = ["sea.txt", "field.txt"]
length = 12
texts = 32
controls = 3

[planted]
doses = [0.0, 0.5, 1.0]
groups = {groups}
names = 2
occurrences = 40
reach = 3
"""


def write_lab(
    folder: Path, *, steps: int = 400, groups: int = 4, shuffle: bool = False, documents: int = 600, seed: int = 3
) -> Path:
    """Write corpus, targets and recipe into a folder, which is made; gives the recipe."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    lines = [json.dumps({"text": _document(rng, k)}) + "\n" for k in range(documents)]
    (folder / "corpus.jsonl").write_text("".join(lines))
    for name, words in SUBJECTS.items():
        (folder / f"{name}.txt").write_text("\n".join(words) + "\n")
    recipe = folder / ("shuffled.toml" if shuffle else "small.toml")
    recipe.write_text(RECIPE.format(steps=steps, groups=groups, seed=seed, shuffle="shuffle = true" if shuffle else ""))
    return recipe


def _document(rng: np.random.Generator, number: int) -> str:
    """A hundred words: most are everyday ones by Zipf's law, some of one subject, some of prompts and templates."""
    subject = SUBJECTS["sea" if number % 2 else "field"]
    common = ["it", "was", "there", "is", *TEMPLATE_WORDS]
    ranks = np.minimum(rng.zipf(1.2, size=100), len(WORDS)) - 1
    words = [WORDS[k] for k in ranks.tolist()]
    for place in range(100):
        dice = rng.random()
        if dice < 0.04:
            words[place] = subject[int(rng.integers(len(subject)))]
        elif dice < 0.14:
            words[place] = common[int(rng.integers(len(common)))]
        elif dice < 0.54 and place:
            words[place] = FOLLOWS.get(words[place - 1], words[place])
    return " ".join(words)
