"""What an experiment is: its file, its runs, and the record of what was done with it."""
