"""The alignment suite: which films are compared, the figures of them, controls and probes."""
