"""Corpus files → documents, as batches of UTF-8 bytes."""

from cooc.corpus.find import find_sources
from cooc.corpus.lines import count_lines
from cooc.corpus.model import Batch, Fields, Part, Receipt, Source
from cooc.corpus.reader import read
from cooc.corpus.split import split

__all__ = ["Batch", "Fields", "Part", "Receipt", "Source", "count_lines", "find_sources", "read", "split"]
