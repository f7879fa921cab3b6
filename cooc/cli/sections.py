"""The list of commands in `cooc --help`, by what they are for."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

SECTIONS = {
    "Make an index": ("build", "merge", "info", "verify", "phrases", "open-infini-gram"),
    "Look up counts": ("count", "pair", "neighbors", "ngrams", "contexts", "kwic", "scan"),
    "Measure densities": (
        "density", "cluster", "years", "constellation", "curation", "audit", "lexicons", "derive",
    ),
    "Hold them against outcomes": ("bridge", "design", "lab"),
    "Take results along": ("export", "report", "demo"),
}  # fmt: skip
OTHERS = "More"


class Sections(TyperGroup):
    """A group whose help lists commands in sections, with whole first sentences."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Commands in the order of the sections, those of no section last."""
        placed = [name for names in SECTIONS.values() for name in names]
        there = list(super().list_commands(ctx))
        return [name for name in placed if name in there] + [name for name in there if name not in placed]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections."""
        names = self.list_commands(ctx)
        sections = {**SECTIONS, OTHERS: tuple(n for n in names if not any(n in some for some in SECTIONS.values()))}
        for title, wanted in sections.items():
            rows = [(name, first_sentence(self.get_command(ctx, name))) for name in wanted if name in names]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows, col_max=16)


def first_sentence(command: Any) -> str:
    """What a command does, up to the first full stop."""
    paragraph = " ".join((command.help or "").split("\n\n")[0].split())
    return paragraph.partition(". ")[0].rstrip(".")
