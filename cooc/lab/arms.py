"""What is finetuned: sets of terms of known density, with the rivals that the corpus alone decides."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cooc.errors import UsageError
from cooc.evidence.design import Design, design
from cooc.evidence.items import item_densities
from cooc.evidence.read import Row
from cooc.index.reader import Index
from cooc.lab.plant import Group
from cooc.lab.recipe import Recipe
from cooc.lab.sets import Pool, pools_of, targets_of, words_of_texts
from cooc.lab.spelling import Spelling, spelling_of
from cooc.terms import TermSet

MATCHED = ("spelling",)
CORPUS_RIVALS = ("log_frequency", "words", "characters", "spelling")
"""Rivals that need no model."""
SETS, POOLS = "sets.jsonl", "pools.json"


def found_sets(index: Index, recipe: Recipe, folder: Path) -> list[Row]:
    """Sets of low to high density of each pool and target, made by `design`, which writes each into `folder`.

    A row for each set: seeds (its name), pool, arm, target (that it was made for), terms, and `densities`: of every
    target its density and corpus rivals. Raises UsageError where a pool is too small.
    """
    assert recipe.found is not None
    targets = targets_of(index, recipe.measure.targets)
    pools = pools_of(index, recipe, measured_words(index, recipe))
    spelling = spelling_of(index)
    rows: list[Row] = []
    for pool in pools:
        items = {each.name: _items(index, pool.terms.terms, each, recipe, spelling) for each in targets}
        for target in targets:
            name = f"{pool.terms.name}_{target.name}"
            rows += _sets(_design(name, pool, items[target.name], recipe, folder), name, pool, target, items)
    folder.mkdir(parents=True, exist_ok=True)
    left = {pool.terms.name: {"taken": len(pool.terms), "left_out": pool.left_out} for pool in pools}
    (folder / POOLS).write_text(json.dumps(left, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return rows


def measured_words(index: Index, recipe: Recipe) -> set[bytes]:
    """Words of prompts, templates, targets and others: no seed may have one."""
    sets = targets_of(index, [*recipe.measure.targets, *recipe.measure.others])
    return words_of_texts(index, [*recipe.measure.prompts, *recipe.finetune.templates, *(t for s in sets for t in s)])


def _items(index: Index, terms: Sequence[str], target: TermSet, recipe: Recipe, spelling: Spelling) -> dict[str, Row]:
    """Of each term its density towards a target, and its corpus rivals."""
    rows = item_densities(index, terms, target, window=recipe.corpus.window, where=None, seed=recipe.seed)
    return {
        row["term"]: {**row, "words": len(row["term"].split()), "characters": len(row["term"]),
                      "spelling": spelling.bits(row["term"])}
        for row in rows if row.get("density") is not None
    }  # fmt: skip


def _design(name: str, pool: Pool, items: dict[str, Row], recipe: Recipe, folder: Path) -> Design:
    found = recipe.found
    assert found is not None
    columns = ("term", "target", "density", "log_frequency", *MATCHED)
    result = design(
        None, pool.terms, items=[{key: row[key] for key in columns} for row in items.values()], match=MATCHED,
        arms=found.arms, size=found.size, sets=found.sets, seed=recipe.seed,
    )  # fmt: skip
    if not (folder / name).exists():
        result.write(folder / name)
    return result


def _sets(made: Design, name: str, pool: Pool, target: TermSet, items: dict[str, dict[str, Row]]) -> Iterator[Row]:
    terms: dict[str, list[str]] = {}
    for held, term in zip(made.columns["set"], made.columns["term"], strict=True):
        terms.setdefault(str(held), []).append(str(term))
    for row in made.sets:
        yield {"seeds": f"{name}_{row['seeds']}", "pool": pool.terms.name, "arm": row["arm"], "target": target.name,
               "terms": terms[row["seeds"]],
               "densities": [_mean(name, rows, terms[row["seeds"]]) for name, rows in items.items()]}  # fmt: skip


def _mean(target: str, items: dict[str, Row], terms: Iterable[str]) -> Row:
    some = [items[term] for term in terms if term in items]
    if not some:
        raise UsageError(f"no term of a set has a density towards {target}")
    means = {key: float(np.mean([row[key] for row in some])) for key in ("density", *CORPUS_RIVALS)}
    return {"target": target, **means}


def planted_sets(index: Index, recipe: Recipe, groups: Sequence[Group]) -> list[Row]:
    """The groups of planted names as sets; `density` is measured in the index, `dose` is what was planted."""
    targets = targets_of(index, recipe.measure.targets)
    spelling = spelling_of(index)
    names = [name for group in groups for name in group.names]
    items = {each.name: _items(index, names, each, recipe, spelling) for each in targets}
    return [
        {"seeds": group.seeds, "pool": f"towards {group.target}", "arm": f"{group.dose:g}", "dose": group.dose,
         "target": group.target, "terms": group.names,
         "densities": [_mean(target, rows, group.names) for target, rows in items.items()]}
        for group in groups
    ]  # fmt: skip


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """JSON lines; the file has its name only once it is whole."""
    partial = path.with_name(path.name + ".partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    partial.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    partial.replace(path)


def read_whole_rows(path: Path) -> list[Any]:
    """JSON lines; a last line that was cut off in writing is none."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1] if line]
