"""Co-occurrence analysis over pretraining-scale corpora.

    import cooc
    index = cooc.build(["corpus/*.jsonl.gz"], "indexes/corpus", window=10)
    cooc.neighbors(index, ["titlark"], measure="npmi")

Verbs are functions of an index (`cooc.open` reads one); their results have a polars `.table`, `.rows()` and
`.to_dict()`. Each name is imported when it is first used: `import cooc` alone loads nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cooc.clusters.audit import audit
    from cooc.clusters.cluster import cluster
    from cooc.clusters.constellation import constellation
    from cooc.clusters.curation import curation
    from cooc.clusters.density import density
    from cooc.clusters.derive import derive
    from cooc.clusters.lexicon import lexicon, lexicons
    from cooc.clusters.years import years
    from cooc.errors import (
        BadRecord,
        BuildError,
        CoocError,
        DamagedIndex,
        IndexFault,
        LaterFormat,
        NotAnIndex,
        SourceError,
        UnfinishedIndex,
        UnknownTerm,
        UsageError,
    )
    from cooc.evidence.bridge import Bridge, bridge
    from cooc.evidence.design import Design, design
    from cooc.evidence.dose import clue_removal
    from cooc.evidence.models import Models, across_models
    from cooc.evidence.noise import seed_noise
    from cooc.evidence.ordering import ordering
    from cooc.evidence.outcomes import Outcomes, published_outcomes, read_outcomes
    from cooc.evidence.register import register
    from cooc.exchange.export import export
    from cooc.exchange.vectorizer import CooccurrenceVectorizer
    from cooc.index.reader import Index
    from cooc.page.report import report
    from cooc.phrases.foreign import open_infini_gram
    from cooc.query.contexts import contexts
    from cooc.query.counts import count
    from cooc.query.kwic import kwic
    from cooc.query.measures import MEASURES
    from cooc.query.neighbors import neighbors
    from cooc.query.ngrams import ngrams
    from cooc.query.pairs import pair
    from cooc.seeds.merge import merge_scans
    from cooc.seeds.result import ScanResult
    from cooc.seeds.scan import scan
    from cooc.terms import TermSet, read_term_sets, read_terms
    from cooc.verbs import build, build_phrases, merge, open, verify

__all__ = [
    "MEASURES",
    "BadRecord",
    "Bridge",
    "BuildError",
    "CoocError",
    "CooccurrenceVectorizer",
    "DamagedIndex",
    "Design",
    "Index",
    "IndexFault",
    "LaterFormat",
    "Models",
    "NotAnIndex",
    "Outcomes",
    "ScanResult",
    "SourceError",
    "TermSet",
    "UnfinishedIndex",
    "UnknownTerm",
    "UsageError",
    "across_models",
    "audit",
    "bridge",
    "build",
    "build_phrases",
    "clue_removal",
    "cluster",
    "constellation",
    "contexts",
    "count",
    "curation",
    "density",
    "derive",
    "design",
    "export",
    "kwic",
    "lexicon",
    "lexicons",
    "merge",
    "merge_scans",
    "neighbors",
    "ngrams",
    "open",
    "open_infini_gram",
    "ordering",
    "pair",
    "published_outcomes",
    "read_outcomes",
    "read_term_sets",
    "read_terms",
    "register",
    "report",
    "scan",
    "seed_noise",
    "verify",
    "years",
]

_HOMES = {
    "MEASURES": "cooc.query.measures",
    "Bridge": "cooc.evidence.bridge",
    "CooccurrenceVectorizer": "cooc.exchange.vectorizer",
    "Design": "cooc.evidence.design",
    "Index": "cooc.index.reader",
    "Models": "cooc.evidence.models",
    "Outcomes": "cooc.evidence.outcomes",
    "ScanResult": "cooc.seeds.result",
    "TermSet": "cooc.terms",
    "across_models": "cooc.evidence.models",
    "audit": "cooc.clusters.audit",
    "bridge": "cooc.evidence.bridge",
    "build": "cooc.verbs",
    "build_phrases": "cooc.verbs",
    "clue_removal": "cooc.evidence.dose",
    "cluster": "cooc.clusters.cluster",
    "constellation": "cooc.clusters.constellation",
    "contexts": "cooc.query.contexts",
    "count": "cooc.query.counts",
    "curation": "cooc.clusters.curation",
    "density": "cooc.clusters.density",
    "derive": "cooc.clusters.derive",
    "design": "cooc.evidence.design",
    "export": "cooc.exchange.export",
    "kwic": "cooc.query.kwic",
    "lexicon": "cooc.clusters.lexicon",
    "lexicons": "cooc.clusters.lexicon",
    "merge": "cooc.verbs",
    "merge_scans": "cooc.seeds.merge",
    "neighbors": "cooc.query.neighbors",
    "ngrams": "cooc.query.ngrams",
    "open": "cooc.verbs",
    "open_infini_gram": "cooc.phrases.foreign",
    "ordering": "cooc.evidence.ordering",
    "pair": "cooc.query.pairs",
    "published_outcomes": "cooc.evidence.outcomes",
    "read_outcomes": "cooc.evidence.outcomes",
    "read_term_sets": "cooc.terms",
    "read_terms": "cooc.terms",
    "register": "cooc.evidence.register",
    "report": "cooc.page.report",
    "scan": "cooc.seeds.scan",
    "seed_noise": "cooc.evidence.noise",
    "verify": "cooc.verbs",
    "years": "cooc.clusters.years",
}
"""Where a name lives; the errors are in `cooc.errors`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'cooc' has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, "cooc.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
