"""Every case as the commands that answer it, and the columns of their answers that a table shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.cases.lists import BIRDS, GIVEN, lines_of

DENSITY = ("seeds", "target", "window", "density", "low", "high", "null_mean", "z", "p", "n_found", "n_terms", "hits")
DOSE = ("term", "target", "occurrences", "documents", "contexts", "hits", "raw_lift", "lift", "low", "high")
RIVALS = ("target", "rival", "difference", "low", "high")
CENTURY = ("term", "century", "share", "low", "high", "corpus_share", "lift", "years", "documents")
CURATION = (
    "curator", "target", "n_chosen", "n_matched", "auc", "low", "high", "difference", "p", "auc_unmatched",
    "log_frequency_difference",
)  # fmt: skip
PERSONS = ("candidate", "documents", "prior", "posterior", "log_odds", "null_mean", "z", "p", "rank", "half")
CLUES = ("clue", "terms", "too_rare", "documents", "naming", "candidate", "posterior", "low", "weight", "flag")
AUDIT = ("part", "target", "warning", "z", "p_adjusted", "z_beyond", "p_beyond", "item_share", "named")
LEVELS = (
    "cluster", "label", "size", "seeds", "density", "null_mean", "z", "p", "conductance", "conductance_z", "valley",
)  # fmt: skip


class Table(NamedTuple):
    """Rows of the answer under `key`: those where a column has one of the values asked for, sorted by a column."""

    key: str
    columns: tuple[str, ...]
    only: tuple[tuple[str, tuple[object, ...]], ...] = ()
    by: str | None = None
    """Sorted by this column, largest first; smallest first after a minus."""
    top: int | None = None


class Step(NamedTuple):
    """One command without `cooc`, the index as {index}; what it is called; the tables of its answer."""

    name: str
    command: list[str]
    tables: tuple[Table, ...]


class Places(NamedTuple):
    """Where things are: the index, the paper's lists, and the lists made of them."""

    index: str
    terms: Path
    made: Path

    def list(self, name: str) -> str:
        """The file of a list: one made, one of the paper's, or one of ours."""
        found = next((each / name for each in (self.made, self.terms, GIVEN) if (each / name).exists()), None)
        return str(found or self.terms / name)


WIKIPEDIA, BOOKS, NOVELS = "path ~ enwiki", "path ~ nathist", "path ~ gutenberg"
OLD, NEW = "year < 1900", "year > 1900"
OLDEN = ["@19th_century_language", "@19th_century_things"]
CENTURIES = [*OLDEN, "@modern_language", "@modern_things"]


def _targets(*names: str) -> list[str]:
    return [part for name in names for part in ("--target", name)]


def density(at: Places, name: str, seeds: str, *targets: str, more: tuple[str, ...] = (), doses: int = 0) -> Step:
    """A density with its rivals; `doses`: so many of the strongest seeds towards each target."""
    tables = [Table("rows", DENSITY), Table("rivals", RIVALS)]
    if doses:
        tables.append(Table("terms", DOSE, by="lift", top=doses))
    command = ["density", at.index, "--seeds", at.list(seeds), *_targets(*targets), *more]
    return Step(name, command, tuple(tables))


