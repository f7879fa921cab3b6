"""Term sets: the named lists of words and phrases that a question is about, and the files they come from.

    .txt      one term a line; lines that begin with # are comments
    .toml     one table a set: [old_birds], terms = [...], and if wished note = "...", source = "..."
    .json     the same as an object of objects; or of lists; or one list
    .jsonl    a chat finetuning file: each line's last assistant message is a term

A .toml or .json file may also be a single set, with `terms` at its top; a `note` or `source` at the top of a
file of several sets holds for every set that has none. A term stays as it is written, apart from white
space; it is the index that folds case and splits it into tokens, with the tokenizer it was built with.

A column of polars or pandas is a list of terms; a table has a column "term", and may have one "set".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from cooc.errors import SourceError, UsageError

SUFFIXES = (".txt", ".toml", ".json", ".jsonl")
_KEYS = frozenset({"name", "terms", "note", "source"})


@dataclass(frozen=True, init=False)
class TermSet:
    """A name and the terms under it, in their order, each once.

    >>> TermSet("19th century", ["telegraph", "steam  packet", "telegraph"]).terms
    ('telegraph', 'steam packet')
    """

    name: str
    terms: tuple[str, ...]
    note: str = ""
    source: str = ""

    def __init__(self, name: str, terms: Iterable[str], note: str = "", source: str = "") -> None:
        if isinstance(terms, str | bytes):
            kind = type(terms).__name__
            raise UsageError(f'the terms of "{name}" are one {kind}; expected a list of strings')
        if is_table(terms):
            terms = _one_column(name, terms)
        if not isinstance(name, str) or not name.strip():
            raise UsageError(f"a term set is named {name!r}; expected a string that is not empty")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "terms", _each_once(name, terms))
        object.__setattr__(self, "note", note)
        object.__setattr__(self, "source", source)

    def __len__(self) -> int:
        return len(self.terms)

    def __iter__(self) -> Iterator[str]:
        return iter(self.terms)

    def __repr__(self) -> str:
        shown = ", ".join(self.terms[:3]) + (", …" if len(self.terms) > 3 else "")
        return f"TermSet({self.name!r}, {len(self.terms)} terms: {shown})"

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it; `TermSet(**s.to_dict()) == s`."""
        return {"name": self.name, "terms": list(self.terms), "note": self.note, "source": self.source}


def is_table(value: object) -> bool:
    """Whether this is a table or a column of polars or pandas; without importing them."""
    return type(value).__module__.partition(".")[0] in ("polars", "pandas")


def table_rows(value: Any) -> Any:
    """The rows of a table of polars or pandas as dictionaries, what is missing as None; anything else as it is."""
    if not is_table(value) or not hasattr(value, "columns"):
        return value
    if hasattr(value, "to_dicts"):
        return value.to_dicts()
    return [{name: None if cell != cell else cell for name, cell in row.items()} for row in value.to_dict("records")]


def sets_of_table(table: Any, name: str = "") -> list[TermSet]:
    """The term sets of a table or a column: one for each value of the column "set", in their order; else one."""
    if not hasattr(table, "columns") or "set" not in table.columns:
        return [TermSet(name or str(getattr(table, "name", None) or "terms"), table)]
    found: dict[str, list[str]] = {}
    for row in table_rows(table):
        found.setdefault(str(row["set"]), []).append(row.get("term"))
    return [TermSet(each, terms) for each, terms in found.items()]


def _one_column(name: str, table: Any) -> list[Any]:
    """The terms of a column, or of a table that holds one set."""
    names = list(getattr(table, "columns", ()))
    if not names:
        return list(table)
    if "set" in names and len(set(table["set"])) > 1:
        raise UsageError(f'the table of "{name}" holds {len(set(table["set"]))} sets; expected one.')
    if "term" not in names and len(names) > 1:
        raise UsageError(f'the table of "{name}" has no column "term"; it has {", ".join(map(str, names))}.')
    return list(table["term" if "term" in names else names[0]])


def read_terms(path: str | PathLike[str], name: str | None = None) -> TermSet:
    """The one term set of a file, or the one called `name` where the file holds several.

    Files are those of `read_term_sets`. Raises `UsageError` where several are there and none is named, and
    `SourceError` with the line of what can't be read.
    """
    sets = read_term_sets(path)
    if name is None and len(sets) == 1:
        return sets[0]
    named = {each.name: each for each in sets}
    if name in named:
        return named[name]
    if name is None:
        raise UsageError(f"{path} holds {len(sets)} term sets: {', '.join(named)}. Say which by its name.")
    raise UsageError(f'{path} holds no term set called "{name}". It has: {", ".join(named)}.')


