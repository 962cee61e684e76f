"""Tools that work on checkpoint files: look, average, strip, unroll, share, convert."""
