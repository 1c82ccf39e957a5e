"""Recordings of other projects, by file: one module per format, `table.py` has their names."""
