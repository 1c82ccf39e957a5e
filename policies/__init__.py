"""tcn_robot.policies."""

if __name__ != "tcn_robot.policies":
    raise ImportError("import tcn_robot.policies, not policies: the folder is part of the package tcn_robot")
