"""tcn_robot.envs."""

if __name__ != "tcn_robot.envs":
    raise ImportError("import tcn_robot.envs, not envs: the folder is part of the package tcn_robot")
