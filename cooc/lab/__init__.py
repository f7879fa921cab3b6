"""Outcomes with a matched corpus: a small model trained on an indexed corpus, and many narrow finetunes of it.

recipe, slices, plant, shuffle: the corpus · words, model, train, baselines: the model, and whether it learned ·
pools, texts, arms: what is finetuned on · measure, rivals, finetune: what is measured · run: all of it, in stages ·
analyse, write: what the outcomes say, held to their registration.

A model organism of a few million parameters: docs/lab.md says what it can say and what it can't. PyTorch (the extra
`lab`) is imported by model, train, measure, rivals and finetune alone; outcomes are analysed without it.
"""
