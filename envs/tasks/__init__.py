"""The tasks, one file each; the docstring of a task's class is its page."""
