"""Results as one self-contained HTML page: `report`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from cooc.clusters.sets import Named
from cooc.errors import UsageError
from cooc.index.reader import Index
from cooc.page.again import known_of
from cooc.page.corpus import corpus_section
from cooc.page.documents import Document, documents_of, several
from cooc.page.page import LARGEST, page_html
from cooc.page.parts import Section, Table
from cooc.page.sections import sections_of
from cooc.query.elsewhere import as_index


def report(
    path: str | PathLike[str],
    results: Any,
    *,
    title: str | None = None,
    index: Index | Sequence[Index] | None = None,
    sets: Sequence[Named] = (),
    files: Mapping[str, str] | None = None,
    command: str | None = None,
    notes: Sequence[str] = (),
) -> Path:
    """Write results as one HTML file that needs no network, and give back its path.

    `results` are results of cooc's verbs, files of them saved with --json, or what these hold; each becomes a section
    with figures, tables (each a CSV to take along), and the command and code that make it again. With `index`, or
    several, the page says how the corpus was counted and shows lines of it for every term of the graph. `sets` are
    the term sets that were asked about, as files or lexicons, so that commands name them as they were given; `files`
    what else they name: "clues", "candidates", "outcomes", "densities". `command` is the line that made the page, and
    `notes` are for its reader.

    The same results give the same bytes. Raises UsageError where a page would be larger than 5 MB, or the extra
    `cooc[report]` is not installed, and SourceError for a file that is no result.
    """
    given = [] if index is None else list(index) if isinstance(index, Sequence) else [index]
    indexes: list[Index] = [as_index(each) for each in given]
    documents = documents_of(results)
    known = known_of(sets, {each.digest: str(each.path) for each in indexes}, files or {}, documents)
    asked, found = _asked(documents, notes, command), sections_of(documents, known, indexes)
    sections = [asked, *map(corpus_section, indexes), *found]
    html = page_html(title or _title(documents), [], sections, _software())
    if len(html.encode()) > LARGEST:
        raise UsageError(
            f"the page would have {len(html.encode()):,} bytes; at most {LARGEST:,} can be sent around. "
            "Report fewer results, or fewer terms."
        )
    return _written(Path(path), html)


def _asked(documents: Sequence[Document], notes: Sequence[str], command: str | None) -> Section:
    """What was asked, of what, and what made the page."""
    rows = [
        {
            "question": document.verb, "index": document.index, "digest": str(document.source["digest"])[:16],
            "terms": len(document.source.get("terms") or []) or None, "rows": len(document.rows),
            "options": ", ".join(f"{name}={value}" for name, value in document.parameters.items()
                                 if value not in (None, [], ())),
        }
        for document in documents
    ]  # fmt: skip
    lead = [f"This page was made by: {command}"] if command else []
    return Section("asked", "What was asked", lead, tables=[Table("asked", "Questions", rows)], notes=notes)


def _title(documents: Sequence[Document]) -> str:
    seeds = [str(name) for each in documents if each.verb == "density" for name in several(each.rows, "seeds")]
    indexes = list(dict.fromkeys(each.index for each in documents if each.verb != "bridge"))
    return f"{', '.join(dict.fromkeys(seeds)) or 'Terms'} in {', '.join(indexes)}"


def _software() -> str:
    from cooc import __version__

    return f"cooc {__version__}"


def _written(path: Path, html: str) -> Path:
    """Written beside its place and moved there: nobody sees half a page."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(html, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise UsageError(f"{path}: can't be written: {error.strerror or error}.") from error
    return path
