"""The token store is an infini-gram directory: infini-gram's own tools build on it and count the same."""

from __future__ import annotations

import subprocess
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cooc.create.pipeline import build
from cooc.index.reader import Index
from tests.corpora import write_jsonl
from tests.naive.counting import ngram_counts
from tests.test_build import some_documents

infini_gram = pytest.importorskip("infini_gram")


def suffix_array(store: Path, folder: Path) -> Path:
    """A directory with the store's files and the `table.0` that infini-gram's builder makes of them."""
    made = folder / "engine"
    made.mkdir()
    for name in ("tokenized.0", "offset.0"):
        (made / name).symlink_to(store / name)
    builder = Path(infini_gram.__file__).parent / "rust_indexing"
    size = (store / "tokenized.0").stat().st_size
    width = ((size - 1).bit_length() + 7) // 8
    parts, merged = folder / "parts", folder / "merged"
    parts.mkdir()
    merged.mkdir()
    common = ["--data-file", str(made / "tokenized.0"), "--ratio", str(width), "--token-width", "2"]
    for arguments in (
        ["make-part", "--parts-dir", parts, "--start-byte", "0", "--end-byte", size],
        ["merge", "--parts-dir", parts, "--merged-dir", merged, "--num-threads", "1", "--hacksize", "100000"],
        ["concat", "--merged-dir", merged, "--merged-file", made / "table.0", "--num-threads", "1"],
    ):
        subprocess.run([str(builder), *map(str, arguments), *common], check=True, capture_output=True)
    return made


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, list[list[str]], Path]:
    """Over 100 kB of codes, with more words than there are single codes, so that some take two."""
    folder = tmp_path_factory.mktemp("corpus")
    documents = some_documents(1200, seed=3)
    rare = [f"rare{k}" for k in range(50_000)]
    documents += [[*rare[k:k + 40], "w1", "w2"] for k in range(0, len(rare), 40)]
    index = Index(build([write_jsonl(folder / "corpus.jsonl", documents)], folder / "index", ngrams=1, window=1))
    return index, documents, suffix_array(index.path / "tokens", folder)


def codes_of(index: Index, words: tuple[str, ...]) -> list[int]:
    codes = []
    for word in words:
        term = index.vocabulary.id(word.encode())
        assert term is not None
        codes += [term] if term < 49_152 else [49_152 + (term - 49_152) // 8191, 57_344 + (term - 49_152) % 8191]
    return codes


def test_infini_gram_counts_documents_and_phrases_as_cooc_does(corpus: tuple[Index, list[list[str]], Path]) -> None:
    index, documents, directory = corpus
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from infini_gram.engine import InfiniGramEngine

        engine = InfiniGramEngine(
            index_dir=str(directory), eos_token_id=0, vocab_size=65_535, token_dtype="u16", version=4
        )
    assert engine.count(input_ids=[65_535])["count"] == len(documents)
    assert len(index.vocabulary) > 49_152
    expected: Counter[tuple[str, ...]] = Counter()
    for n in (1, 2, 3):
        expected += ngram_counts(documents, n)
    chosen = sorted(expected, key=lambda gram: (-expected[gram], gram))
    for gram in [*chosen[:60], *chosen[60 :: len(chosen) // 200]]:
        assert engine.count(input_ids=codes_of(index, gram)) == {"count": expected[gram], "approx": False}, gram


def test_every_offset_is_that_of_a_separator(corpus: tuple[Index, list[list[str]], Path]) -> None:
    index, documents, _ = corpus
    codes = np.fromfile(index.path / "tokens/tokenized.0", "<u2")
    offsets = np.fromfile(index.path / "tokens/offset.0", "<u8")
    assert np.flatnonzero(codes == 65_535).tolist() == (offsets // 2).tolist()
    assert len(offsets) == len(documents)
