"""Edits of datasets that lose nothing: what was written stays, each edit adds to the history."""
