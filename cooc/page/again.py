"""The command line and the code that make a result again, from what its provenance says."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cooc.clusters.lexicon import lexicons
from cooc.clusters.sets import Named, named_sets
from cooc.page.documents import ITSELF, Document, several
from cooc.page.parts import Again
from cooc.terms import TermSet


@dataclass(frozen=True)
class Known:
    """Where the indexes and the term sets of a report are, as far as it was told."""

    indexes: Mapping[str, str]
    """The directory of an index, by its digest."""
    sets: Mapping[str, TermSet]
    arguments: Mapping[str, str]
    """What names a term set on the command line, by its name."""

    def argument(self, name: object) -> str:
        """What a set is called on the command line: as it was given, a lexicon, or a file of its name."""
        told = str(name)
        return self.arguments.get(told) or (f"@{told}" if told in lexicons() else f"{told}.txt")

    def index(self, document: Document) -> str:
        return self.indexes.get(str(document.source["digest"])) or document.index


def known_of(
    sets: Sequence[Named], indexes: Mapping[str, str], files: Mapping[str, str], documents: Sequence[Document] = ()
) -> Known:
    """What is known of the sets and files a report was given, and of the seeds that its densities name."""
    held = {name: TermSet(name, document.source["terms"]) for document in documents if document.verb == "density"
            for name in map(str, several(document.rows, "seeds")) if document.source.get("terms")}  # fmt: skip
    arguments: dict[str, str] = {}
    for given in sets:
        several_in_one = named_sets([given])
        for each in several_in_one:
            held[each.name] = each
            if not isinstance(given, TermSet):
                arguments[each.name] = str(given) + (f"@{each.name}" if len(several_in_one) > 1 else "")
    return Known(indexes, held, {**arguments, **files})


@dataclass(frozen=True)
class Verb:
    """How the command of a verb differs from its function."""

    spelled: Mapping[str, str] = field(default_factory=dict)
    """Options that are called otherwise on the command line."""
    python_only: Mapping[str, Any] = field(default_factory=dict)
    """Options that the command does not take, and the value it works with."""
    kind: str = "--kind"


VERBS = {
    "density": Verb(python_only={"draws": 1000, "confidence": 0.9}),
    "cluster": Verb({"sizes": "size"}, {"dimensions": 20}),
    "years": Verb({"first": "from", "last": "to"}, {"confidence": 0.95, "replicates": 1000}),
    "curation": Verb(python_only={"draws": 2000}),
    "bridge": Verb({"rivals": "rival", "experiments": "experiment"}, kind="--plot-kind"),
}


@dataclass(frozen=True)
class Call:
    """A verb and what it is asked: for the command line words, for Python expressions; then options for both."""

    words: Sequence[str]
    expressions: Sequence[str]
    options: Mapping[str, Any]


def again(document: Document, known: Known, *, kind: str = "", file: str = "") -> Again:
    """What makes a document again; with `file` the figure of it, of a `kind` where there are several."""
    call, verb = _call(document, known), VERBS.get(document.verb, Verb())
    slices = [part["where"] for part in document.source.get("slices") or []]
    options = {**call.options, **dict(zip(("where", "against"), slices, strict=False))}
    options = {name: value for name, value in options.items() if value not in (None, [], ())}
    place = [] if document.verb == "bridge" else [known.index(document)]
    words = ["cooc", document.verb, *place, *call.words, *_flags(document.verb, verb, options)]
    words += ["--plot", f"{file}.svg"] if file else []
    words += [verb.kind, kind] if kind and file else []
    other = [f"{name}={value}" for name, value in options.items() if verb.python_only.get(name, value) != value]
    note = f"  # {', '.join(other)}: from Python only" if other else ""
    return Again(shlex.join(words) + note, _code(document.verb, place, call, options, (kind, file)))


def _flags(verb: str, how: Verb, options: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in options.items():
        flag = f"--{how.spelled.get(name, name).replace('_', '-')}"
        if name in how.python_only or value is False:
            continue
        if value is True:
            words.append(flag)
        elif verb == "density" and name == "window":
            words += [part for each in value for part in ([flag, str(each)] if each != "document" else ["--document"])]
        else:
            words += [part for each in _list(value) for part in (flag, str(each))]
    return words


def _code(verb: str, place: list[str], call: Call, options: Mapping[str, Any], drawn: tuple[str, str]) -> str:
    kind, file = drawn
    given = [*(["index"] if place else []), *call.expressions, *(f"{k}={v!r}" for k, v in options.items())]
    lines = ["import cooc", "", *(f"index = cooc.open({each!r})" for each in place)]
    lines.append(f"result = cooc.{verb}({', '.join(given)})")
    if file:
        figure = f"result.plot(kind={kind!r})" if kind else "result.plot()"
        lines.append(f"{figure}.savefig({f'{file}.svg'!r})")
    return "\n".join(lines)


def _call(document: Document, known: Known) -> Call:
    """What the verb was asked about, and its options."""
    asked = CALLS.get(document.verb, _of_terms)
    return asked(document, known)


def _of_terms(document: Document, known: Known) -> Call:
    """Verbs that are asked about terms: the words themselves."""
    terms = [str(term) for term in document.source.get("terms") or []]
    measure = document.source.get("measure")
    options = {**({"measure": measure} if measure else {}), **document.parameters}
    many = document.verb in ("neighbors", "contexts") and terms
    return Call(terms, [repr(terms)] if many else [repr(term) for term in terms], options)


def _density(document: Document, known: Known) -> Call:
    seeds = known.argument(several(document.rows, "seeds")[0] if document.rows else "seeds")
    targets = [known.argument(name) for name in several(document.rows, "target") if name != ITSELF]
    windows = [_window(value) for value in several(document.rows, "window")]
    alone = any(row.get("target") == ITSELF for row in document.rows) and bool(targets)
    words = ["--seeds", seeds, *_repeated("--target", targets)]
    options = {"window": windows, **({"itself": True} if alone else {}), **document.parameters}
    return Call(words, [repr(seeds), *map(repr, targets)], options)


def _cluster(document: Document, known: Known) -> Call:
    seeds = known.argument(_set_of(document, known, "seeds"))
    return Call(["--seeds", seeds], [repr(seeds)], document.parameters)


def _years(document: Document, known: Known) -> Call:
    sets = [known.argument(name) for name in document.source.get("terms") or []]
    return Call(_repeated("--terms", sets), [repr(sets)], document.parameters)


def _curation(document: Document, known: Known) -> Call:
    pool = known.argument(_set_of(document, known, "pool"))
    chosen = [known.argument(each) for each in several(document.rows, "curator")]
    targets = [known.argument(each) for each in several(document.rows, "target")]
    words = ["--pool", pool, *_repeated("--selected", chosen), *_repeated("--target", targets)]
    return Call(words, [repr(pool), repr(chosen), repr(targets)], document.parameters)


def _constellation(document: Document, known: Known) -> Call:
    clues = known.arguments.get("clues", "clues.jsonl")
    candidates = known.arguments.get("candidates", "candidates.toml")
    options = {name: value for name, value in document.parameters.items() if name != "strength"}
    return Call(["--clues", clues, "--candidates", candidates], [repr(clues), repr(candidates)], options)


def _audit(document: Document, known: Known) -> Call:
    options = dict(document.parameters)
    file = str(options.pop("file", "finetune.jsonl"))
    targets = [known.argument(name) for name in several(document.rows, "target")]
    return Call([file, *_repeated("--target", targets)], [repr(file), repr(targets)], options)


def _bridge(document: Document, known: Known) -> Call:
    outcomes = known.arguments.get("outcomes", "@published")
    if not document.part("points"):  # asked without densities: what the outcomes could decide at best
        return Call([outcomes], [repr(outcomes)], document.parameters)
    densities = known.arguments.get("densities", "density.json")
    return Call([outcomes, "--densities", densities], [repr(outcomes), repr(densities)], document.parameters)


CALLS: Mapping[str, Callable[[Document, Known], Call]] = {
    "density": _density, "cluster": _cluster, "years": _years, "curation": _curation,
    "constellation": _constellation, "audit": _audit, "bridge": _bridge,
}  # fmt: skip


def _repeated(flag: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (flag, value)]


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _window(value: Any) -> Any:
    return int(value) if str(value).isdigit() else value


def _set_of(document: Document, known: Known, otherwise: str) -> str:
    """The name of the set that has the terms of a document."""
    terms = tuple(document.source.get("terms") or ())
    return next((name for name, each in known.sets.items() if each.terms == terms), otherwise)
