"""The ways a phrase with hyphens or apostrophes may be written: "black-throated", "black throated", "blackthroated"."""

from __future__ import annotations

import re
from itertools import product

from cooc.errors import UsageError

HYPHENS = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
APOSTROPHES = "'\u2018\u2019\u02bc`\u00b4"
JOINTS = ("-", " ", "", "'")
"""What may stand where a hyphen or an apostrophe was written."""

MOST_JOINTS = 6

_INNER = re.escape(HYPHENS + APOSTROPHES)
_JOINT = re.compile(f"(?<=[^\\s{_INNER}])[{_INNER}](?=[^\\s{_INNER}])")


def spellings(phrase: str) -> list[str]:
    """The phrase as it is written, then with a hyphen, a space, nothing or an apostrophe for each hyphen and apostrophe
    between two characters. Words that were written apart stay apart: "a long" is never "along".

    >>> spellings("great auk's")
    ["great auk's", 'great auk-s', 'great auk s', 'great auks']
    """
    parts = _JOINT.split(phrase)
    if len(parts) > MOST_JOINTS + 1:
        raise UsageError(f'"{phrase}" has {len(parts) - 1} hyphens and apostrophes; variants are tried for up to '
                         f"{MOST_JOINTS}.")  # fmt: skip
    joined = (
        "".join(a + b for a, b in zip(parts, (*joints, ""), strict=True))
        for joints in product(JOINTS, repeat=len(parts) - 1)
    )
    return list(dict.fromkeys([phrase, *joined]))
