"""Tasks in PyBullet: the description as URDF, a world of it, its pictures."""
