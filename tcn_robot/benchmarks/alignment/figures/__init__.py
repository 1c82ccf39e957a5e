"""What is measured: one function and one line of a table per figure."""
