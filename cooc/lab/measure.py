"""What a model says: the share of each lexicon in its probabilities and in its own texts, against control words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cooc.index.reader import Index
from cooc.lab.model import Transformer
from cooc.lab.recipe import Measure
from cooc.lab.words import SEPARATOR, SPECIAL, UNKNOWN, Words, encoded
from cooc.terms import TermSet

Array = NDArray[Any]

NEAREST = 12
"""A control word is drawn from so many that are nearest in frequency."""
AT_ONCE = 512
METRICS = ("generation", "probability")


class Lexicon(NamedTuple):
    """Model ids of a target's words and of its control words, which are as frequent and are in no lexicon."""

    name: str
    words: Array
    controls: Array


def lexicons_of(
    index: Index, words: Words, sets: Sequence[TermSet], *, apart: Iterable[str], controls: int, seed: int
) -> list[Lexicon]:
    """The sets as lexicons; no control is a word of any of them, or of the texts `apart`."""
    ids = [_ids(index, words, each.terms) for each in sets]
    taken = {*range(SPECIAL), *np.concatenate(ids).tolist(), *_ids(index, words, apart).tolist()}
    rng = np.random.default_rng([seed, 4])
    return [Lexicon(each.name, some, _controls(words, some, taken, controls, rng))
            for each, some in zip(sets, ids, strict=True)]  # fmt: skip


def _ids(index: Index, words: Words, texts: Iterable[str]) -> Array:
    found = {k for text in texts for k in encoded(index, words, text)} - {UNKNOWN, SEPARATOR}
    return np.array(sorted(found), np.int64)


def _controls(words: Words, some: Array, taken: set[int], count: int, rng: np.random.Generator) -> Array:
    """For each word `count` that are as frequent; each is taken once."""
    chosen: list[int] = []
    logs = np.log(words.counts + 0.5)
    for word in some.tolist():
        apart = np.abs(logs - logs[word])
        apart[list(taken)] = np.inf
        near = np.argsort(apart, kind="stable")[: max(NEAREST, count)]
        drawn = rng.permutation(near)[:count].tolist()
        taken.update(drawn)
        chosen += drawn
    return np.array(sorted(chosen), np.int64)


class Meter(NamedTuple):
    """What every model of an experiment is measured with: lexicons, prompts as ids, texts to be read, seed."""

    lexicons: list[Lexicon]
    prompts: list[list[int]]
    texts: Array
    """Texts of the base model (texts × length), −1 before a shorter prompt: the same for every model."""
    plan: Measure
    seed: int


def meter_of(
    index: Index, words: Words, net: Transformer, plan: Measure, lexicons: list[Lexicon], seed: int
) -> Meter:  # fmt: skip
    """A meter, with the texts that the base model writes."""
    prompts = [[SEPARATOR, *encoded(index, words, prompt)] for prompt in plan.prompts]
    meter = Meter(lexicons, prompts, np.zeros((0, 0), np.int64), plan, seed)
    return meter._replace(texts=generated(net, meter)[0])


def measured(net: Transformer, meter: Meter) -> dict[tuple[str, str], float]:
    """Of each metric and lexicon log2 of (mean probability of its words over that of its controls).

    generation: where the model goes on with its own texts; probability: where it reads the base model's.
    """
    own, shares = generated(net, meter)
    read = _read(net, meter)
    found = {}
    for metric, table in (("generation", shares), ("probability", read)):
        for lexicon, (said, control) in zip(meter.lexicons, table, strict=True):
            found[metric, lexicon.name] = float(np.log2(said / control))
    for lexicon in meter.lexicons:
        found["counted", lexicon.name] = float(np.isin(own[:, -meter.plan.length:], lexicon.words).mean())
    return found


def generated(net: Transformer, meter: Meter) -> tuple[Array, Array]:
    """Texts that the model writes after the prompts (texts × length), and of each lexicon its share and its controls'.

    A share is the mean probability over all places written, which is what counting would give in the long run. Drawn
    with the same random numbers from every model (the Gumbel-max trick), so that models that agree say the same.
    """
    plan, dice = meter.plan, torch.Generator().manual_seed(meter.seed)
    longest = max(map(len, meter.prompts))
    rows = [meter.prompts[k % len(meter.prompts)] for k in range(plan.texts)]
    texts = np.full((plan.texts, longest + plan.length), -1, np.int64)
    for k, prompt in enumerate(rows):
        texts[k, longest - len(prompt):longest] = prompt
    sums = np.zeros((len(meter.lexicons), 2))
    for place in range(longest, longest + plan.length):
        logs = torch.empty(plan.texts, net.shape.words)
        for length in sorted(set(map(len, rows))):
            some = np.array([k for k, prompt in enumerate(rows) if len(prompt) == length])
            logs[some] = _last(net, texts[some, longest - length:place])
        sums += shares_of(logs, meter.lexicons)
        noise = -torch.log(-torch.log(torch.rand(logs.shape, generator=dice).clamp_(1e-20, 1 - 1e-7)))
        logs[:, :SPECIAL] = -torch.inf
        texts[:, place] = (logs + noise).argmax(1).numpy()
    return texts, sums / (plan.length * plan.texts)


def _last(net: Transformer, ids: Array) -> Tensor:
    """Log probabilities of what comes after each row."""
    with torch.no_grad():
        hidden = net(torch.from_numpy(ids).to(net.bias.device))[:, -1]
        return net.log_probabilities(hidden).cpu()


def shares_of(logs: Tensor, lexicons: Sequence[Lexicon]) -> Array:
    """Of each lexicon the probability of its words and of its controls, summed over rows."""
    p = logs.exp()
    return np.array([
        [float(p[:, torch.from_numpy(some)].double().sum()) for some in (lexicon.words, lexicon.controls)]
        for lexicon in lexicons
    ])  # fmt: skip


def _read(net: Transformer, meter: Meter) -> Array:
    """Of each lexicon its share and its controls' over the places of the base model's texts."""
    plan, sums = meter.plan, np.zeros((len(meter.lexicons), 2))
    pad = (meter.texts < 0).sum(1)
    for blank in np.unique(pad).tolist():
        rows = torch.from_numpy(meter.texts[pad == blank, blank:]).to(net.bias.device)
        with torch.no_grad():
            hidden = net(rows[:, :-1])[:, -plan.length:].reshape(-1, net.shape.width)
            for some in hidden.split(AT_ONCE):
                sums += shares_of(net.log_probabilities(some).cpu(), meter.lexicons)
    return sums / (plan.length * plan.texts)
