"""Parallel text: where it comes from, and its way into fairseq's binary data."""
