"""Training: batches drawn by step, so that a run which was stopped goes on as if it had not been."""

from __future__ import annotations

import json
import math
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cooc.lab.model import Shape, Transformer, cuts_of
from cooc.lab.recipe import Model
from cooc.lab.words import Words

Array = NDArray[Any]
Tell = Callable[[str, int, int, str], None]

EVERY = 500
"""Steps between checkpoints."""
WARMUP = 0.04
"""The share of steps in which the rate rises."""
DECAY = 0.05
LONGEST = 1.0
"""Gradients longer than this are shortened."""
MOMENTS = ("exp_avg", "exp_avg_sq")
CHECKPOINT, LOG = "checkpoint.npz", "log.jsonl"


def prepare(model: Model) -> None:
    """Threads and exact repetition: equal results on equal machines."""
    torch.set_num_threads(model.threads)
    torch.use_deterministic_algorithms(True, warn_only=True)


def made(model: Model, words: Words, seed: int) -> Transformer:
    """A new model that says unigrams."""
    torch.manual_seed(seed)
    shape = Shape(len(words), model.width, model.layers, model.heads, model.context, cuts_of(len(words)))
    return Transformer(shape, torch.from_numpy(words.counts)).to(model.device)


def optimizer_of(net: Transformer, rate: float) -> torch.optim.AdamW:
    """AdamW that doesn't shrink embeddings, biases and norms."""
    tables = {id(net.embedding.weight), id(net.places.weight)}
    flat = [p for p in net.parameters() if p.dim() < 2 or id(p) in tables]
    rest = [p for p in net.parameters() if p.dim() >= 2 and id(p) not in tables]
    groups = [{"params": flat, "weight_decay": 0.0}, {"params": rest, "weight_decay": DECAY}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))


def rate_at(step: int, steps: int, rate: float) -> float:
    """Rises in a line, falls as a cosine to a twentieth."""
    warm = max(1, round(WARMUP * steps))
    if step < warm:
        return rate * (step + 1) / warm
    done = (step - warm) / max(1, steps - warm)
    return rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * done)))


def step_of(net: Transformer, optimizer: torch.optim.Optimizer, ids: Tensor, rate: float) -> float:
    """One step on ids (batch × length + 1), where −1 is nothing; gives the mean loss."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    before, after = ids[:, :-1].clamp(min=0), ids[:, 1:].reshape(-1)
    asked = (after >= 0).nonzero()[:, 0]
    hidden = net(before).reshape(-1, net.shape.width)
    loss = net.losses(hidden[asked], after[asked]).mean()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), LONGEST)
    optimizer.step()
    return float(loss.detach())


class State(NamedTuple):
    """A model in training."""

    net: Transformer
    optimizer: torch.optim.AdamW
    step: int


def train(model: Model, words: Words, ids: Array, *, folder: Path, seed: int, tell: Tell) -> Transformer:
    """The base model, trained on a stream of ids; what was trained before, in `folder`, is gone on from."""
    prepare(model)
    net = made(model, words, seed)
    state = _resumed(State(net, optimizer_of(net, model.rate), 0), folder)
    tokens, begun, losses = torch.from_numpy(ids).long(), time.monotonic(), []
    for step in range(state.step, model.steps):
        batch = _batch(tokens, model, [seed, step]).to(model.device)
        losses.append(step_of(net, state.optimizer, batch, rate_at(step, model.steps, model.rate)))
        done = step + 1 - state.step
        speed = done * model.batch * model.context / (time.monotonic() - begun)
        tell("base model", step + 1, model.steps, f"loss {np.mean(losses[-50:]):.3f}, {speed:,.0f} tokens/s")
        if (step + 1) % EVERY == 0 or step + 1 == model.steps:
            save(State(net, state.optimizer, step + 1), folder)
            _log(folder, {"step": step + 1, "loss": float(np.mean(losses[-EVERY:])), "tokens_per_second": speed})
    return net


def _batch(tokens: Tensor, model: Model, seed: list[int]) -> Tensor:
    """Stretches from anywhere in the stream."""
    starts = np.random.default_rng(seed).integers(len(tokens) - model.context - 1, size=model.batch)
    places = torch.from_numpy(starts)[:, None] + torch.arange(model.context + 1)
    return tokens[places]


def save(state: State, folder: Path) -> None:
    """Parameters, moments and step as plain arrays; the file has its name only once it is whole."""
    arrays = {f"p/{name}": each.detach().cpu().numpy() for name, each in state.net.named_parameters()}
    for name, each in state.net.named_parameters():
        held = state.optimizer.state.get(each, {})
        arrays |= {f"{key}/{name}": held[key].cpu().numpy() for key in MOMENTS if key in held}
    partial = folder / ("partial-" + CHECKPOINT)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(partial, step=np.array(state.step), allow_pickle=False, **arrays)
    partial.replace(folder / CHECKPOINT)


def _resumed(state: State, folder: Path) -> State:
    """The state that was saved, or this one where none was."""
    if not (folder / CHECKPOINT).exists():
        return state
    held = arrays_of(folder / CHECKPOINT)
    load(state.net, held)
    step = int(held["step"])
    for name, each in state.net.named_parameters():
        moments = {key: torch.from_numpy(held[f"{key}/{name}"]).to(each.device) for key in MOMENTS}
        state.optimizer.state[each] = {"step": torch.tensor(float(step)), **moments}
    return state._replace(step=step)


def arrays_of(path: Path) -> dict[str, Any]:
    """The arrays of an .npz, read without a door to unpickling."""
    with zipfile.ZipFile(path) as held:
        found = {}
        for name in held.namelist():
            with held.open(name) as file:
                found[name.removesuffix(".npy")] = np.lib.format.read_array(file, allow_pickle=False)
    return found


def load(net: Transformer, held: Any) -> None:
    """Set the parameters to those of a checkpoint."""
    with torch.no_grad():
        for name, each in net.named_parameters():
            each.copy_(torch.from_numpy(held[f"p/{name}"]))


def _log(folder: Path, row: dict[str, Any]) -> None:
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def heldout_loss(net: Transformer, ids: Array, context: int, most: int = 200_000) -> tuple[float, int]:
    """Mean −log p in nats of the words of a stream, read in stretches, and how many were asked; special ids aren't."""
    count = min(len(ids), most) // context
    rows = torch.from_numpy(ids[: count * context].reshape(count, context)).long().to(net.bias.device)
    total, asked = 0.0, 0
    with torch.no_grad():
        for some in torch.split(rows, 64):
            wanted = some[:, 1:].reshape(-1)
            keep = (wanted > 1).nonzero()[:, 0]
            hidden = net(some[:, :-1]).reshape(-1, net.shape.width)[keep]
            total += float(net.losses(hidden, wanted[keep]).double().sum())
            asked += len(keep)
    return total / asked, asked
