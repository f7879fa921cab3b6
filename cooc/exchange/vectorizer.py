"""A scikit-learn vectorizer over co-occurrence: documents in, sparse vectors of weighted neighbours out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from cooc.create.window import Window
from cooc.errors import UsageError
from cooc.exchange.counting import Cells, Tokens, count_cells, laid_out, tokenised
from cooc.query.measures import evaluate, measure
from cooc.query.rank import ALPHA, COUNT, in_pairs, smoothed_total
from cooc.tokens.tokenizer import Tokenizer, tokenizer_for

Array = NDArray[Any]


class CooccurrenceVectorizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Count what stands beside what in documents, and give each document the mean of its terms' neighbourhoods.

    `fit` takes an iterable of strings (a generator is read once), counts pairs of terms up to `window` tokens apart,
    by the rules of `cooc.build`, and weighs each pair by a `measure` of cooc ("ppmi", "npmi", "g2", … or "count").
    `transform` gives a CSR matrix with a row for each document and a column for each term: of the known tokens of
    the document the mean, or the "sum", of their rows of weights. A document of one word is that word's vector.

    `min_occurrences` and `max_terms` choose the terms that have rows, the most frequent where there are more; the
    others keep their places in the window. Pairs below `min_pair_count` have no weight. `parameters` are those of the
    measure, such as {"k": 5} of "sppmi".

    After fitting: `vocabulary_` (term → column), `occurrences_`, `cooccurrences_` (CSR, term × term, counts),
    `matrix_` (CSR, term × term, weights). For corpora beyond memory build an index, and export it.
    """

    def __init__(
        self,
        *,
        window: int = 10,
        direction: Literal["symmetric", "right", "left"] = "symmetric",
        weighting: Literal["uniform", "harmonic"] = "uniform",
        measure: str = "ppmi",
        parameters: dict[str, float] | None = None,
        min_occurrences: int = 1,
        max_terms: int | None = None,
        min_pair_count: int = 1,
        pooling: Literal["mean", "sum"] = "mean",
        tokenizer: str = "word",
        keep_case: bool = False,
    ) -> None:
        self.window = window
        self.direction = direction
        self.weighting = weighting
        self.measure = measure
        self.parameters = parameters
        self.min_occurrences = min_occurrences
        self.max_terms = max_terms
        self.min_pair_count = min_pair_count
        self.pooling = pooling
        self.tokenizer = tokenizer
        self.keep_case = keep_case

    def fit(self, X: Iterable[str], y: object = None) -> CooccurrenceVectorizer:
        """Count the pairs of the documents and weigh them."""
        self._fit(X)
        return self

    def fit_transform(self, X: Iterable[str], y: object = None, **options: object) -> Any:
        """`fit` and `transform` with one reading of the documents."""
        return self._pooled(self._fit(X))

    def transform(self, X: Iterable[str]) -> Any:
        """A CSR matrix, documents × terms; a document without a known term is a row of zeros."""
        check_is_fitted(self)
        return self._pooled(tokenised(_documents(X), self._tokenizer()))

    def get_feature_names_out(self, input_features: object = None) -> NDArray[Any]:
        """The terms of the columns."""
        check_is_fitted(self)
        return np.array(list(self.vocabulary_), dtype=object)

    def _fit(self, documents: Iterable[str]) -> Tokens:
        window = self._check()
        tokens = tokenised(_documents(documents), self._tokenizer())
        kept = self._chosen(tokens)
        if not len(kept):
            raise UsageError("no term is left: the documents are empty, or min_occurrences is above every count.")
        places = np.full(len(tokens.terms), len(kept), np.uint32)
        places[kept] = np.arange(len(kept), dtype=np.uint32)
        cells = count_cells(laid_out(tokens, places, len(kept)), len(kept), window, minimum=self.min_pair_count)
        self.vocabulary_ = {tokens.terms[term]: column for column, term in enumerate(kept)}
        self.occurrences_ = tokens.occurrences[kept]
        counts = in_pairs(cells.counts, cells.unit)
        self.cooccurrences_ = sparse.csr_matrix((counts, (cells.rows, cells.columns)), shape=(len(kept),) * 2)
        self.matrix_ = sparse.csr_matrix((self._weights(cells), (cells.rows, cells.columns)), shape=(len(kept),) * 2)
        self.matrix_.eliminate_zeros()
        return tokens

    def _check(self) -> Window:
        if self.pooling not in ("mean", "sum"):
            raise UsageError(f'pooling "{self.pooling}": expected mean or sum.')
        if self.direction not in ("symmetric", "right", "left"):
            raise UsageError(f'direction "{self.direction}": expected symmetric, right or left.')
        if self.weighting not in ("uniform", "harmonic"):
            raise UsageError(f'weighting "{self.weighting}": expected uniform or harmonic.')
        if self.measure != COUNT:
            measure(self.measure)
        if self.window < 1 or self.min_pair_count < 1:
            raise UsageError(f"window is {self.window}, min_pair_count {self.min_pair_count}; expected at least 1.")
        return Window(self.window, self.direction, self.weighting)

    def _tokenizer(self) -> Tokenizer:
        return tokenizer_for(self.tokenizer, keep_case=self.keep_case)

    def _chosen(self, tokens: Tokens) -> list[int]:
        """The terms that have rows, in the order of their names."""
        order = np.lexsort((np.arange(len(tokens.terms)), -tokens.occurrences))
        kept = order[tokens.occurrences[order] >= max(1, self.min_occurrences)][: self.max_terms]
        return sorted(kept.tolist(), key=tokens.terms.__getitem__)

    def _weights(self, cells: Cells) -> Array:
        counts, r1, c1 = (in_pairs(each, cells.unit) for each in (cells.counts, cells.row_sums, cells.column_sums))
        if self.measure == COUNT:
            return np.asarray(counts, np.float64)
        given = dict(self.parameters or {})
        if self.measure == "ppmi_cds":
            given["smoothed_total"] = smoothed_total(c1, given.get("alpha", ALPHA))
        total = in_pairs(int(cells.row_sums.sum()), cells.unit)
        values = evaluate([self.measure], counts, r1[cells.rows], c1[cells.columns], total, **given)[self.measure]
        return np.nan_to_num(values)

    def _pooled(self, tokens: Tokens) -> Any:
        """Documents × terms: how often each occurs, times the weights of the terms."""
        places = np.array([self.vocabulary_.get(term, -1) for term in tokens.terms], np.int64)
        columns = places[tokens.ids] if len(places) else np.zeros(0, np.int64)
        rows = np.repeat(np.arange(len(tokens.lengths)), tokens.lengths)
        known = columns >= 0
        shape = (len(tokens.lengths), len(self.vocabulary_))
        held = sparse.csr_matrix((np.ones(int(known.sum())), (rows[known], columns[known])), shape=shape)
        if self.pooling == "mean":
            sizes = np.asarray(held.sum(axis=1)).ravel()
            held = sparse.diags(1 / np.maximum(sizes, 1)) @ held
        return sparse.csr_matrix(held @ self.matrix_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _documents(given: Iterable[Any]) -> Iterable[Any]:
    """The documents, unless one string was given for many."""
    if isinstance(given, str | bytes):
        raise UsageError("one string was given; expected an iterable of documents.")
    return given
