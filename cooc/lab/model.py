"""A decoder-only transformer on PyTorch's parts: pre-norm blocks, one embedding for words read and words said.

Words are said in two steps (the adaptive softmax of Grave et al. 2017, with the full width everywhere): the most
frequent ones and the two classes of rarer words first, then the word inside its class. The probabilities are exact.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

SPREAD = 0.1
"""Standard deviation of embeddings at the start."""


class Shape(NamedTuple):
    """Sizes of a model; `cuts` are the model ids at which the two classes of rarer words begin."""

    words: int
    width: int
    layers: int
    heads: int
    context: int
    cuts: tuple[int, int]


def cuts_of(words: int) -> tuple[int, int]:
    """The classes begin at an eighth and at three eighths of the words."""
    return max(2, words // 8), max(4, 3 * words // 8)


class Block(nn.Module):
    """Attention to what came before, then a perceptron; each adds to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.look, self.put = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        parts = self.look(self.before(x)).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.put(seen.transpose(1, 2).reshape(batch, length, width))
        result: Tensor = x + self.narrow(functional.gelu(self.widen(self.between(x))))
        return result


class Transformer(nn.Module):
    """Token ids (batch × length) → hidden states (batch × length × width), and these → log probabilities of words."""

    def __init__(self, shape: Shape, frequencies: Tensor | None = None) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.words, shape.width)
        self.places = nn.Embedding(shape.context, shape.width)
        self.blocks = nn.ModuleList(Block(shape.width, shape.heads) for _ in range(shape.layers))
        self.norm = nn.LayerNorm(shape.width)
        self.classes = nn.Parameter(torch.zeros(2, shape.width))
        self.bias = nn.Parameter(torch.zeros(shape.words + 2))
        for table in (self.embedding, self.places):
            nn.init.normal_(table.weight, std=SPREAD)
        if frequencies is not None:
            self._say_unigrams(frequencies)

    def _say_unigrams(self, frequencies: Tensor) -> None:
        """Let the bias say the words' frequencies, so that training begins where counting ends."""
        a, b = self.shape.cuts
        logs = (frequencies.double() + 0.5).log()
        tails = torch.stack([logs[a:b].logsumexp(0), logs[b:].logsumexp(0)])
        self.bias.data.copy_(torch.cat([logs, tails]) - logs.logsumexp(0))

    def forward(self, ids: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.embedding(ids) + self.places(places)
        for block in self.blocks:
            x = block(x)
        result: Tensor = self.norm(x)
        return result

    def _parts(self, x: Tensor) -> tuple[Tensor, tuple[slice, slice]]:
        """Log probabilities of frequent words and of the two classes (last), and where the classes' words lie."""
        a, b = self.shape.cuts
        weights = torch.cat([self.embedding.weight[:a], self.classes])
        bias = torch.cat([self.bias[:a], self.bias[-2:]])
        head = functional.log_softmax(functional.linear(x, weights, bias), -1)
        return head, (slice(a, b), slice(b, self.shape.words))

    def losses(self, x: Tensor, wanted: Tensor) -> Tensor:
        """−log p in nats of each wanted word (n) after hidden states (n × width)."""
        head, tails = self._parts(x)
        a, b = self.shape.cuts
        label = torch.where(wanted < a, wanted, torch.where(wanted < b, a, a + 1))
        loss = -head.gather(1, label[:, None])[:, 0]
        for words in tails:
            rows = ((wanted >= words.start) & (wanted < words.stop)).nonzero()[:, 0]
            if len(rows):
                logits = functional.linear(x[rows], self.embedding.weight[words], self.bias[words])
                inside = functional.cross_entropy(logits, wanted[rows] - words.start, reduction="none")
                loss = loss.index_add(0, rows, inside)
        return loss

    def log_probabilities(self, x: Tensor) -> Tensor:
        """Of every word, after each hidden state: (n × words)."""
        head, tails = self._parts(x)
        a = self.shape.cuts[0]
        parts = [head[:, :a]]
        for number, words in enumerate(tails):
            logits = functional.linear(x, self.embedding.weight[words], self.bias[words])
            parts.append(head[:, a + number, None] + functional.log_softmax(logits, -1))
        return torch.cat(parts, 1)


def parameters_of(shape: Shape) -> int:
    """How many numbers a model of this shape learns."""
    return sum(p.numel() for p in Transformer(shape).parameters())
