"""What the demo asks of its index: each question once, as a user would ask it, with the command that asks it too."""

from __future__ import annotations

import shlex
import shutil
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cooc.index.reader import Index
from cooc.query.results import Result

if TYPE_CHECKING:
    from cooc.clusters.cluster import Clusters
    from cooc.clusters.densities import Density
    from cooc.clusters.years import Years
    from cooc.evidence.bridge import Bridge
    from cooc.query.results import Neighbors

KNOWN = ("nineteenth_century", "twenty_first_century")
"""Terms of which everybody knows the century, and what is asked of them."""
KNOWN_TARGETS = ("@19th_century", "@modern")

BIRDS = {
    "old_birds": "old_audubon_birds",
    "modern_birds": "modern_audubon_birds",
    "other_birds": "modern_american_birds",
}
"""The demo's three lists of birds, and the lists of the published experiment that they resemble."""
BIRD_TARGETS = ("@19th_century", "@natural_history")

TITLE = "The demo of cooc"
SIZES = (100, 1_000)
EXPERIMENT = "birds"


class Answers:
    """The demo's questions to its index. Results are computed when first asked for, and kept."""

    null = 300
    """Matched sets that a density is compared with."""

    def __init__(self, index: Index, folder: Path) -> None:
        self.index = index
        self.folder = folder

    def file(self, name: str) -> str:
        """The term file of the demo that has a set, as commands name it: FILE@SET."""
        from cooc.demo.corpus import term_files
        from cooc.terms import read_term_sets

        for file in term_files():
            if name in {each.name for each in read_term_sets(file)}:
                return f"{self.folder / file.name}@{name}"
        raise KeyError(name)

    @cached_property
    def densities(self) -> dict[str, Density]:
        """The density of each set, filled as they are asked for."""
        return {}

    def density(self, name: str) -> Density:
        """The densities of one set of terms towards the targets that the demo asks it about."""
        import cooc

        if name not in self.densities:
            targets = KNOWN_TARGETS if name in KNOWN else BIRD_TARGETS
            self.densities[name] = cooc.density(self.index, self.file(name), *targets, null=self.null)
        return self.densities[name]

    @cached_property
    def clusters(self) -> Clusters:
        import cooc

        return cooc.cluster(self.index, self.file(KNOWN[1]), sizes=SIZES)

    @cached_property
    def years(self) -> Years:
        import cooc

        return cooc.years(self.index, [self.file(name) for name in KNOWN])

    @cached_property
    def bridge(self) -> Bridge:
        import cooc

        densities = [self.density(name) for name in BIRDS]
        return cooc.bridge("@published", densities, experiments=[EXPERIMENT], aliases=BIRDS)

    @cached_property
    def neighbors(self) -> Neighbors:
        import cooc

        return cooc.neighbors(self.index, ["goatsucker", "specie", "internet"], measure="pmi_low", min_count=2)

    @property
    def results(self) -> dict[str, Result]:
        """All that goes into the page, in the order of the demo, by the names of their files."""
        densities = {name: self.density(name) for name in (*KNOWN, *BIRDS)}
        return {
            "neighbors": self.neighbors, **densities, "clusters": self.clusters, "years": self.years,
            "bridge": self.bridge,
        }  # fmt: skip

    @property
    def saved(self) -> Path:
        """The folder of the results as JSON, beside the index."""
        return self.beside("-results")

    @property
    def page(self) -> Path:
        """Where the page goes, beside the index."""
        return self.beside(".html")

    @property
    def sets(self) -> list[str]:
        """The term sets that were asked about, as commands name them."""
        return [self.file(name) for name in (*KNOWN, *BIRDS)]

    def report(self) -> Path:
        """Write the page of all results."""
        import cooc

        return cooc.report(
            self.page, list(self.results.values()), title=TITLE, index=self.index, sets=self.sets,
            command=self.report_command,
        )  # fmt: skip

    @property
    def report_command(self) -> str:
        """The command that makes a page of the saved results."""
        return shell("report", self.index.path, f"{self.saved}/*.json", "--out", self.page, "--title", TITLE)

    def beside(self, ending: str) -> Path:
        return self.folder.with_name(self.folder.name.removesuffix("-corpus") + ending)

    def save(self) -> None:
        """Write each result as its command prints it with --json."""
        import json

        self.saved.mkdir(exist_ok=True)
        for name, result in self.results.items():
            text = json.dumps(result.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)
            (self.saved / f"{name}.json").write_text(text + "\n", "utf-8")


def command() -> str:
    """How to run cooc from here: its name if the shell finds it, else the program that runs now."""
    running = Path(sys.argv[0])
    if shutil.which("cooc") or running.name != "cooc":
        return "cooc"
    return str(running.relative_to(Path.cwd()) if running.is_relative_to(Path.cwd()) else running)


def shell(*words: object) -> str:
    """A command as one types it; a word with * is left to the shell."""
    return " ".join([command(), *(word if "*" in word else shlex.quote(word) for word in map(str, words))])
