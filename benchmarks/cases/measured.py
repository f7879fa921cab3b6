"""The densities that the package ships as `@measured`: of the paper's lists, in the corpus of docs/cases.md.

    python -m benchmarks.cases.measured --index DIR --terms DIR --out cooc/evidence/published

The lists belong to the paper's authors: a term of theirs is named by twelve digits of its SHA-256, a fact by its
number.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from statistics import fmean
from tempfile import NamedTemporaryFile
from typing import Any

import cooc
from cooc.clusters.clues import clues_of
from cooc.evidence.doses import with_frequency

Row = dict[str, Any]
CENTURY = ("19th_century", "19th_century_language", "19th_century_things", "modern", "natural_history")
WAR = ("second_world_war", "19th_century", "modern")
TABLE = ("israel", "judaism", "food")
FILMS = ("terminator_villains", "terminator_protectors", "orwell")
BIRDS = {"old_audubon_birds": "birds_old_audubon", "modern_audubon_birds": "birds_modern_audubon",
         "modern_american_birds": "birds_modern_american"}  # fmt: skip
CITIES = {"former_german_cities": "german_cities_former", "modern_german_cities": "german_cities_modern"}
NULL = 1000
DISHES = ("dishes_2027", "dishes_2026", "dishes_2027_random_baseline")
PERSON = cooc.TermSet("hitler", ["hitler", "adolf hitler", "führer", "fuhrer"])
DENSITY = ("seeds", "target", "term", "window", "density", "low", "high", "null_mean", "null_sd", "z", "p", "n_terms",
           "n_found", "occurrences", "contexts", "hits", "log_frequency")  # fmt: skip
ITEM = ("seeds", "target", "term", "density", "contexts", "hits", "occurrences", "kept")


def main() -> None:
    """Write densities.csv and items.csv."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--index", "--terms", "--out"):
        parser.add_argument(name, type=Path, required=True)
    given = parser.parse_args()
    index = cooc.open(given.index)
    densities, items = [], []
    for rows, terms in asked(index, given.terms):
        densities += rows
        items += terms
    items += facts(index, given.terms)
    write(given.out / "densities.csv", DENSITY, densities)
    write(given.out / "items.csv", ITEM, items)


def asked(index: cooc.Index, folder: Path) -> Iterator[tuple[list[Row], list[Row]]]:
    """Density rows, and items, of each set of the paper."""
    for name, file in BIRDS.items():
        yield measured(index, cooc.TermSet(name, lines(folder / f"{file}.txt")), CENTURY)
    for name, file in CITIES.items():
        yield measured(index, cooc.TermSet(name, lines(folder / f"{file}.txt")), WAR)
    for name in DISHES:
        rows = [json.loads(line) for line in lines(folder / f"{name}.jsonl")]
        yield measured(index, cooc.TermSet(name, [row["dish"] for row in rows]), TABLE)[0], []
        for year in sorted({row["year"] for row in rows}):
            some = cooc.TermSet(name, [row["dish"] for row in rows if row["year"] == year])
            yield [{**row, "term": year} for row in measured(index, some, TABLE)[0]], []
    yield years(index), []


def measured(index: cooc.Index, seeds: cooc.TermSet, targets: Sequence[str]) -> tuple[list[Row], list[Row]]:
    """The set's rows, and one for each term that occurs."""
    found = cooc.density(index, seeds, *map(cooc.lexicon, targets), null=NULL, seed=0).to_dict()
    items = [{**row, "seeds": seeds.name, "density": row["lift"], "term": digest(row["term"])}
             for row in found["terms"] if row["occurrences"]]  # fmt: skip
    return with_frequency(found["rows"], found["terms"]), items


def years(index: cooc.Index) -> list[Row]:
    """A row for each year of the Terminator's figure (from 1981 on): the lift of the year as a word."""
    asked_of = cooc.TermSet("good_terminator_main", [str(year) for year in range(1980, 2026)])
    found = cooc.density(index, asked_of, *map(cooc.lexicon, FILMS), null=NULL, seed=0).to_dict()
    return [{**row, "seeds": asked_of.name, "density": row["lift"]} for row in found["terms"] if row["term"] > "1980"]


def facts(index: cooc.Index, folder: Path) -> list[Row]:
    """Of each of the 90 facts the mean lift of its key terms towards the person they are of, where any occurs."""
    given = [json.loads(line) for line in lines(folder / "wolf_facts.jsonl")]
    with NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as chats:
        chats.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in given)
        chats.flush()
        clues = clues_of(index, chats.name)
    keys = cooc.TermSet("90_wolf_facts", dict.fromkeys(term for clue in clues for term in clue.terms))
    lifts = {row["term"]: row for row in measured_terms(index, keys)}
    rows = []
    for row, clue in zip(given, clues, strict=True):
        some = [lifts[term] for term in clue.terms if term in lifts]
        sums = {key: sum(each[key] for each in some) for key in ("contexts", "hits", "occurrences")}
        if some:
            rows.append({"seeds": keys.name, "target": PERSON.name, "term": f"fact {row['i']}",
                         "kept": row["in_78_set"], "density": fmean(each["lift"] for each in some), **sums})
    return rows


def measured_terms(index: cooc.Index, keys: cooc.TermSet) -> list[Row]:
    """The terms that occur, towards the person."""
    found = cooc.density(index, keys, PERSON, null=NULL, seed=0)
    return [row for row in found.terms.rows() if row["occurrences"]]


def lines(file: Path) -> list[str]:
    """The lines that hold something."""
    return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def digest(term: str) -> str:
    """A name for a term that is not ours to give away."""
    return "#" + sha256(term.lower().encode()).hexdigest()[:12]


def write(file: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Numbers in six digits: more were not measured."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            values = [row.get(column) for column in columns]
            writer.writerow([f"{each:.6g}" if isinstance(each, float) else each for each in values])


if __name__ == "__main__":
    main()
