"""From finished runs to a report: tables beside the paper's, curves, maps, sentences, commands."""
