"""The text of the benchmark: `python -m benchmarks.corpus SOURCE... --out FILE.txt`.

GloVe splits at white space and folds nothing, so the comparison is only fair on text where that gives the
words cooc finds: each document is written as its words, found by cooc and joined by single spaces, on one
line. With --raw FILE.jsonl the documents are also written as they were.
"""

import argparse
import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

from cooc.tokens.words import WordTokenizer

_BATCH = 200
_SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string())])


def documents(path: Path) -> Iterator[str]:
    """The texts of a .jsonl or .jsonl.zst file, from its field `text`."""
    opened = zstd.open(path, "rt", encoding="utf-8") if path.suffix == ".zst" else path.open(encoding="utf-8")
    with opened as lines:
        for line in lines:
            yield json.loads(line)["text"]


def write_words(texts: Iterable[str], path: Path, raw: Path | None = None) -> dict[str, int]:
    """Write each text's words as a line; give back how many documents and words there are."""
    tokenizer = WordTokenizer()
    counted = {"documents": 0, "words": 0}
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(path.open("w", encoding="utf-8"))
        untouched = stack.enter_context(raw.open("w", encoding="utf-8")) if raw else None
        for text in texts:
            words = [word.decode() for word in tokenizer.words(text)]
            plain.write(" ".join(words) + "\n")
            if untouched:
                untouched.write(_row(counted["documents"], text))
            counted["documents"] += 1
            counted["words"] += len(words)
    return counted


def write_forms(text: Path, folder: Path) -> dict[str, Path]:
    """The lines of a text as documents of every other format, by the format's name."""
    names = {"jsonl": "jsonl", "jsonl_zst": "jsonl.zst", "parquet": "parquet"}
    forms = {name: folder / f"{text.stem}.{suffix}" for name, suffix in names.items()}
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(text.open(encoding="utf-8", newline="\n"))
        plain = stack.enter_context(forms["jsonl"].open("w", encoding="utf-8"))
        packed = stack.enter_context(zstd.open(forms["jsonl_zst"], "wt", encoding="utf-8"))
        table = stack.enter_context(pq.ParquetWriter(forms["parquet"], _SCHEMA, compression="zstd"))
        batch: list[dict[str, str]] = []
        for number, line in enumerate(lines):
            row = _row(number, line.rstrip("\n"))
            plain.write(row)
            packed.write(row)
            batch.append({"id": str(number), "text": line.rstrip("\n")})
            if len(batch) == _BATCH:
                table.write_batch(pa.RecordBatch.from_pylist(batch, schema=_SCHEMA))
                batch.clear()
        if batch:
            table.write_batch(pa.RecordBatch.from_pylist(batch, schema=_SCHEMA))
    return forms


def write_sample(text: Path, path: Path, least: int) -> int:
    """The first lines of a text that together have at least so many words; how many they have."""
    words = 0
    with text.open(encoding="utf-8", newline="\n") as lines, path.open("w", encoding="utf-8") as sample:
        for line in lines:
            sample.write(line)
            words += len(line.split())
            if words >= least:
                break
    return words


def _row(number: int, text: str) -> str:
    return json.dumps({"id": str(number), "text": text}, ensure_ascii=False) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.corpus", description="Write the text of the benchmark.")
    parser.add_argument("sources", nargs="+", type=Path, help=".jsonl or .jsonl.zst with a field `text`")
    parser.add_argument("--out", type=Path, required=True, help="the text, one document a line")
    parser.add_argument("--raw", type=Path, help="the documents as they were, as .jsonl")
    args = parser.parse_args()
    texts = (text for source in args.sources for text in documents(source))
    print(json.dumps(write_words(texts, args.out, args.raw)))


if __name__ == "__main__":
    main()
