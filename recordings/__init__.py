"""tcn_robot.recordings."""

if __name__ != "tcn_robot.recordings":
    raise ImportError("import tcn_robot.recordings, not recordings: the folder is part of the package tcn_robot")
