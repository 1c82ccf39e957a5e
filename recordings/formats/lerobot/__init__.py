"""LeRobot's datasets, version 3.0 (read and written) and 2.1 (read), without importing it."""
