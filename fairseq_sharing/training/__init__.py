"""Trains an experiment's runs: commands, progress, speed, Slurm."""
