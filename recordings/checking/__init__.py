"""What can be wrong with a dataset: one file per family of faults, one table of kinds."""
