"""What a build is going to do: its parameters checked, its sources found and cut into parts."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from cooc.corpus import Fields, Part, find_sources, split
from cooc.create.work import Work
from cooc.errors import BuildError, UsageError
from cooc.index.manifest import Direction, Parameters, Weighting
from cooc.tokens import Tokenizer, TokenizerSpec, tokenizer_for

PART_BYTES = 32 << 20
"""Text bytes a task reads; its vocabulary and tokens must fit a worker's memory."""

MOST_WINDOW = 100_000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides the bytes of an index; kept on disk, so that a resumed build can be held to it."""

    parameters: Parameters
    tokenizer: TokenizerSpec
    tokenizer_option: str
    parts: list[Part]
    ignored: list[str]

    def make_tokenizer(self) -> Tokenizer:
        """The tokenizer of the plan; raises `BuildError` if its file is no longer the same."""
        chosen = self.tokenizer
        made = tokenizer_for(self.tokenizer_option, keep_case=chosen.kind == "word" and chosen.keep_case)
        if made.spec != chosen:
            raise BuildError(f"{self.tokenizer_option} has changed since the build began. Restore it to go on.")
        return made

    @property
    def fields(self) -> Fields:
        chosen = self.parameters
        return Fields(
            text=chosen.text_field,
            id=chosen.id_field or "id",
            meta=chosen.meta_fields,
            id_required=chosen.id_field is not None,
        )


def make_plan(
    places: Sequence[str | os.PathLike[str]], parameters: Parameters, tokenizer: Tokenizer, option: str
) -> Plan:
    """Check the parameters and find the sources; raises `UsageError` or `SourceError` before any work."""
    check_parameters(parameters)
    sources, ignored = find_sources(places, text_documents=parameters.text_documents)
    parts = [part for source in sources for part in split(source, target_bytes=PART_BYTES)]
    return Plan(parameters=parameters, tokenizer=tokenizer.spec, tokenizer_option=option, parts=parts, ignored=ignored)


def check_parameters(chosen: Parameters) -> None:
    """Raise `UsageError` for a parameter that makes no sense, naming its option."""
    for option, choice, choices in (
        ("--direction", chosen.direction, get_args(Direction)),
        ("--weighting", chosen.weighting, get_args(Weighting)),
        ("--text-documents", chosen.text_documents, ("file", "line")),
        ("--on-bad-line", chosen.on_bad_line, ("fail", "skip")),
    ):
        if choice not in choices:
            raise UsageError(f'{option} "{choice}": expected {" or ".join(choices)}.')
    if not chosen.windows:
        raise UsageError("--window: expected at least one window.")
    for window in chosen.windows:
        if not 1 <= window <= MOST_WINDOW:
            raise UsageError(f"--window {window}: expected 1 to {MOST_WINDOW:,} tokens.")
    if len(set(chosen.windows)) < len(chosen.windows):
        raise UsageError("--window: the same window is given twice.")
    for option, value, least in (
        ("--ngrams", chosen.ngrams, 1),
        ("--min-count", chosen.min_count, 1),
        ("--min-pair-count", chosen.min_pair_count, 1),
        ("--max-terms", 1 if chosen.max_terms is None else chosen.max_terms, 1),
    ):
        if value < least:
            raise UsageError(f"{option} {value}: expected at least {least}.")
    if chosen.dedup is not None and not 0 < chosen.dedup <= 1:
        raise UsageError(f"--dedup {chosen.dedup}: expected a similarity above 0 and at most 1, such as 0.8.")
    if chosen.ngrams > 5:
        raise UsageError(f"--ngrams {chosen.ngrams}: n-grams are counted up to order 5.")
    if chosen.weighting == "harmonic":
        for window in chosen.windows:
            if harmonic_unit(window) >= 1 << 31:
                raise UsageError(
                    f"--weighting harmonic --window {window}: exact counts would be in units of "
                    f"1/{harmonic_unit(window)}, too fine for 64 bits; the largest window is 22."
                )


def check_workers(workers: int | None) -> None:
    """Raise `UsageError` for a number of workers that does no work."""
    if workers is not None and workers < 1:
        raise UsageError(f"--workers {workers}: expected at least 1.")


def harmonic_unit(window: int) -> int:
    """lcm(1..window): 1/d is a whole number of units for every distance d in the window."""
    return math.lcm(*range(1, window + 1))


def parse_memory(text: str | int) -> int:
    """Bytes from "8GB", "512MB", "2GiB" or a number of bytes."""
    if isinstance(text, int):
        return text
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", text.lower())
    if not match:
        raise UsageError(f'--memory "{text}": expected a size such as 8GB or 512MB.')
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** " kmgt".index(match[2] or " "))


def difference(old: Plan, new: Plan) -> str:
    """The first thing in which two plans differ, in words; empty if they are the same."""
    for name, before, after in _fields(old, new):
        if name != "parts" and before != after:
            return f"{name} was {_shown(before)}, is now {_shown(after)}"
    return _parts_difference(old.parts, new.parts)


def _fields(old: Plan, new: Plan) -> list[tuple[str, Any, Any]]:
    rows = [(name, getattr(old.parameters, name), getattr(new.parameters, name))
            for name in Parameters.__struct_fields__]  # fmt: skip
    return [*rows, ("tokenizer", old.tokenizer, new.tokenizer)]


def _parts_difference(old: list[Part], new: list[Part]) -> str:
    before = {part.source.url: part.source for part in old}
    after = {part.source.url: part.source for part in new}
    for url in sorted(before | after):
        if url not in after:
            return f"source {url} is gone"
        if url not in before:
            return f"source {url} is new"
        if before[url] != after[url]:
            return f"source {url} has changed (it had {before[url].bytes:,} bytes, has {after[url].bytes:,})"
    return "" if old == new else "the sources are cut in other parts"


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()


PLAN = "plan.json"


def plan_of(work: Work) -> Plan:
    """The plan of a build, as its tasks see it."""
    return work.recall("plan", lambda work: read_plan(work.path(PLAN)))


def tokenizer_of_plan(work: Work) -> Tokenizer:
    """The tokenizer of a build, made once in a process."""
    return work.recall("tokenizer", lambda work: plan_of(work).make_tokenizer())


def read_plan(path: Path) -> Plan:
    """A plan that `write_plan` kept."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BuildError(f"{path}: the plan of the build can't be read ({error}). Remove the directory.") from error
