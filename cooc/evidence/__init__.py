"""Densities on one side, observed outcomes of finetuning on the other: does one predict the other, and can these
data say so?

outcomes, read, join: what goes in · permute, correlate, bootstrap, mixed, increment, power: the statistics ·
verdict, bridge: the answer · ordering, dose, models: answers within an experiment and across models ·
design, register: the experiment that would decide.
"""
