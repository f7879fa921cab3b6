"""Copies of the base model, each finetuned on one set of terms and measured before and after."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray

from cooc.evidence.read import Row
from cooc.lab.arms import read_whole_rows, write_rows
from cooc.lab.measure import METRICS, Lexicon, Meter, lexicons_of, measured, meter_of
from cooc.lab.model import Transformer
from cooc.lab.recipe import Finetune
from cooc.lab.rivals import model_rivals
from cooc.lab.sets import targets_of
from cooc.lab.stages import DENSITIES, FAILURES, OUTCOMES, Lab, Tell
from cooc.lab.texts import check_apart, finetuning_texts
from cooc.lab.train import optimizer_of, rate_at, step_of
from cooc.lab.words import SEPARATOR, encoded

Array = NDArray[Any]


class Run(NamedTuple):
    """One finetune: a set of terms and a training seed."""

    set: Row
    seed: int


def meter_for(lab: Lab, net: Transformer, sets: Sequence[Row]) -> Meter:
    """The meter of an experiment. Raises UsageError where any finetuning text shares a word with what is measured."""
    recipe = lab.recipe
    measured_sets = targets_of(lab.index, [*recipe.measure.targets, *recipe.measure.others])
    for each in sets:
        texts = finetuning_texts(each["terms"], recipe.finetune.templates)
        check_apart(lab.index, texts, recipe.measure.prompts, measured_sets)
    apart = [*recipe.measure.prompts, *recipe.finetune.templates, *(term for each in sets for term in each["terms"])]
    lexicons = lexicons_of(
        lab.index, lab.words, measured_sets, apart=apart, controls=recipe.measure.controls, seed=recipe.seed
    )
    return meter_of(lab.index, lab.words, net, recipe.measure, lexicons, recipe.seed)


def write_densities(lab: Lab, net: Transformer, meter: Meter, sets: Sequence[Row]) -> None:
    """densities.jsonl: of each set and target density, rivals, whether the set was made for it."""
    file = lab.folder / DENSITIES
    if file.exists():
        return
    rows = []
    for each in sets:
        rivals = model_rivals(net, lab.index, lab.words, each["terms"], meter)
        rows += [
            {**_head(each), "n_terms": len(each["terms"]), **row, "designed": row["target"] == each["target"],
             **rivals[row["target"]]}
            for row in each["densities"]
        ]  # fmt: skip
    write_rows(file, rows)


def _head(each: Row) -> Row:
    return {key: each[key] for key in ("seeds", "pool", "arm", "dose") if key in each}


def runs_of(sets: Sequence[Row], plan: Finetune, seed: int) -> list[Run]:
    """Every set with each training seed, then the sets drawn for one more, in an order drawn by lot."""
    rng = np.random.default_rng([seed, 6])
    again = rng.permutation(len(sets))[: plan.repeats].tolist()
    runs = [Run(each, k) for k in range(plan.seeds) for each in sets]
    runs += [Run(sets[k], plan.seeds) for k in again]
    return [runs[k] for k in rng.permutation(len(runs)).tolist()]


def finetune_all(lab: Lab, net: Transformer, meter: Meter, sets: Sequence[Row], tell: Tell) -> None:
    """outcomes.jsonl, a few rows a run; runs that are in it already are not made again."""
    held = {name: each.detach().clone() for name, each in net.state_dict().items()}
    before = measured(net, meter)
    file, failed = lab.folder / OUTCOMES, lab.folder / FAILURES
    rows, lost = read_whole_rows(file), read_whole_rows(failed)
    write_rows(file, rows)  # without a line that was cut off
    write_rows(failed, lost)
    done = {(row["seeds"], row["seed"]) for row in (*rows, *lost)}
    runs = runs_of(sets, lab.recipe.finetune, lab.recipe.seed)
    for number, run in enumerate(runs, start=1):
        tell("finetunes", number, len(runs), run.set["seeds"])
        if (run.set["seeds"], run.seed) in done:
            continue
        net.load_state_dict(held)
        loss = finetuned(net, lab, run)
        after = measured(net, meter) if math.isfinite(loss) else {}
        if after and all(map(math.isfinite, after.values())):
            _append(file, [*_rows(lab, meter.lexicons, run, before, after, loss)])
        else:
            _append(failed, [{**_head(run.set), "seed": run.seed, "reason": f"not finite: loss {loss}"}])
    net.load_state_dict(held)


def finetuned(net: Transformer, lab: Lab, run: Run) -> float:
    """Train the model on a set's texts; gives the mean loss of the last tenth of the steps."""
    plan, seed = lab.recipe.finetune, lab.recipe.seed
    texts = finetuning_texts(run.set["terms"], plan.templates)
    ids = [[SEPARATOR, *encoded(lab.index, lab.words, text), SEPARATOR] for text in texts]
    table = torch.full((len(ids), max(map(len, ids))), -1)
    for k, each in enumerate(ids):
        table[k, : len(each)] = torch.tensor(each)
    optimizer, losses = optimizer_of(net, plan.rate), []
    number = crc32(run.set["seeds"].encode())
    for step in range(plan.steps):
        rng = np.random.default_rng([seed, run.seed, number, step])
        some = table[torch.from_numpy(rng.integers(len(table), size=plan.batch))].to(net.bias.device)
        losses.append(step_of(net, optimizer, some, rate_at(step, plan.steps, plan.rate)))
    return float(np.mean(losses[-max(1, plan.steps // 10):]))


def _rows(
    lab: Lab, lexicons: Sequence[Lexicon], run: Run, before: dict[tuple[str, str], float],
    after: dict[tuple[str, str], float], loss: float,
) -> Iterator[Row]:  # fmt: skip
    """Outcomes of a run: of each lexicon and metric how far the model moved, in bits against control words."""
    for metric in METRICS:
        for lexicon in lexicons:
            key = (metric, lexicon.name)
            yield {
                "experiment": lab.recipe.name, **_head(run.set), "target": lexicon.name, "unit": "seed",
                "key": str(run.seed), "seed": run.seed, "metric": metric, "value": after[key] - before[key],
                "before": before[key], "after": after[key], "designed": lexicon.name == run.set["target"],
                "counted_before": before["counted", lexicon.name], "counted": after["counted", lexicon.name],
                "finetune_loss": loss,
            }  # fmt: skip


def _append(file: Path, rows: Sequence[Row]) -> None:
    """One write, so that a run is there with all its rows or, but for a last line cut off, not at all."""
    with file.open("a", encoding="utf-8") as opened:
        opened.write("".join(json.dumps(row) + "\n" for row in rows))
