"""The probes: one file per family, and one table of them in `table`."""
