"""Scripted demonstrators of the tasks: experts, play, and failures on purpose."""
