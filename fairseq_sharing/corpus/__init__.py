"""Parallel text: where it comes from, how it is cleaned, cut and split into subwords."""
