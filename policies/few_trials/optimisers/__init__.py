"""Optimisers of a few dozen numbers from a few hundred scored rollouts, one file each."""
