"""What the base model itself thinks of a set before it is finetuned: the rivals that need a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from cooc.evidence.read import Row
from cooc.index.reader import Index
from cooc.lab.measure import Lexicon, Meter, shares_of
from cooc.lab.model import Transformer
from cooc.lab.words import SEPARATOR, SPECIAL, Words, encoded

Array = NDArray[Any]

MODEL_RIVALS = ("base_logp", "similarity", "in_context")
SHOWN, DRAWS = 4, 8
"""Terms put before a prompt, and how often others are drawn."""


def model_rivals(net: Transformer, index: Index, words: Words, terms: Sequence[str], meter: Meter) -> dict[str, Row]:
    """By target: base_logp (mean log2 probability of a term's words after a separator), similarity (cosine of the
    terms' embeddings with the target's, less that with its controls') and in_context (how much more the target is
    said, in log2 against controls, after terms of the set stand before the prompt)."""
    ids = [[k for k in encoded(index, words, term) if k >= SPECIAL] for term in terms]
    ids = [each for each in ids if each]
    said, shown = _log_probability(net, ids), _in_context(net, ids, meter)
    return {
        lexicon.name: {"base_logp": said, "similarity": _similarity(net, ids, lexicon), "in_context": shown[k]}
        for k, lexicon in enumerate(meter.lexicons)
    }  # fmt: skip


def _log_probability(net: Transformer, ids: Sequence[Sequence[int]]) -> float:
    means = []
    with torch.no_grad():
        for each in ids:
            row = torch.tensor([[SEPARATOR, *each]], device=net.bias.device)
            hidden = net(row[:, :-1]).reshape(-1, net.shape.width)
            means.append(-float(net.losses(hidden, row[0, 1:]).mean()) / float(np.log(2)))
    return float(np.mean(means))


def _similarity(net: Transformer, ids: Sequence[Sequence[int]], lexicon: Lexicon) -> float:
    with torch.no_grad():
        table = normalize(net.embedding.weight.cpu(), dim=1)
        terms = normalize(torch.stack([table[list(each)].mean(0) for each in ids]), dim=1)
        near, apart = (terms @ table[torch.from_numpy(some)].T for some in (lexicon.words, lexicon.controls))
        return float(near.mean() - apart.mean())


def _in_context(net: Transformer, ids: Sequence[Sequence[int]], meter: Meter) -> list[float]:
    """Of each lexicon its log2 ratio after terms and prompt, less that after the prompt alone."""
    rng = np.random.default_rng([meter.seed, 5])
    shown = np.zeros((len(meter.lexicons), 2))
    plain = np.zeros_like(shown)
    for prompt in meter.prompts:
        plain += DRAWS * _after(net, [prompt], meter)
        rows = [
            [SEPARATOR, *(k for i in rng.permutation(len(ids))[:SHOWN].tolist() for k in ids[i]), *prompt[1:]]
            for _ in range(DRAWS)
        ]
        for length in set(map(len, rows)):
            shown += _after(net, [row for row in rows if len(row) == length], meter)
    ratios = np.log2(shown[:, 0] / shown[:, 1]) - np.log2(plain[:, 0] / plain[:, 1])
    return [float(each) for each in ratios]


def _after(net: Transformer, rows: Sequence[Sequence[int]], meter: Meter) -> Array:
    with torch.no_grad():
        ids = torch.tensor([list(row) for row in rows], device=net.bias.device)[:, -net.shape.context:]
        return shares_of(net.log_probabilities(net(ids)[:, -1]).cpu(), meter.lexicons)
