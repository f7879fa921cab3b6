"""Seeded scans: the contexts of a list of terms, counted in one pass without a pair index.

The verb is `cooc.scan`; the folder has another name so that it does not hide the verb.
"""
