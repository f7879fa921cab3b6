"""The real cases: what a corpus says of the lists of the paper, one command a question (docs/cases.md)."""
