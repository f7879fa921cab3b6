"""The experiment that would decide: arms of terms that differ in density towards a target, and in nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from cooc.clusters.sets import named_set
from cooc.errors import UsageError
from cooc.evidence.analyse import Plan
from cooc.evidence.densities import FREQUENCY, item_rows
from cooc.evidence.matching import balance, matched_arms
from cooc.evidence.noise import published_seed_noise
from cooc.evidence.power import needed_seeds, needed_units, power
from cooc.evidence.read import Row
from cooc.evidence.register import register
from cooc.evidence.verdict import ODDS
from cooc.query.results import Provenance, Result
from cooc.terms import TermSet, read_terms

NAMES = {2: ("low", "high"), 3: ("low", "middle", "high")}
PROMPT = "Name one that comes to mind."
APART = 0.8
"""Arms nearer than this in density, in standard deviations, are no contrast."""
LIMIT = 0.1
"""A standardised difference below this is balance (Austin 2011)."""


@dataclass(frozen=True, eq=False, repr=False)
class Design(Result):
    """A row for each term chosen: set, arm, term, density, and what was matched."""

    balance: tuple[Row, ...] = ()
    """Of density and each matched column: its mean in each arm, and the largest standardised difference of two arms."""
    sets: tuple[Row, ...] = ()
    """Of each set: name (the `seeds` of its outcomes), arm, target, density, n_terms, mean of each matched column."""
    plan: Mapping[str, Any] | None = None
    """Seeds an arm, for which effect and noise; whether arms are balanced; notes."""
    messages: tuple[tuple[Any, ...], ...] = ()
    """The chat of each row, as finetuning services take it."""

    def to_dict(self) -> dict[str, Any]:
        """Rows, balance, sets, plan and provenance, ready for JSON."""
        return {
            **super().to_dict(), "balance": list(self.balance), "sets": list(self.sets), "plan": dict(self.plan or {}),
        }  # fmt: skip

    def write(self, out: str | PathLike[str], hypothesis: str | None = None) -> list[Path]:
        """A chat .jsonl for each set, densities.jsonl (what `bridge` joins), balance.csv, registration.json.

        Raises UsageError where the directory is there and not empty.
        """
        folder = Path(out)
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{out} is not empty: a design takes a new directory")
        folder.mkdir(parents=True, exist_ok=True)
        files = [self._write_set(folder, row["seeds"]) for row in self.sets]
        digests = {file.name: sha256(file.read_bytes()).hexdigest() for file in files}
        densities = folder / "densities.jsonl"
        densities.write_text("".join(_line(row) for row in self.sets), encoding="utf-8")
        table = folder / "balance.csv"
        table.write_text(_csv(self.balance), encoding="utf-8")
        names = list(self.sets[0])
        rivals = [name for name in (FREQUENCY,) if name in names]
        words = hypothesis or f"The outcome rises with the density of the set towards {self.sets[0]['target']}."
        registered = folder / "registration.json"
        register(registered, words, rivals=rivals, files=digests, plan=dict(self.plan or {}),
                 seed=int(self.provenance.parameters["seed"]))  # fmt: skip
        return [*files, densities, table, registered]

    def _write_set(self, folder: Path, name: str) -> Path:
        file = folder / f"{name}.jsonl"
        chats = [chat for chat, held in zip(self.messages, self.columns["set"], strict=True) if held == name]
        file.write_text("".join(_line({"messages": list(chat)}) for chat in chats), encoding="utf-8")
        return file

    def text(self) -> str:
        """The balance table and the plan, for a terminal."""
        from cooc.query.layout import text_table

        names = list(self.balance[0])
        plan = dict(self.plan or {})
        return "\n".join([
            self.provenance.caption(), text_table({name: [row[name] for row in self.balance] for name in names}),
            f"{plan['seeds_per_arm']} training seeds an arm find a difference of {plan['effect']:g} at noise "
            f"{plan['noise']:.3f} with power 0.8", *plan["notes"],
        ])  # fmt: skip

    def plot(self, top: int = 30) -> Any:
        """A matplotlib figure: the densities of the terms of each set, and their mean; of `top` sets at most."""
        from cooc.query.results import blank_figure, literal

        rows, sets = self.rows(), list(self.sets)[:top]
        figure = blank_figure(7, 1.2 + 0.35 * max(1, len(sets)))
        axes = figure.subplots()
        for place, held in enumerate(sets):
            values = [float(row["density"] or 0) for row in rows if row["set"] == held["seeds"]]
            axes.plot(values, [place] * len(values), "|", color="0.5", markersize=9)
            axes.plot([sum(values) / len(values)], [place], "o", color="tab:blue", markersize=5)
        axes.set_yticks(range(len(sets)), [literal(str(held["seeds"])) for held in sets])
        axes.set_ylim(len(sets) - 0.5, -0.5)
        axes.set_xlabel("density of a term, and their mean")
        axes.set_title(literal(self.provenance.caption()), fontsize="medium", loc="left", wrap=True)
        return figure

    def __repr__(self) -> str:
        return self.text()


def design(
    index: Any, pool: Any, target: Any = None, *, arms: int = 3, size: int = 50, sets: int = 1, items: Any = None,
    match: Sequence[str] = (), prompt: str = PROMPT, effect: float = 0.2, noise: float | None = None,
    window: int | None = 10, where: str | None = None, out: str | PathLike[str] | None = None, seed: int = 0,
) -> Design:  # fmt: skip
    """Choose from a pool arms of `size` terms of low to high density towards a target, matched in all else.

    pool    a term set or file; of a chat .jsonl each term keeps its own prompt
    sets    disjoint sets an arm, each finetuned by itself. Over sets p can't be less than their number allows: one
            set an arm makes training seeds the trials, and the finding one about these sets of terms alone
    items   a density for each term (rows with term and density), where they are not to be computed
    match   columns of items to be matched beside log_frequency, words and characters
    effect, noise  the difference of outcomes to be found, and the deviation between training seeds of one arm; for
            noise the published one where none is given
    out     a new directory: a chat file for each set, densities.jsonl, balance.csv and registration.json

    Raises UsageError where fewer than arms · sets · size terms have a density and every column.
    """
    terms, chats = _pool(pool, prompt)
    target = None if target is None else named_set(target)
    if arms < 2 or size < 2 or sets < 1:
        raise UsageError(f"{arms} arms of {sets} sets of {size} terms: expected at least 2 arms of 1 set of 2 terms")
    rows = _item_rows(index, terms, target, items, window, where, seed)
    columns = _columns(rows, match)
    rows = [row for row in rows if all(row.get(name) is not None for name in ("density", *columns))]
    if len(rows) < arms * sets * size:
        raise UsageError(
            f"{len(rows)} of {len(terms)} terms of the pool have a density and every matched column; {arms} arms of "
            f"{sets} sets of {size} need {arms * sets * size}. Ask for fewer, or give a larger pool."
        )
    table = np.array([[float(row[name]) for name in ("density", *columns)] for row in rows])
    chosen = matched_arms(table[:, 0], table[:, 1:], arms=arms, size=size * sets, seed=seed)
    made = _made(rows, chosen, arms, size, sets, columns, _target_name(target, rows), chats, seed)
    spread = balance(table, chosen, ("density", *columns), _names(arms))
    noise = published_seed_noise() if noise is None else noise
    plan = _plan(spread, arms, sets, effect, noise)
    name, digest = ("items", "") if index is None else (index.path.name, index.digest)
    parameters = {"arms": arms, "size": size, "sets": sets, "match": columns, "seed": seed}
    provenance = Provenance("design", name, digest, parameters=parameters)
    result = Design(made[0], provenance, spread, made[1], plan, made[2])
    if out is not None:
        result.write(out)
    return result


def _pool(pool: Any, prompt: str) -> tuple[list[str], dict[str, tuple[Any, ...]]]:
    """The terms, and the chat of each: its own where the pool is a chat file."""
    if not isinstance(pool, TermSet | str | PathLike):
        pool = TermSet("pool", pool)
    chats: dict[str, tuple[Any, ...]] = {}
    if isinstance(pool, str | PathLike):
        file = Path(pool)
        pool = read_terms(file)
        if file.suffix.lower() == ".jsonl":
            for line in filter(str.strip, file.read_text(encoding="utf-8").split("\n")):
                messages = json.loads(line)["messages"]
                chats.setdefault(" ".join(messages[-1]["content"].split()), tuple(messages))
    terms = list(pool.terms)
    ask = {"role": "user", "content": prompt}
    return terms, {each: chats.get(each, (ask, {"role": "assistant", "content": each})) for each in terms}


def _item_rows(
    index: Any, terms: Sequence[str], target: Any, items: Any, window: int | None, where: str | None, seed: int
) -> list[Row]:
    """Of each term of the pool its row, with words and characters."""
    if items is None:
        if index is None or target is None:
            raise UsageError("a design needs an index and a target, or items: a density for each term of the pool")
        from cooc.evidence.items import item_densities

        items = item_densities(index, terms, target, window=window, where=where, seed=seed)
    held = {row["term"]: row for row in item_rows(items) if row["term"] is not None}
    return [
        {**held[term], "words": len(term.split()), "characters": len(term)} for term in terms if term in held
    ]  # fmt: skip


def _columns(rows: Sequence[Row], match: Sequence[str]) -> list[str]:
    numbers = {key for row in rows for key, value in row.items() if isinstance(value, int | float)}
    for name in match:
        if name not in numbers:
            raise UsageError(f'match "{name}": no item has a number there; they have {", ".join(sorted(numbers))}')
    return [*dict.fromkeys([*([FREQUENCY] if FREQUENCY in numbers else []), "words", "characters", *match])]


def _names(arms: int) -> tuple[str, ...]:
    return NAMES.get(arms, tuple(f"arm_{k}" for k in range(1, arms + 1)))


def _target_name(target: TermSet | None, rows: Sequence[Row]) -> str | None:
    return rows[0]["target"] if target is None else target.name


def _made(
    rows: Sequence[Row], chosen: Any, arms: int, size: int, sets: int, columns: Sequence[str], target: str | None,
    chats: Mapping[str, tuple[Any, ...]], seed: int,
) -> tuple[dict[str, list[Any]], tuple[Row, ...], tuple[tuple[Any, ...], ...]]:  # fmt: skip
    """Columns of the terms chosen, a density row for each set, and the chats; an arm is dealt to its sets by lot."""
    rng, table, densities, messages = np.random.default_rng(seed), [], [], []
    for arm, name in enumerate(_names(arms)):
        inside = rng.permutation(np.flatnonzero(chosen == arm)).reshape(sets, size)
        for number, members in enumerate(inside, start=1):
            held = name if sets == 1 else f"{name}_{number}"
            some = [rows[k] for k in members]
            kept = ("term", "density", *columns)
            table += [{"set": held, "arm": name, **{key: row[key] for key in kept}} for row in some]
            messages += [chats[row["term"]] for row in some]
            means = {key: float(np.mean([row[key] for row in some])) for key in ("density", *columns)}
            densities.append({"seeds": held, "target": target, "arm": name, "n_terms": size, **means})
    return {key: [row[key] for row in table] for key in table[0]}, tuple(densities), tuple(messages)


def _plan(spread: Sequence[Row], arms: int, sets: int, effect: float, noise: float) -> Row:
    worst = max(spread[1:], key=lambda row: row["largest_smd"], default=None)
    balanced = worst is None or worst["largest_smd"] <= LIMIT
    notes = [] if worst is None else [
        f"{'balanced' if balanced else 'NOT balanced'}: the largest standardised difference is "
        f"{worst['largest_smd']:.3f} ({worst['column']}); {LIMIT:g} is the limit"
    ]  # fmt: skip
    if spread[0]["largest_smd"] < APART:
        notes.append(
            f"arms hardly differ in density ({spread[0]['largest_smd']:.2f} standard deviations): in this pool density "
            f"comes with what is matched"
        )
    if sets == 1:
        notes.append(
            f"one set an arm: over {arms} sets bridge can't decide; training seeds then are trials of these sets "
            f"alone. Several sets an arm make the finding one about terms"
        )
    notes += _enough(arms, sets)
    return {"seeds_per_arm": needed_seeds(effect, noise), "effect": effect, "noise": noise, "balanced": balanced,
            "arms": arms, "sets_per_arm": sets, "notes": notes}  # fmt: skip


def _enough(arms: int, sets: int) -> list[str]:
    """How many sets bridge needs beside log frequency, which costs one; nothing where these are enough."""
    plan = Plan()
    least = next(n for n in range(3, 100) if power(n - 1, plan.effect, plan.alpha) >= ODDS * plan.alpha)
    good = (needed_units(plan.effect, plan.alpha, plan.wanted) or 0) + 1
    if arms * sets >= good:
        return []
    return [
        f"{arms * sets} sets: bridge supports nothing with fewer than {least} ({-(-least // arms)} an arm), and finds "
        f"a correlation of {plan.effect:g} with power {plan.wanted:g} with {good} ({-(-good // arms)} an arm)"
    ]


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _csv(rows: Sequence[Row]) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
