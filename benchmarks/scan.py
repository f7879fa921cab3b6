"""How fast many phrases are scanned for: `python -m benchmarks.scan INDEX [--terms FILE]...`, JSON to stdout.

The phrases are 10,000: those of --terms, and 2- and 3-grams of the corpus drawn at random, as many of each
stratum of occurrences (5 to 9, 10 to 99, 100 to 999, and with --frequent 1,000 and more) as there are, up to an
equal share. A stratum's share of the tokens is what a scan costs by, so it is told: every line has the hits a
token. INDEX must hold 3-grams. What is timed, on one thread, best of --rounds, in seconds of the processor:

    decode   codes to ids
    find     the occurrences of all phrases
    count    all of a block: finding, counting contexts and documents, and giving out the sorted cells
    scan     the whole of `cooc.scan`, from opening the index to the last byte of the three files (wall time)

`contexts` are those counted, a token; cells are what they come to. The first scan compiles and is not counted.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import cooc
from cooc.query.export import ngram_terms
from cooc.seeds import stores
from cooc.seeds.cells import Cells
from cooc.seeds.count import Counter, block_tokens
from cooc.seeds.model import make_shape
from cooc.seeds.terms import ids_by, seeds_of, trie_of

PHRASES = 10_000
STRATA = ((5, 9), (10, 99), (100, 999))
FREQUENT = (1000, 1 << 62)


def main() -> None:
    args = arguments()
    index = cooc.open(args.index)
    terms = phrases_of(index, args.terms, args.frequent, args.seed)
    answer: dict[str, Any] = {"phrases": len(terms), "window": args.window, "document": args.document}
    answer |= stages(index, terms, args)
    answer |= whole(index, terms, args)
    print(json.dumps(answer))


def arguments() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="benchmarks.scan", description=__doc__, formatter_class=raw)
    parser.add_argument("index", type=Path)
    parser.add_argument("--terms", type=Path, action="append", default=[], help="files of terms to begin with")
    parser.add_argument("--frequent", action="store_true", help="also phrases of 1,000 occurrences and more")
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--document", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def phrases_of(index: cooc.Index, files: list[Path], frequent: bool, seed: int) -> list[str]:
    """The terms of the files, and random n-grams up to `PHRASES`."""
    random, words = np.random.default_rng(seed), index.vocabulary.all_terms()
    terms = {term: None for file in files for each in cooc.read_term_sets(file) for term in each}
    strata = (*STRATA, FREQUENT) if frequent else STRATA
    share = (PHRASES - len(terms)) // (2 * len(strata))
    for n in (2, 3):
        counts = np.asarray(index.ngrams(n).counts.all())
        for least, most in strata:
            numbers = np.flatnonzero((counts >= least) & (counts <= most))
            taken = random.choice(numbers, min(share, len(numbers)), replace=False)
            columns = [np.asarray(column).tolist() for column in ngram_terms(index, n, taken)]
            terms |= {" ".join(words[term] for term in ids): None for ids in zip(*columns, strict=True)}
    return list(terms)


def stages(index: cooc.Index, terms: list[str], args: argparse.Namespace) -> dict[str, float]:
    """Nanoseconds a token of the parts of a scan, over the first block of the store."""
    names, order = stores.ordered_names(index)
    rank = np.empty(len(order), np.uint32)
    rank[order] = np.arange(len(order), dtype=np.uint32)
    seeds = seeds_of(terms, index.tokenizer)
    trie = trie_of(ids_by(lambda word: stores.place_of(names, word), seeds))
    shape = make_shape([args.window], document=args.document, direction="symmetric", weighting="uniform")
    chunk = next(iter(stores.chunks_of(index, block_tokens(1 << 33))))
    room = np.empty(chunk.stop - chunk.start, np.uint32)
    taken: dict[str, list[float]] = {"decode": [], "find": [], "count": []}
    with tempfile.TemporaryDirectory() as name:
        for _ in range(args.rounds + 1):
            counter = Counter(trie, shape, Cells(Path(name), columns=2 * shape.windows, budget=1 << 33))
            ids, starts = stores.documents_of(index, chunk, rank, None, room)
            counter._find(ids, starts)  # which makes room for what it finds
            begun = time.thread_time()
            ids, starts = stores.documents_of(index, chunk, rank, None, room)
            decoded = time.thread_time()
            found = counter._find(ids, starts)
            hits = time.thread_time()
            counter.add(ids, starts)
            for stage, seconds in zip(taken, (decoded - begun, hits - decoded, time.thread_time() - hits), strict=True):
                taken[stage].append(seconds / len(ids) * 1e9)
    contexts = int(counter.totals[:, 2:].sum())
    nanoseconds = {f"{stage}_ns": round(min(times[1:]), 1) for stage, times in taken.items()}
    return {
        "hits": round(found / len(ids), 5), "contexts": round(contexts / len(ids), 3), **nanoseconds,
        "counted_mtok_s": round(1e3 / (nanoseconds["decode_ns"] + nanoseconds["count_ns"]), 1),
    }  # fmt: skip


def whole(index: cooc.Index, terms: list[str], args: argparse.Namespace) -> dict[str, float]:
    """Seconds of whole scans, and what they wrote."""
    seconds = []
    with tempfile.TemporaryDirectory() as name:
        for _ in range(args.rounds + 1):
            begun = time.perf_counter()
            result = cooc.scan(index, terms, Path(name) / "scan.parquet", window=args.window, document=args.document,
                               workers=args.workers)  # fmt: skip
            seconds.append(time.perf_counter() - begun)
        written = sum(file.stat().st_size for file in Path(name).iterdir())
    tokens = result.record.tokens
    return {
        "workers": args.workers, "tokens": tokens, "cells": result.record.cells, "bytes": written,
        "scan_s": round(min(seconds[1:]), 2), "scan_mtok_s": round(tokens / min(seconds[1:]) / 1e6, 1),
    }  # fmt: skip


if __name__ == "__main__":
    main()
