"""Runs of a study ranked: objectives by tasks by seeds, and how sure each rank is."""
