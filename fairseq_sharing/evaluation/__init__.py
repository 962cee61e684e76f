"""Decodes and scores the models of an experiment."""
