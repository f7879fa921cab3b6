"""Documents of Hugging Face datasets and of datatrove give the index that their texts give as files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"

import datasets
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor

import cooc
from cooc.exchange.steps import IndexDocuments, MergeIndexes
from tests.corpora import cells_of

TEXTS = ["the great auk and the bustard", "the auk is great", "a bustard", "auk auk auk", "the great bustard"]
ROWS = [{"body": text, "id": f"d{k}", "year": 1850 + k} for k, text in enumerate(TEXTS)]
OPTIONS: dict[str, Any] = {"text_field": "body", "meta_fields": ["year"], "min_count": 1, "workers": 1, "window": 2}


@pytest.fixture(autouse=True)
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


@pytest.fixture
def expected(tmp_path: Path) -> dict[str, Any]:
    return told(cooc.build(jsonl(tmp_path / "rows.jsonl", ROWS), tmp_path / "expected", **OPTIONS))


def jsonl(path: Path, rows: list[dict[str, Any]]) -> Path:
    import json

    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def told(index: cooc.Index) -> dict[str, Any]:
    """What an index says: pairs, counts, and the years and ids of documents."""
    lines = cooc.kwic(index, "auk", top=None).rows()
    return {
        "cells": cells_of(index, 2), "documents": index.manifest.documents, "tokens": index.manifest.tokens,
        "lines": [(row["id"], row["meta.year"], row["left"], row["right"]) for row in lines],
        "sliced": cooc.count(index, "bustard", where="year < 1853").rows()[0]["occurrences"],
    }  # fmt: skip


def generated() -> Iterator[dict[str, Any]]:
    yield from ROWS


# --- datasets


@pytest.mark.parametrize("kind", ["in memory", "streamed", "generated", "put in order", "two", "splits", "alone"])
def test_a_dataset_gives_the_index_of_its_rows(tmp_path: Path, expected: dict[str, Any], kind: str) -> None:
    whole = datasets.Dataset.from_list(ROWS)
    sources = {
        "in memory": [whole],
        "streamed": [whole.to_iterable_dataset()],
        "generated": [datasets.IterableDataset.from_generator(generated)],
        "put in order": [whole.select([4, 3, 2, 1, 0]).select([4, 3, 2, 1, 0])],
        "two": [whole.select(range(2)), whole.select(range(2, 5))],
        "splits": [datasets.DatasetDict({"b": whole.select(range(3, 5)), "a": whole.select(range(3))})],
        "alone": whole,
    }
    assert told(cooc.build(sources[kind], tmp_path / "index", **OPTIONS)) == expected


def test_files_and_datasets_stand_beside_each_other(tmp_path: Path) -> None:
    file = jsonl(tmp_path / "a.jsonl", ROWS[:2])
    index = cooc.build([file, datasets.Dataset.from_list(ROWS[2:])], tmp_path / "index", **OPTIONS)
    assert index.manifest.documents == 5


def test_the_same_call_gives_the_same_index_back_and_writes_nothing(tmp_path: Path) -> None:
    first = cooc.build([datasets.Dataset.from_list(ROWS)], tmp_path / "index", **OPTIONS)
    [file] = (tmp_path / "index.documents").iterdir()
    before = file.stat()
    again = cooc.build([datasets.Dataset.from_list(ROWS)], tmp_path / "index", **OPTIONS)
    assert again.digest == first.digest and file.stat().st_mtime_ns == before.st_mtime_ns
    assert list((tmp_path / "index.documents").iterdir()) == [file]


def test_columns_that_no_document_needs_are_not_written(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    rows = [{**row, "embedding": [0.0] * 100} for row in ROWS]
    cooc.build([datasets.Dataset.from_list(rows)], tmp_path / "index", **OPTIONS)
    [file] = (tmp_path / "index.documents").iterdir()
    assert pq.read_schema(file).names == ["body", "id", "year"]


def test_a_dataset_without_the_column_of_text_or_rows_is_named(tmp_path: Path) -> None:
    with pytest.raises(cooc.UsageError, match='the dataset has no column "text"; it has body, id, year'):
        cooc.build([datasets.Dataset.from_list(ROWS)], tmp_path / "index")
    with pytest.raises(cooc.SourceError, match="has no rows"):
        cooc.build([datasets.Dataset.from_dict({"text": []})], tmp_path / "index")
    assert not (tmp_path / "index").exists() and not list(tmp_path.rglob("*.part"))


# --- datatrove


def documents(data: object = None, rank: int = 0, world_size: int = 1) -> Iterator[Document]:
    """A reader: the documents of a rank; the last rank has none."""
    mine = [ROWS[:3], ROWS[3:], []][rank]
    for row in mine:
        yield Document(text=row["body"], id=row["id"], metadata={"year": row["year"], "unasked": object()})


def test_the_tasks_of_a_pipeline_give_the_index_of_all_documents(tmp_path: Path, expected: dict[str, Any]) -> None:
    options = {name: value for name, value in OPTIONS.items() if name != "text_field"}
    passed: list[str] = []

    def note(data: Iterator[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        for document in data:
            passed.append(str(document.id))
            yield document

    logs = str(tmp_path / "logs")
    steps = [documents, IndexDocuments(tmp_path / "parts", **options), note]
    LocalPipelineExecutor(steps, tasks=3, workers=1, logging_dir=f"{logs}/1").run()
    assert passed == [row["id"] for row in ROWS]
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["00000", "00001"]
    merge = MergeIndexes(tmp_path / "parts", tmp_path / "index", workers=1)
    LocalPipelineExecutor([merge], tasks=1, logging_dir=f"{logs}/2").run()
    assert told(cooc.open(tmp_path / "index")) == expected
