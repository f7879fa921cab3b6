"""Co-occurrence analysis over pretraining-scale corpora."""

__version__ = "0.1.0"
