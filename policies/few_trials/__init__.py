"""The few-trials regime of the TCN paper: a controller of few numbers, searched for from one start.

About 10 iterations of 10 rollouts (Sermanet et al. 2018, section IV.B): no network, no replay
buffer, one open-loop controller per start, scored by the reward of the rollouts' films.
"""
