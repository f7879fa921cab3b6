"""The commands that ask an index: info, count, pair, neighbors, ngrams, export."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cooc.cli import complete
from cooc.cli.make import Csv, Directory, Json, Plot
from cooc.cli.show import answered, line_width, print_ranking, print_table, printed, put, say

if TYPE_CHECKING:
    from cooc.query.results import Result

Window = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="One of the index's windows, such as 10 or document.", show_default="the first",
        autocompletion=complete.windows,
    ),
]
Measure = Annotated[
    str,
    typer.Option(metavar="NAME", help="What to rank by: any measure, or count.", autocompletion=complete.measures),
]
RankedBy = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="What to rank by: any measure, or count.", show_default="npmi",
        autocompletion=complete.measures,
    ),
]
Top = Annotated[int, typer.Option(metavar="N", help="Rows (for each term).")]
Confidence = Annotated[float | None, typer.Option(help="Of the interval pmi_low … pmi_high.", show_default="0.95")]
Alpha = Annotated[float | None, typer.Option(help="Exponent of ppmi_cds.", show_default="0.75")]
Shift = Annotated[float | None, typer.Option("--k", help="sppmi is PMI less log2 k.", show_default="5")]
Discount = Annotated[float | None, typer.Option(help="Added to each cell for log_odds_ratio.", show_default="0.5")]
Where = Annotated[
    str | None,
    typer.Option(
        metavar="EXPR",
        help="Only in documents of which this holds, by fields of --meta-field: year < 1900, "
        "source in (web, news), path ~ old; with and, or, not, parentheses.",
        show_default="all",
    ),
]
Against = Annotated[
    str | None,
    typer.Option(metavar="EXPR", help="Compare with these documents; rest for all others.", show_default=False),
]


def say_slices(result: Result) -> None:
    """What the slices of a result are."""
    for note in result.provenance.notes:
        say(note)


def given(**options: float | None) -> dict[str, float]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}


def info(index: Directory, as_json: Json = False, as_csv: Csv = False) -> None:
    """What is in an index, how it was counted, and what was skipped.

    Output: a summary; with --json the whole manifest, and "path", "digest" (of the index), "sizes" (bytes by
    folder) and "log": what the build took, {seconds, peak_memory, memory_limit, peak_disk, stages}, its stages
    as rows {stage, seconds, tasks, memory}. With --csv rows {name, value}, windows.0.cells and the like as names.

    Cost: reads one small file.

    Example: cooc info indexes/dolma
    """
    import cooc
    from cooc.cli.about import about, about_json
    from cooc.cli.foreign import flattened

    opened = cooc.open(index)
    document = partial(about_json, opened)
    if not printed(as_json, as_csv, document, lambda: flattened(document()), ["name", "value"]):
        about(opened)


def count(
    index: Directory,
    phrase: Annotated[list[str], typer.Argument(metavar="PHRASE", help="A word or a phrase.", show_default=False)],
    variants: Annotated[
        bool,
        typer.Option("--variants", help="However hyphens and apostrophes are written: black-throated, blackthroated."),
    ] = False,
    where: Where = None,
    against: Against = None,
    confidence: Annotated[float, typer.Option(help="Of the interval log_ratio_low … log_ratio_high.")] = 0.95,
    plot: Plot = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """How often phrases occur, and in how many documents. Exact for phrases of any length.

    Output: a row {phrase, occurrences, documents, note} for each. A phrase with a word that the index doesn't
    have occurs 0 times; the note, on standard error in the table's case, names the nearest words. With --where
    also per_million (tokens of these documents); with --against all of these again with _against, and log_ratio,
    the binary logarithm of the two rates' ratio, with its limits. With --variants what stands for a hyphen or an
    apostrophe may be a hyphen, a space, nothing or an apostrophe; a second table, with --json "variants", has rows
    {phrase, variant, occurrences, documents}.

    Cost: milliseconds. Phrases that make up more than a sixteenth of all tokens, and all phrases of an index built
    with --no-phrases, take one reading of the token store together (2 bytes a token, one to two seconds for a billion
    tokens and core). --where reads the metadata once (five seconds for a million documents).

    Example: cooc count indexes/dolma "great auk" puffin --where "year < 1900" --against rest
    """
    import cooc

    sliced = where is not None or against is not None
    options: dict[str, Any] = {"where": where, "against": against, "confidence": confidence} if sliced else {}
    if variants:
        options["variants"] = True
    result = cooc.count(cooc.open(index), *phrase, **options)
    if answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        return
    say_slices(result)
    names = [name for name in result.columns if name not in ("phrase", "note")]
    counts = [name for name in names if name.startswith(("occurrences", "documents"))]
    rates = [name for name in names if name not in counts]
    # two slices are too wide for one table
    for shown in [counts, rates] if against is not None else [names]:
        print_table({name: [row[name] for row in result.rows()] for name in ("phrase", *shown)})
    if variants and result.variants:
        names = [name for name in result.variants[0] if name != "tokens"]  # of an index of infini-gram, with --json
        print_table({name: [row[name] for row in result.variants] for name in names})
    for row in result.rows():
        if row["note"]:
            say(f'{row["phrase"]}: {row["note"]}')


def pair(
    index: Directory,
    a: Annotated[str, typer.Argument(metavar="A", help="A word or a phrase.", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.", show_default=False)],
    window: Annotated[
        str | None, typer.Option(metavar="N|document", help="Any number of tokens, or document.",
                                 show_default="the index's first")
    ] = None,
    where: Where = None,
    against: Against = None,
    confidence: Confidence = None,
    alpha: Alpha = None,
    k: Shift = None,
    discount: Discount = None,
    plot: Plot = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """How often two terms stand together, against chance.

    Output: one row {a, b, count, expected, r1, c1, n, documents, status, a_anchors, b_anchors, before, after, and
    every measure by its name}, and how many pairs are at each distance, negative where B comes first (--json:
    "distances"). B is counted in the window of A; a_anchors are the occurrences of A with at least one B in the
    window, b_anchors the reverse; before and after are the pairs in which B comes before and after A. A pair below
    the index's --min-pair-count has no count and no measures, for that is not 0; nor has a pair never seen a PMI.
    What the measures mean: docs/measures.md. With --where all of these as in an index of the matching documents
    alone; with --against the same once more with _against, and pmi_difference with its limits.

    Cost: every occurrence of A and B is looked at, millions a second; terms that make up more than a sixteenth of all
    tokens take one reading of the token store. --where reads the metadata once (five seconds for a million documents)
    and, for the marginals, the documents that match (50 million tokens a second and core or more).

    Example: cooc pair indexes/dolma terminator 1984 --where "year < 1985" --against rest
    """
    import cooc

    parameters = given(confidence=confidence, alpha=alpha, k=k, discount=discount)
    result = cooc.pair(cooc.open(index), a, b, window=window, where=where, against=against, **parameters)
    if not answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        say_slices(result)
        put(result.text(line_width()))


def neighbors(
    index: Directory,
    term: Annotated[
        list[str],
        typer.Argument(metavar="TERM", help="A word or a phrase.", show_default=False),
    ],
    measure: RankedBy = None,
    top: Top = 20,
    min_count: Annotated[float, typer.Option(metavar="N", help="Least count of a pair.")] = 5,
    window: Window = None,
    where: Where = None,
    against: Against = None,
    prior: Annotated[
        float | None,
        typer.Option(help="Contexts that the prior of log_odds weighs.", show_default="100"),
    ] = None,
    confidence: Confidence = None,
    alpha: Alpha = None,
    k: Shift = None,
    discount: Discount = None,
    plot: Plot = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """What stands around terms more often than by chance.

    Output: rows {of, term, count, expected, and every measure}, a ranking for each TERM; the table shows some
    measures, --json all. Raw PMI puts the rarest pairs first: rank by npmi with --min-count, by pmi_low with
    none, or by g2. What the measures mean: docs/measures.md. With --where as in an index of the matching
    documents alone. With --against rows {of, term, count, count_against, expected, expected_against, pmi,
    pmi_against, log_odds, standard_error, z} instead: log_odds above 0 stands more by TERM in --where; ranked by
    the size of z, or --measure log_odds or count.

    Cost: one row of the matrix; milliseconds. The row of a phrase that was not listed is counted in the documents
    that hold it. With --where a reading of the documents that match for the
    marginals (50 million tokens a second and core) and one for each TERM (100 million or more), after one of the
    metadata (five seconds for a million documents).

    Example: cooc neighbors indexes/dolma titlark --measure g2
    """
    import cooc

    parameters = given(confidence=confidence, alpha=alpha, k=k, discount=discount)
    result = cooc.neighbors(
        cooc.open(index), term, measure=measure, top=top, window=window, where=where, against=against, prior=prior,
        min_count=int(min_count) if min_count.is_integer() else min_count, **parameters,
    )  # fmt: skip
    if answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        return
    if against is None:
        say_slices(result)
        print_ranking(result)
    else:
        say(result.provenance.caption())
        say_slices(result)
        rows = result.rows()
        several = len({row["of"] for row in rows}) > 1
        shown = [name for name in result.columns if name not in ("of", "expected", "expected_against")]
        shown = [*["of"] * several, *shown]
        print_table({name: [row[name] for row in rows] for name in shown})


def ngrams(
    index: Directory,
    prefix: Annotated[
        list[str] | None,
        typer.Argument(metavar="PREFIX", help="Words that the n-grams begin with.", show_default=False),
    ] = None,
    n: Annotated[int, typer.Option("--n", help="Order: words in an n-gram.")] = 2,
    measure: Measure = "g2",
    top: Top = 20,
    min_count: Annotated[
        int | None,
        typer.Option(metavar="N", help="Least occurrences.", show_default="the index's --min-count"),
    ] = None,
    plot: Plot = None,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """The n-grams of a corpus, or those that begin with some words.

    Output: rows {ngram, count, and for n of 2 and more expected and every measure}, by the measure; n = 1 by
    count. An n-gram is compared with what its first n-1 words and its last word would give by chance. The
    index holds those that reach its --min-count.

    Cost: without PREFIX the whole table of the order is ranked, about a second for ten million n-grams.

    Example: cooc ngrams indexes/dolma great --n 3 --measure log_dice
    """
    import cooc

    result = cooc.ngrams(cooc.open(index), prefix or (), n=n, measure=measure, top=top, min_count=min_count)
    if not answered(result, as_json=as_json, as_csv=as_csv, plot=plot):
        print_ranking(result)


def export(
    index: Directory,
    pairs: Annotated[
        Path | None,
        typer.Option(metavar="FILE.parquet", help="Every stored cell: term_a, term_b, count.", show_default=False),
    ] = None,
    glove: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.bin",
            help="The cells as GloVe's cooccur writes them; terms in FILE.bin.vocab.",
            show_default=False,
        ),
    ] = None,
    npz: Annotated[
        Path | None,
        typer.Option(metavar="FILE.npz", help="A SciPy CSR matrix; terms in FILE.npz.terms.txt.", show_default=False),
    ] = None,
    ngrams: Annotated[
        Path | None,
        typer.Option(metavar="FILE.parquet", help="Every stored n-gram: ngram, n, count.", show_default=False),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Word vectors for gensim, .txt or .bin.", show_default=False),
    ] = None,
    graphml: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A graph for networkx, igraph, Gephi.", show_default=False),
    ] = None,
    window: Window = None,
    measure: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Weight of a pair.", show_default="ppmi; of the graph npmi",
                     autocompletion=complete.measures),
    ] = None,
    terms: Annotated[
        int | None,
        typer.Option(metavar="N", help="The most frequent terms that take part.",
                     show_default="20,000; of the graph 1,000"),
    ] = None,
    min_pair_count: Annotated[
        float | None, typer.Option(metavar="N", help="Least count of a pair.", show_default="1; of the graph 5")
    ] = None,
    dimensions: Annotated[int, typer.Option(metavar="N", help="Of the vectors.")] = 100,
    power: Annotated[float, typer.Option(help="Vectors are U·S^power of the decomposition.")] = 0.5,
    edges: Annotated[int, typer.Option(metavar="N", help="Strongest edges of each node of the graph.")] = 10,
    least: Annotated[
        float | None, typer.Option(metavar="X", help="Least value of an edge.", show_default="none")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Start of the decomposition.")] = 0,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:  # fmt: skip
    """Write the counts for other tools.

    Vectors are the truncated singular value decomposition of the PPMI matrix, in word2vec's format; the graph holds
    a pair if it is among the strongest edges of one of its two terms. What reads which file, with code: docs/tools.md.

    Output: the files named, replaced whole if they exist; a row {file, bytes} for each.

    Cost: memory for a few million cells and the vocabulary, whatever the size; a few million cells a second. The graph
    holds 24 bytes for each cell between its terms, vectors about twice that: 3 GB and a minute of one core for 20,000
    terms of 58 million tokens and 100 dimensions.

    Example: cooc export indexes/dolma --pairs pairs.parquet --vectors vectors.bin --graphml graph.graphml
    """
    import cooc

    files = cooc.export(
        cooc.open(index), pairs=pairs, glove=glove, npz=npz, ngrams=ngrams, vectors=vectors, graphml=graphml,
        window=window, measure=measure, terms=terms, min_pair_count=min_pair_count, dimensions=dimensions, power=power,
        edges=edges, least=least, seed=seed,
    )  # fmt: skip
    written = [{"file": str(file), "bytes": file.stat().st_size} for file in files]
    if not printed(as_json, as_csv, lambda: written, lambda: written):
        put("\n".join(f"{row['bytes']:>16,} bytes  {row['file']}" for row in written))
