"""fairseq's command-line tools: found, parsed, and run side by side on the devices there are."""
