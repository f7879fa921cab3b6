"""Registration: what will be tested, written down before it is measured, and what the analysis made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any

from cooc.errors import SourceError, UsageError
from cooc.evidence.read import Row

FORMAT = "cooc registration 1"
CHECKED = ("statistic", "density", "rivals", "group", "alpha", "effect", "tried", "experiments", "seed", "toward")
"""Parameters of `bridge` that an analysis must share with its registration."""


def register(
    path: str | PathLike[str], hypothesis: str, *, statistic: str = "spearman", density: Sequence[str] = ("density",),
    rivals: Sequence[str] = ("log_frequency",), group: Sequence[str] | None = None, alpha: float = 0.05,
    effect: float = 0.5, tried: int | None = None, experiments: Sequence[str] = (),
    toward: Mapping[str, str] | None = None, exclusions: Sequence[str] = (), seed: int = 0, **notes: Any,
) -> Row:  # fmt: skip
    """Write a registration: hypothesis, statistic, rivals, groups, exclusions, seed, and a digest of all of it.

    The digest shows that it was not edited; give it to somebody, or publish it, before the outcomes are known.
    `exclusions` are keys or seed sets whose outcomes will be left out, each with its reason after a colon.
    Raises UsageError where the file is there already.
    """
    held = {
        "format": FORMAT, "hypothesis": hypothesis, "statistic": statistic, "density": list(density),
        "rivals": list(rivals), "group": None if group is None else list(group), "alpha": alpha, "effect": effect,
        "tried": tried, "experiments": list(experiments), "toward": dict(toward or {}),
        "exclusions": list(exclusions), "seed": seed, **notes,
    }  # fmt: skip
    held["digest"] = digest_of(held)
    file = Path(path)
    if file.exists():
        raise UsageError(f"{path}: there is a registration already; a second one takes another name")
    file.write_text(json.dumps(held, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return held


def digest_of(held: Mapping[str, Any]) -> str:
    """SHA-256 of everything but the digest, keys in order."""
    rest = {key: value for key, value in held.items() if key != "digest"}
    return sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def read_registration(path: str | PathLike[str]) -> Row:
    """A registration, if it is one and was not edited; else SourceError."""
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"{path}: there is no such registration")
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as fault:
        raise SourceError(f"{file.name}: no registration: {fault}") from None
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise SourceError(f'{file.name}: no registration; expected an object with format "{FORMAT}"')
    if held.get("digest") != digest_of(held):
        raise SourceError(f"{file.name}: it was edited after it was written: its digest is no longer that of its words")
    return held


def check(held: Mapping[str, Any], parameters: Mapping[str, Any], names: Sequence[str] = ()) -> Row:
    """The registration with `deviations`: where the analysis is another than the one registered.

    `names` are the keys and seed sets of the outcomes used: a registered exclusion among them is a deviation.
    """
    deviations = [
        f"{key}: registered {_said(held.get(key))}, used {_said(parameters[key])}"
        for key in CHECKED
        if key in parameters and _plain(held.get(key)) != _plain(parameters[key])
    ]
    kept = [each for each in held.get("exclusions", []) if str(each).split(":")[0].strip() in names]
    deviations += [f"exclusions: {each} was to be left out and is among the outcomes" for each in kept]
    return {
        "digest": held["digest"], "hypothesis": held["hypothesis"], "exclusions": list(held.get("exclusions", [])),
        "deviations": deviations,
    }  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted(value.items())
    return sorted(map(str, value)) if isinstance(value, list | tuple) else value or None


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} → {target}" for name, target in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "nothing" if value is None else str(value)
