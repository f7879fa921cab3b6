"""The target lists that come with cooc: small, written by hand, each with its principle of selection in its note.

They are one person's taste, fixed before any density was looked at; `cooc.derive` takes a target from data instead.
"""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path

from cooc.errors import UsageError
from cooc.terms import TermSet, read_terms

FOLDER = Path(__file__).parent / "lexicons"

UNIONS = {
    "19th_century": ("19th_century_language", "19th_century_things"),
    "modern": ("modern_language", "modern_things"),
}
"""Names for several lists together."""


def lexicons() -> list[str]:
    """The names of the lexicons that come with cooc, for `cooc.lexicon` and, with a leading @, the command line."""
    return sorted([*UNIONS, *(file.stem for file in FOLDER.glob("*.toml"))])


@cache
def lexicon(name: str) -> TermSet:
    """A lexicon that comes with cooc, by its name, with or without a leading @. Its `note` says how it was chosen.

    >>> "telegraph" in cooc.lexicon("19th_century").terms
    True
    """
    known = name.removeprefix("@")
    if known in UNIONS:
        parts = [lexicon(part) for part in UNIONS[known]]
        note = f"{' and '.join(UNIONS[known])} together. " + " ".join(part.note for part in parts)
        return TermSet(known, [term for part in parts for term in part], note, parts[0].source)
    if known not in lexicons():
        raise UsageError(_no_lexicon(known))
    return read_terms(FOLDER / f"{known}.toml")


def _no_lexicon(name: str) -> str:
    near = difflib.get_close_matches(name.lower().replace(" ", "_"), lexicons(), n=3, cutoff=0.5)
    guess = f" Did you mean {' or '.join(near)}?" if near else ""
    return f'cooc has no lexicon "{name}".{guess} It has: {", ".join(lexicons())}.'