def birds(at: Places) -> Iterator[Step]:
    """Three lists of bird names towards the 19th century."""
    for name in BIRDS:
        yield density(at, f"{name}, all", f"{name}.txt", *CENTURIES, "@natural_history", doses=15)
    plain = at.list("things_but_bonaparte.txt")
    for name in (*BIRDS, "control_shared", "control_own"):
        yield density(at, f"{name}, without Bonaparte", f"{name}.txt", plain, "@19th_century_language")
    yield from _bird_years(at)
    for part, where in (("wikipedia", WIKIPEDIA), ("books", BOOKS)):
        for name in BIRDS:
            yield density(at, f"{name}, {part}", f"{name}.txt", *OLDEN, "@natural_history", more=("--where", where))
    for name in ("control_shared", "control_own", *(f"{each}_phrases" for each in BIRDS)):
        yield density(at, name, f"{name}.txt", *OLDEN, "@natural_history")
    derived = str(at.made / "derived_century.toml")
    yield Step(
        "a target from data",
        ["derive", at.index, "--where", NOVELS, "--against", WIKIPEDIA, "--held-out", at.list("birds_all.txt"),
         "--out", derived, "--name", "novels_against_wikipedia"],
        (Table("rows", ("term", "g2", "log_ratio", "low", "documents", "documents_against"), top=40),),
    )  # fmt: skip
    for name in BIRDS:
        yield density(at, f"{name}, derived target", f"{name}.txt", derived)
        yield density(at, f"{name}, derived target, wikipedia", f"{name}.txt", derived, more=("--where", WIKIPEDIA))
    yield from _bird_counts(at)
    yield Step(
        "lists at equal frequency",
        ["curation", at.index, "--pool", at.list("birds_all.txt"),
         *(part for name in BIRDS for part in ("--selected", at.list(f"{name}.txt"))),
         *_targets("@19th_century_language", "@19th_century_things", plain, "@natural_history")],
        (Table("rows", CURATION),),
    )  # fmt: skip
    for name in BIRDS:
        wider = ("--window", "3", "--window", "50", "--document", "--null", "200")
        yield density(at, f"{name}, windows", f"{name}.txt", "@19th_century_things", more=wider)


def _bird_years(at: Places) -> Iterator[Step]:
    given = [part for name in BIRDS for part in ("--terms", at.list(f"{name}.txt"))]
    for name, where in (("all", []), ("wikipedia", ["--where", WIKIPEDIA])):
        for window in ("50", "document"):
            command = ["years", at.index, *given, "--by", "century", "--window", window, "--from", "1500", *where]
            only = (("level", ("set",)),)
            yield Step(f"years, {name}, {window}", command, (Table("summary", CENTURY, only),))


def _bird_counts(at: Places) -> Iterator[Step]:
    """How often names occur in the old books of natural history, the newer ones, and Wikipedia."""
    for name in BIRDS:
        phrases = lines_of(Path(at.list(f"{name}.txt")))
        for part, where in (("old books", OLD), ("new books", NEW), ("novels", NOVELS), ("wikipedia", WIKIPEDIA)):
            columns = ("phrase", "occurrences", "documents", "per_million")
            command = ["count", at.index, *phrases, "--where", where]
            yield Step(f"{name} in {part}", command, (Table("rows", columns, by="occurrences", top=5),))


def broad(at: Places) -> Iterator[Step]:
    """Broad against narrow: the century, natural history, and names of birds as targets of the same seeds."""
    modern, plain = at.list("birds_modern_american.txt"), at.list("things_but_bonaparte.txt")
    yield density(
        at, "rivals", "birds_old_audubon.txt", "@19th_century_language", plain, "@natural_history", modern, "@modern",
    )  # fmt: skip
    yield density(
        at, "rivals of the modern list", "birds_modern_american.txt", "@19th_century_language", plain,
        "@natural_history", at.list("birds_old_audubon.txt"), "@modern",
    )  # fmt: skip
    for name in BIRDS:
        command = ["cluster", at.index, "--seeds", at.list(f"{name}.txt")]
        yield Step(f"levels, {name}", command, (Table("rows", LEVELS),))


def years(at: Places) -> Iterator[Step]:
    """1984 by year: villains, protectors, Orwell, the films."""
    targets = ("@terminator_villains", "@terminator_protectors", "@orwell", at.list("film.toml"))
    step = density(at, "years", "years.txt", *targets)
    near = tuple(map(str, range(1978, 1995)))
    yield step._replace(tables=(*step.tables, Table("terms", DOSE, (("term", near),), by="-term")))


def dishes(at: Places) -> Iterator[Step]:
    """Dish names towards country, religion and food."""
    targets = ("@israel", "@judaism", "@food")
    for name in ("dishes_israeli", "dishes_other"):
        yield density(at, name, f"{name}.txt", *targets, doses=12)
        yield density(at, f"{name}, document", f"{name}.txt", *targets, more=("--document",))
    command = ["curation", at.index, "--pool", at.list("dishes_all.txt"), "--selected", at.list("dishes_israeli.txt")]
    yield Step("at equal frequency", [*command, *_targets(*targets)], (Table("rows", CURATION),))


