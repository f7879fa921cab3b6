"""One text in every form the benchmark reads: `python -m benchmarks.corpus SOURCE... --out DIR`.

GloVe splits at white space and folds nothing, so the comparison is only fair on text where that gives the
words cooc finds: each document is written as its case-folded words, joined by single spaces, on one line.

    NAME.txt NAME.jsonl NAME.jsonl.zst NAME.parquet     the same words, document for document
    NAME.raw.jsonl                                      the text as it was, for what tokenising really costs
"""

import argparse
import contextlib
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

_BATCH = 200


def _class_of(*majors: str) -> str:
    """The code points of these general categories, as the ranges of a regular expression's class."""
    codes = (code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] in majors)
    ranges = []
    for _, run in groupby(enumerate(codes), key=lambda pair: pair[1] - pair[0]):
        members = [code for _, code in run]
        ranges.append(f"\\U{members[0]:08x}-\\U{members[-1]:08x}")
    return "".join(ranges)


_LETTERS = _class_of("L", "N", "M")
_WORD = re.compile(f"[{_LETTERS}]+(?:'[{_LETTERS}]+)*")


def folded_words(text: str) -> list[str]:
    """Runs of letters, digits and marks, with the apostrophes within them, in folded case.

    >>> folded_words("The Great Auk's nest: 2½ × as BIG!")
    ['the', 'great', "auk's", 'nest', '2½', 'as', 'big']
    """
    return _WORD.findall(text.replace("’", "'").casefold())


def documents(path: Path) -> Iterator[str]:
    """The texts of a .jsonl or .jsonl.zst file, from its field `text`."""
    opened = zstd.open(path, "rt", encoding="utf-8") if path.suffix == ".zst" else path.open(encoding="utf-8")
    with opened as lines:
        for line in lines:
            yield json.loads(line)["text"]


def write_forms(sources: list[Path], folder: Path, name: str) -> dict[str, int]:
    """Write every form of the sources' documents; give back how many documents and words there are."""
    folder.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([("id", pa.string()), ("text", pa.string())])
    counted = {"documents": 0, "words": 0}
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context((folder / f"{name}.txt").open("w", encoding="utf-8"))
        lines = stack.enter_context((folder / f"{name}.jsonl").open("w", encoding="utf-8"))
        packed = stack.enter_context(zstd.open(folder / f"{name}.jsonl.zst", "wt", encoding="utf-8"))
        raw = stack.enter_context((folder / f"{name}.raw.jsonl").open("w", encoding="utf-8"))
        table = stack.enter_context(pq.ParquetWriter(folder / f"{name}.parquet", schema, compression="zstd"))
        batch: list[dict[str, str]] = []
        for text in (text for source in sources for text in documents(source)):
            words = folded_words(text)
            row = {"id": str(counted["documents"]), "text": " ".join(words)}
            line = json.dumps(row, ensure_ascii=False) + "\n"
            plain.write(row["text"] + "\n")
            lines.write(line)
            packed.write(line)
            raw.write(json.dumps(row | {"text": text}, ensure_ascii=False) + "\n")
            batch.append(row)
            if len(batch) == _BATCH:
                table.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
                batch.clear()
            counted["documents"] += 1
            counted["words"] += len(words)
        if batch:
            table.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
    return counted


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("sources", nargs="+", type=Path, help=".jsonl or .jsonl.zst with a field `text`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="corpus")
    args = parser.parse_args()
    print(json.dumps(write_forms(args.sources, args.out, args.name)))


if __name__ == "__main__":
    main()
