"""Recipes: the options of a build in a TOML file."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import msgspec

from cooc.errors import UsageError


class Recipe(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The table [build]: the options of `cooc build`, with underscores."""

    sources: list[str] | msgspec.UnsetType = msgspec.UNSET
    out: str | msgspec.UnsetType = msgspec.UNSET
    text_field: str | msgspec.UnsetType = msgspec.UNSET
    id_field: str | msgspec.UnsetType = msgspec.UNSET
    meta_field: list[str] | msgspec.UnsetType = msgspec.UNSET
    text_documents: str | msgspec.UnsetType = msgspec.UNSET
    tokenizer: str | msgspec.UnsetType = msgspec.UNSET
    keep_case: bool | msgspec.UnsetType = msgspec.UNSET
    window: int | list[int] | msgspec.UnsetType = msgspec.UNSET
    direction: str | msgspec.UnsetType = msgspec.UNSET
    weighting: str | msgspec.UnsetType = msgspec.UNSET
    ngrams: int | msgspec.UnsetType = msgspec.UNSET
    min_count: int | msgspec.UnsetType = msgspec.UNSET
    min_pair_count: int | msgspec.UnsetType = msgspec.UNSET
    max_terms: int | msgspec.UnsetType = msgspec.UNSET
    terms: list[str] | msgspec.UnsetType = msgspec.UNSET
    memory: str | msgspec.UnsetType = msgspec.UNSET
    workers: int | msgspec.UnsetType = msgspec.UNSET
    on_bad_line: str | msgspec.UnsetType = msgspec.UNSET
    dedup: float | msgspec.UnsetType = msgspec.UNSET
    phrases: bool | msgspec.UnsetType = msgspec.UNSET
    scheduler: str | msgspec.UnsetType = msgspec.UNSET


def read_recipe(path: Path) -> dict[str, Any]:
    """The options that a recipe sets. Raises `UsageError` with what is wrong and where."""
    import tomllib

    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: the recipe can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the recipe is not TOML: {error}.") from error
    if set(document) != {"build"} or not isinstance(document["build"], dict):
        raise UsageError(f"{path}: expected one table [build], found {', '.join(document) or 'nothing'}.")
    _check_names(path, document["build"])
    try:
        recipe = msgspec.convert(document["build"], Recipe)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: [build]: {error}.") from error
    options: dict[str, Any] = msgspec.to_builtins(recipe)
    return _with_places(path.parent, options)


def _check_names(path: Path, table: dict[str, Any]) -> None:
    known = Recipe.__struct_fields__
    for name in table:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" There are {', '.join(known)}."
            raise UsageError(f'{path}: [build] has no option "{name}".{hint}')


def _with_places(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Sources, term files, tokenizer file and output seen from the recipe's folder."""

    def place(name: str) -> str:
        return name if "://" in name else str(folder / name)

    for name in ("sources", "terms"):
        if name in options:
            options[name] = [place(each) for each in options[name]]
    if "out" in options:
        options["out"] = place(options["out"])
    if options.get("tokenizer", "").startswith("hf:"):
        options["tokenizer"] = "hf:" + place(options["tokenizer"][3:])
    return options
