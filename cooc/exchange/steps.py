"""Steps of a datatrove pipeline: an index of the documents that pass, and the merge of what several tasks indexed.

    from cooc.exchange.steps import IndexDocuments, MergeIndexes
    LocalPipelineExecutor([JsonlReader("data"), IndexDocuments("work", window=10)], tasks=8).run()
    LocalPipelineExecutor([MergeIndexes("work", "index")]).run()
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from datatrove.pipeline.base import PipelineStep

Place = str | os.PathLike[str]


class IndexDocuments(PipelineStep):  # type: ignore[misc]  # datatrove's types are not looked at
    """Each task writes its documents to a file below `folder`, lets them pass, and at its end counts them into an
    index below `folder`, one for each rank. `options` are those of `cooc.build`; `meta_fields` come from a document's
    metadata. A task that is run again begins anew, unless its index is whole.
    """

    name = "🔎 cooc index"
    type = "📊 - STATS"
    _requires_dependencies = ["cooc"]  # noqa: RUF012

    def __init__(self, folder: Place, **options: Any) -> None:
        super().__init__()
        self.folder = os.fspath(folder)
        self.options = {"workers": 1, **options}

    def run(self, data: Iterable[Any], rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Documents in, the same out."""
        import cooc

        folder = Path(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        documents, part = folder / f"{rank:05d}.jsonl", folder / f"{rank:05d}"
        fields, written = self.options.get("meta_fields", ()), 0
        with open(documents, "w", encoding="utf-8") as file:
            for document in data or ():
                with self.track_time():
                    file.write(_line(document, fields))
                    written += 1
                    self.stat_update("documents")
                yield document
        with self.track_time():
            if written:
                cooc.build(documents, part, **self.options)
        documents.unlink()


class MergeIndexes(PipelineStep):  # type: ignore[misc]
    """Makes the index `out` of those that the tasks of `IndexDocuments` left below `folder`; for one task."""

    name = "🔎 cooc merge"
    type = "📊 - STATS"
    _requires_dependencies = ["cooc"]  # noqa: RUF012

    def __init__(self, folder: Place, out: Place, **options: Any) -> None:
        super().__init__()
        self.folder, self.out, self.options = os.fspath(folder), os.fspath(out), options

    def run(self, data: Iterable[Any] | None = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Merge, and let what comes pass."""
        import cooc

        if rank == 0:
            with self.track_time():
                parts = sorted(path for path in Path(self.folder).iterdir() if (path / "manifest.json").exists())
                cooc.merge(parts, self.out, **self.options)
        yield from data or ()


def _line(document: Any, fields: Iterable[str]) -> str:
    """A document of datatrove as a line of jsonl: its id, its text, and what is asked of its metadata."""
    meta = {name: document.metadata[name] for name in fields if name in document.metadata}
    return json.dumps({"id": str(document.id), "text": document.text, **meta}, ensure_ascii=False, default=str) + "\n"
