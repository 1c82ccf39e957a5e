"""Tasks from elsewhere: Meta-World, Gymnasium-Robotics, panda-gym, and any Gymnasium environment.

They are named on the command line as they are here, and recorded like tasks of our own:

    tcn-robot record metaworld/drawer-open-v3 --out data/drawer --episodes 20
    tcn-robot record gymnasium_robotics/FetchPush-v4 --policy random --out data/fetch --episodes 5
    tcn-robot record panda_gym/PandaPush-v3 --policy random --out data/panda --episodes 5
    tcn-robot record Pusher-v5 --policy random --out data/pusher --episodes 5
    tcn-robot record my_module:MyTask-v0 --policy my_module:expert --out data/mine --episodes 5

Only the package that a task needs is imported; `requirements` says which extra brings it and in
which versions. Meta-World has experts of its own (`--policy expert`); the others have
`--policy random`, or a demonstrator of yours as "module:function". None has play.

Views are the named cameras of a MuJoCo model and those that our tables place. Cameras of your own
are given by position to the environment; registered under an id of yours, it is a task too:

    import gymnasium
    gymnasium.register(
        "MyFetch-v0",
        entry_point="tcn_robot.envs.adapters.adapted_env:AdaptedEnv",
        kwargs={
            "task": "gymnasium_robotics/FetchPush-v4",
            "cameras": {
                "low": {"at_metres": (2.2, 0.75, 0.6), "target_metres": (1.3, 0.75, 0.45),
                        "fovy_degrees": 30.0},
            },
        },
    )
    # tcn-robot record my_module:MyFetch-v0 --views low front …

What simulates in MuJoCo is stored with its meshes, so `tcn-robot rerender` needs no package for
it. panda-gym is rendered again by panda-gym; what can only `render()` has one view, "render", and
cannot be rendered again.
"""

from __future__ import annotations

from tcn_robot.envs.adapters.names import adapted_spec, adapted_task_id, unknown_task
from tcn_robot.envs.adapters.scripted import policies_of

__all__ = ["adapted_spec", "adapted_task_id", "policies_of", "unknown_task"]
