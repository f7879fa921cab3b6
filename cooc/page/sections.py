"""Which section a result becomes: chosen by the verb that made it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from cooc.index.reader import Index
from cooc.page.again import Known
from cooc.page.audit import audit_section
from cooc.page.bridge import bridge_section
from cooc.page.cluster import cluster_section
from cooc.page.constellation import constellation_section
from cooc.page.curation import curation_section
from cooc.page.density import density_section
from cooc.page.documents import Document
from cooc.page.parts import Section
from cooc.page.plain import lines_section, plain_section
from cooc.page.years import years_section

SECTIONS: Mapping[str, Callable[[Document, Known], Section]] = {
    "audit": audit_section, "bridge": bridge_section, "constellation": constellation_section,
    "curation": curation_section, "density": density_section, "kwic": lines_section, "years": years_section,
}  # fmt: skip


def sections_of(documents: Sequence[Document], known: Known, indexes: Sequence[Index]) -> list[Section]:
    """A section for each document, in their order, each with a name of its own."""
    found: list[Section] = []
    by_digest = {index.digest: index for index in indexes}
    for document in documents:
        if document.verb == "cluster":
            section = cluster_section(document, known, by_digest.get(str(document.source["digest"])))
        else:
            section = SECTIONS.get(document.verb, plain_section)(document, known)
        found.append(_renamed(section, [each.name for each in found]))
    return found


def _renamed(section: Section, taken: Sequence[str]) -> Section:
    """The section, its names made unique."""
    number = 1 + sum(name == section.name or name.startswith(f"{section.name}.") for name in taken)
    if number == 1:
        return section
    end = f".{number}"
    return replace(
        section, name=section.name + end,
        figures=[replace(each, name=each.name + end) for each in section.figures],
        tables=[replace(each, name=each.name + end) for each in section.tables],
    )  # fmt: skip
