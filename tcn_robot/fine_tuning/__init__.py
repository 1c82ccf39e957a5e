"""Whole networks trained on labelled films: what pre-training saves in labels and in steps."""
