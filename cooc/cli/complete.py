"""What the shell completes for an option: measures, windows of the index, term sets by name."""

from __future__ import annotations

from typing import Any


def measures(incomplete: str) -> list[str]:
    """Measures, and count."""
    from cooc.query.measures import MEASURES

    return [name for name in ("count", *MEASURES) if name.startswith(incomplete)]


def windows(ctx: Any, incomplete: str) -> list[str]:
    """The windows of the index that the line names; none where it can't be opened."""
    from cooc.errors import CoocError
    from cooc.verbs import open as opened

    # behind an option that waits for its value the line's arguments are not yet parsed
    for place in filter(None, [ctx.params.get("index"), *ctx.args]):
        try:
            return [name for name in opened(place).windows if name.startswith(incomplete)]
        except (CoocError, AttributeError):
            continue
    return []


def sets(incomplete: str) -> list[str]:
    """Lexicons as @NAME; nothing for a file, which the shell completes by itself."""
    if not incomplete.startswith("@"):
        return []
    from cooc.clusters.lexicon import lexicons

    return [f"@{name}" for name in lexicons() if name.startswith(incomplete[1:])]


def lexicon_names(incomplete: str) -> list[str]:
    """Lexicons without the @."""
    return [name[1:] for name in sets("@" + incomplete)]
