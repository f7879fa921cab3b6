"""Other tools on the same text, each as a process of its own: `python -m benchmarks.peers NAME FILE`."""

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

WINDOW = 10


def read(path: Path) -> None:
    """Nothing but reading the file, the floor of whatever reads it."""
    with path.open("rb", buffering=0) as file:
        room = bytearray(1 << 20)
        while file.readinto(room):
            pass


def vectorize_words(path: Path) -> None:
    """scikit-learn: the vocabulary and each document's counts of it."""
    _vectorize(path, (1, 1))


def vectorize_bigrams(path: Path) -> None:
    """scikit-learn: the same of adjacent pairs."""
    _vectorize(path, (2, 2))


def collocations(path: Path) -> None:
    """NLTK: the pairs in a window, which is the nearest it has to what cooc counts."""
    from nltk.collocations import BigramCollocationFinder

    def words() -> Iterator[str | None]:
        with path.open(encoding="utf-8", newline="\n") as lines:
            # the gap keeps a window inside its document
            yield from chain.from_iterable(chain(line.split(), [None] * WINDOW) for line in lines)

    # its window counts the word itself
    BigramCollocationFinder.from_words(words(), window_size=WINDOW + 1)


def _vectorize(path: Path, sizes: tuple[int, int]) -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    with path.open(encoding="utf-8", newline="\n") as lines:
        CountVectorizer(lowercase=False, token_pattern=r"\S+", ngram_range=sizes).fit_transform(lines)


PEERS = {each.__name__: each for each in (read, vectorize_words, vectorize_bigrams, collocations)}

if __name__ == "__main__":
    PEERS[sys.argv[1]](Path(sys.argv[2]))
