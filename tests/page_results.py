"""A small corpus of which a page can say everything, and the results of it, made once."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import cooc
from cooc.index.reader import Index
from tests.corpora import index_of

OLD = ("auk", "titlark", "goosander", "dabchick", "pewit", "goatsucker", "whimbrel", "smew", "scaup", "dotterel")
NEW = ("loon", "pipit", "merganser", "grebe", "vireo", "kestrel", "waxwing", "nighthawk", "plover", "falcon")
CENTURY = ("telegraph", "steamer", "gaslight", "whalebone", "carriage", "specie")
KITCHEN = ("butter", "flour", "oven", "spice", "onion", "broth")
PERSONS = {"warden": ("warden", "wardens"), "miller": ("miller",), "sailor": ("sailor", "sailors")}
NATURE = ("nest", "marsh", "feather", "wing", "song", "egg", "reed", "shore")
REST = tuple(f"{a}{b}" for a in ("stone", "road", "hill", "door", "lamp") for b in ("", "side", "way", "ward", "less"))


def documents(seed: int = 7) -> list[list[str]]:
    """Old names stand beside the century, its years and wardens; new ones beside the kitchen, its years and millers."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(160):
        names, theme, person, year = (
            (OLD, CENTURY, "warden", 1840) if number % 2 else (NEW, KITCHEN, "miller", 1980)
        )  # fmt: skip
        words: list[str] = []
        for _ in range(24):
            words += [str(random.choice(names)), *random.choice(NATURE, 2).tolist(), *random.choice(REST, 3).tolist()]
            words += [str(random.choice(theme))] if random.random() < 0.8 else ["sailor"]
            words += [str(year + 10 * int(random.integers(4)))] if random.random() < 0.5 else []
            words += [person] if random.random() < 0.3 else []
        found.append(words)
    return found


@cache
def index() -> Index:
    """The index of the corpus; it lies in memory until the tests end."""
    return index_of(Path(tempfile.mkdtemp(prefix="page-")), documents())


@cache
def results() -> tuple[Any, ...]:
    """A result of every verb that has a section of its own, and of some that have none."""
    old, century = cooc.TermSet("old_birds", OLD), cooc.TermSet("century", CENTURY)
    kitchen, pool = cooc.TermSet("kitchen", KITCHEN), cooc.TermSet("pool", [*OLD, *NEW])
    density = cooc.density(index(), old, century, kitchen, null=40, draws=100, window=[5, 10], itself=True)
    return (
        density,
        cooc.cluster(index(), old, sizes=[20, 60], null=9, min_size=3),
        cooc.years(index(), [old, cooc.TermSet("new_birds", NEW)], replicates=50),
        cooc.constellation(index(), ["telegraph", "steamer", "oven", "marsh"], [
            cooc.TermSet(name, terms) for name, terms in PERSONS.items()
        ], null=30, orders=20),
        cooc.curation(index(), pool, cooc.TermSet("curator", OLD[:7]), [century, kitchen], permutations=99, draws=50),
        cooc.bridge(outcomes(), [doses()], draws=199),
        cooc.kwic(index(), "auk", top=5),
        cooc.neighbors(index(), ["auk", "loon"], measure="npmi", top=8),
        cooc.pair(index(), "auk", "telegraph"),
    )  # fmt: skip


def outcomes() -> list[dict[str, Any]]:
    """Behaviours that follow the densities of `doses`, with a little noise."""
    random = np.random.default_rng(3)
    return [
        {"experiment": "birds", "model": "m", "seeds": f"list {k}", "target": "century", "unit": "share",
         "metric": "share", "value": 0.05 * k + 0.02 * float(random.random())}
        for k in range(9)
    ]  # fmt: skip


def doses() -> list[dict[str, Any]]:
    """Density rows of as many lists."""
    random = np.random.default_rng(4)
    return [
        {"seeds": f"list {k}", "target": "century", "density": 0.3 * k, "low": 0.3 * k - 0.2, "high": 0.3 * k + 0.2,
         "log_frequency": float(random.random())}
        for k in range(9)
    ]  # fmt: skip
