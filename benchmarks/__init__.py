"""The benchmark of cooc against GloVe, scikit-learn and NLTK: `python -m benchmarks.run --help`."""