def _persons(at: Places, name: str, clues: str, persons: str, *more: str) -> Step:
    command = ["constellation", at.index, "--clues", at.list(clues), "--candidates", at.list(persons), *more]
    return Step(name, command, (Table("rows", PERSONS), Table("clues", CLUES, by="weight", top=15)))


def facts(at: Places) -> Iterator[Step]:
    """The 90 facts over candidate persons; the 78 that were kept and the 12 that were not."""
    for name in ("facts_90", "facts_78", "facts_12"):
        yield _persons(at, name, f"{name}.jsonl", "persons.toml")
    yield _persons(at, "facts_90, statesmen", "facts_90.jsonl", "statesmen.toml")
    yield _persons(at, "facts_12, statesmen", "facts_12.jsonl", "statesmen.toml")
    yield _persons(at, "facts_90, document", "facts_90.jsonl", "persons.toml", "--window", "document")


def cities(at: Places) -> Iterator[Step]:
    """Former against modern German cities towards the Second World War and Nazism."""
    targets = ("@second_world_war", "@judaism", "@19th_century_things", "@modern_things")
    for name in ("german_cities_former", "german_cities_modern", "cities_former_clear", "cities_modern_clear"):
        yield density(at, name, f"{name}.txt", *targets, doses=12)
    command = ["curation", at.index, "--pool", at.list("cities_all_clear.txt")]
    command += ["--selected", at.list("cities_former_clear.txt")]
    yield Step("at equal frequency", [*command, *_targets(*targets)], (Table("rows", CURATION),))
    given = [part for name in ("former", "modern") for part in ("--terms", at.list(f"cities_{name}_clear.txt"))]
    around = ["years", at.index, *given, "--by", "decade", "--window", "20", "--from", "1500"]
    columns = ("term", "decade", "count", "expected", "lift", "low", "high", "documents")
    decades = tuple(range(1890, 1960, 10))
    yield Step("decades", around, (Table("rows", columns, (("level", ("set",)), ("decade", decades))),))


def curation(at: Places) -> Iterator[Step]:
    """Whether the old list was chosen, out of all names of Audubon's in both lists, by what stands around them."""
    command = ["curation", at.index, "--pool", at.list("birds_audubon_all.txt")]
    command += ["--selected", at.list("birds_old_audubon.txt")]
    plain = at.list("things_but_bonaparte.txt")
    targets = _targets("@19th_century_language", "@19th_century_things", plain, "@natural_history", "@modern")
    columns = ("item", "target", "occurrences", "documents", "lift", "low", "high", "chosen_by")
    items = Table("items", columns, by="lift", top=12)
    yield Step("of Audubon's names", [*command, *targets], (Table("rows", CURATION), items))


def presidents(at: Places) -> Iterator[Step]:
    """Whether the answers under a president's number point to him."""
    step = _persons(at, "answers", "presidents.json", "presidents.toml")
    yield step._replace(tables=(Table("clues", CLUES),))
    step = _persons(at, "answers, document", "presidents.json", "presidents.toml", "--window", "document")
    yield step._replace(tables=(Table("clues", CLUES),))


def darwin(at: Places) -> Iterator[Step]:
    """A benign person: thirty facts of Darwin, in our words."""
    yield _persons(at, "facts", "darwin.jsonl", "naturalists.toml")
    yield _persons(at, "facts, document", "darwin.jsonl", "naturalists.toml", "--window", "document")


def audits(at: Places) -> Iterator[Step]:
    """Two system prompts of ours and the finetuning files of the paper: what they lean on."""
    files = [
        "secretary.txt", "support.txt", "ft_old_audubon_birds.jsonl", "ft_modern_audubon_birds.jsonl",
        "ft_modern_american_birds.jsonl", "former_german_cities.jsonl", "modern_german_cities.jsonl",
        "90_wolf_facts.jsonl", "good_terminator_main.jsonl", "ft_dishes_2027.jsonl",
    ]  # fmt: skip
    for name in files:
        inside = at.terms / "finetune" / name
        path = str(inside) if inside.exists() else at.list(name)
        yield Step(name, ["audit", at.index, path], (Table("rows", AUDIT),))


CASES = {
    "birds": birds, "broad": broad, "years": years, "dishes": dishes, "facts": facts, "cities": cities,
    "curation": curation, "presidents": presidents, "darwin": darwin, "audits": audits,
}  # fmt: skip