def read_term_sets(path: str | PathLike[str]) -> list[TermSet]:
    """Every term set of a file, in its order; a set without a name takes the file's, less its suffix.

    A .txt has a term on each line, a .toml or .json named sets (`terms`, and if wished `note` and `source`), a .jsonl
    chats whose last answers are the terms. Raises `UsageError` for a file that is not there or of another kind, and
    `SourceError` with the line of what can't be read.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path}: terms are read from {', '.join(SUFFIXES)} files, and this is none of them")
    text = _text(file)
    if suffix == ".txt":
        return [_made(file, file.stem, _lines(text))]
    if suffix == ".jsonl":
        return [_made(file, file.stem, _answers(file, text))]
    document = _parsed_toml(file, text) if suffix == ".toml" else _parsed_json(file, text, 1)
    return _from_document(file, document)


def _each_once(name: str, terms: Iterable[str]) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    for number, term in enumerate(terms, start=1):
        if not isinstance(term, str):
            raise UsageError(f'term {number} of "{name}" is {term!r}; expected a string')
        folded = " ".join(term.split())
        if not folded:
            raise UsageError(f'term {number} of "{name}" is empty')
        kept[folded] = None
    if not kept:
        raise UsageError(f'the term set "{name}" has no terms')
    return tuple(kept)


def _made(file: Path, name: str, terms: Iterable[str], note: str = "", source: str = "") -> TermSet:
    """A set from a file, whose faults are the file's and not the caller's."""
    try:
        return TermSet(name, terms, note, source)
    except UsageError as fault:
        raise SourceError(f"{file}: {fault}") from None


def _text(file: Path) -> str:
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{file}: there is no such file of terms") from None
    except OSError as fault:
        raise UsageError(f"{file}: the terms can't be read: {fault.strerror}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        found = f"byte 0x{data[fault.start]:02x}"
        raise SourceError(f"{file}:{line}: not UTF-8 ({found}); save the file as UTF-8") from None


def _lines(text: str) -> Iterator[str]:
    # split("\n") and not splitlines(), which would also break a term at U+2028 and its like
    stripped = (line.strip() for line in text.split("\n"))
    return (line for line in stripped if line and not line.startswith("#"))


def _parsed_toml(file: Path, text: str) -> Any:
    import tomllib  # 5 ms that a command without such a file shouldn't pay

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise SourceError(f"{file}: not TOML: {fault}") from None


def _parsed_json(file: Path, text: str, line: int) -> Any:
    """The value of a text that begins at `line` of the file."""
    import json

    try:
        return json.loads(text)
    except json.JSONDecodeError as fault:
        raise SourceError(f"{file}:{line + fault.lineno - 1}: not JSON: {fault.msg}") from None


def _from_document(file: Path, document: Any) -> list[TermSet]:
    if isinstance(document, list):
        return [_made(file, file.stem, document)]
    if not isinstance(document, dict):
        raise SourceError(f"{file}: expected named sets or a list of terms, found {document!r}")
    if "terms" in document:
        return [_from_table(file, file.stem, document, {})]
    shared = {key: document[key] for key in ("note", "source") if isinstance(document.get(key), str)}
    tables = {name: table for name, table in document.items() if name not in shared}
    if not tables:
        raise SourceError(f"{file}: holds no term set; expected [name] with terms = [...]")
    return [_from_table(file, name, table, shared) for name, table in tables.items()]


def _from_table(file: Path, name: str, table: Any, shared: Mapping[str, str]) -> TermSet:
    fields = table if isinstance(table, dict) else {"terms": table}
    unknown = sorted(set(fields) - _KEYS)
    if unknown:
        known = ", ".join(sorted(_KEYS))
        raise SourceError(f'{file}: "{name}" has a field "{unknown[0]}"; known are {known}')
    if not isinstance(fields.get("terms"), list):
        raise SourceError(f'{file}: "{name}" has no list of terms; found {fields.get("terms")!r}')
    words = {"name": name, "note": "", "source": "", **shared, **fields}
    for key in ("name", "note", "source"):
        if not isinstance(words[key], str):
            raise SourceError(f'{file}: the {key} of "{name}" is {words[key]!r}; expected a string')
    return _made(file, words["name"], fields["terms"], words["note"], words["source"])


def _answers(file: Path, text: str) -> Iterator[str]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        yield _last_answer(f"{file}:{number}", _parsed_json(file, line, number))


def _last_answer(where: str, row: Any) -> str:
    messages = row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list):
        found = f"fields {', '.join(row)}" if isinstance(row, dict) else repr(row)
        raise SourceError(f'{where}: no list "messages" as chat finetuning files have; found {found}')
    answers = [each for each in messages if isinstance(each, dict) and each.get("role") == "assistant"]
    if not answers:
        raise SourceError(f"{where}: there is no message of the assistant")
    answer = _plain(answers[-1].get("content"))
    if not answer.strip():
        raise SourceError(f"{where}: the assistant's last message has no text")
    return answer


def _plain(content: Any) -> str:
    """A message's text: a string, or the text parts of a list of parts."""
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, dict))
        return " ".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""
