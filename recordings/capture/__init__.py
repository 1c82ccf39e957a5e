"""Filming with real cameras: sources, one clock, what the times and the pictures say afterwards."""
