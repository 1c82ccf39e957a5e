"""Tasks in MuJoCo: the description as MJCF, and a world of it."""
