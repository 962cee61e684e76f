"""All that is changed in fairseq and torch at run time; ``compat`` lists it."""
