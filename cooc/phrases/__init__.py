"""Phrases of any length: suffix arrays over the token store, and the one door to infini-gram."""
