"""One request to record a simulated task, and the recording of its episodes in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.plugins import import_module
from tcn_robot.workflows.run_demonstrator import describe_run, is_run, run_policy

if TYPE_CHECKING:
    from tcn_robot.recordings import Policy

SCRIPTED = ("expert", "random", "play")
SOURCE_NEEDS = (
    "view_names",
    "render_views",
    "get_state",
    "model_xml",
    "simulation_time_seconds",
    "camera_parameters",
    "control_hz",
    "horizon",
)

# Of a film's side: smaller shows nothing, larger no renderer here makes.
MINIMUM_PX, MAXIMUM_PX = 8, 4096


@dataclass(frozen=True)
class RecordingJob:
    """What settles every byte of the episodes, apart from their ids.

    Attributes:
        task: Full task id.
        out: The dataset's folder.
        views: Views to record.
        size_px: Width and height of the frames.
        embodiment: Body that does the task.
        policy: "expert", "random", "play", "module:function" or the folder of a run.
        seed: Seed of the dataset.
        split: "train", "valid" or "test".
        codec: "h264" or "lossless".
        randomise: Names of what every episode draws anew.
        moving_cameras: Whether the cameras drift.
    """

    task: str
    out: Path
    views: tuple[str, ...]
    size_px: int
    embodiment: str
    policy: str
    seed: int
    split: str
    codec: str
    randomise: tuple[str, ...] = ()
    moving_cameras: bool = False


@dataclass(frozen=True)
class EpisodeSummary:
    """What became of one recorded episode: its id, its number of actions, its success."""

    id: int
    steps: int
    success: bool | None


def resolve_policy(task: str, name: str) -> Policy:
    """Return a demonstrator.

    Args:
        task: Full task id.
        name: A scripted policy of the task, the folder of a trained run, or "module:function";
            modules are also looked for in the working folder. The function takes the unwrapped
            environment and a `numpy.random.Generator` and returns an iterator over actions.

    Raises:
        UserError: If there is no such policy.
    """
    from tcn_robot.envs import scripted_policy

    if is_run(name):
        return run_policy(name)
    if ":" not in name:
        return scripted_policy(task, name)
    module_name, _, attribute = name.partition(":")
    module = import_module("policy", name, module_name)
    policy = getattr(module, attribute, None)
    if not callable(policy):
        functions = [known for known, value in vars(module).items() if callable(value)]
        raise unknown_name(f"function of {module_name}", attribute, functions)
    found: Policy = policy
    return found


def describe_policy(name: str) -> str:
    """Return what `episode.json` says of a policy: its name, or which run and weights."""
    return describe_run(name) if is_run(name) else name


def open_source(
    task: str,
    embodiment: str,
    policy: str,
    randomise: Sequence[str] = (),
    moving_cameras: bool = False,
) -> Any:
    """Return the unwrapped environment to record; the caller closes it.

    Args:
        task: Full task id.
        embodiment: Body that does the task.
        policy: The demonstrator's name; play and failures take longer than the task.
        randomise: Names of what every episode draws anew.
        moving_cameras: Whether the cameras drift.

    Raises:
        UserError: If the task or the embodiment is unknown, or the environment cannot be recorded.
    """
    from tcn_robot.envs import make_task, recording_horizon

    horizon = recording_horizon(task, policy)
    options: dict[str, Any] = {} if horizon is None else {"horizon": horizon}
    # Environments from elsewhere need not know these options unless they are asked for.
    options |= {"randomise": tuple(randomise)} if randomise else {}
    options |= {"moving_cameras": True} if moving_cameras else {}
    source: Any = make_task(task, **options).unwrapped
    missing = [name for name in SOURCE_NEEDS if not hasattr(source, name)]
    if missing:
        source.close()
        raise UserError(
            f"task {task} cannot be recorded: its environment lacks {missing[0]!r}; see "
            "tcn_robot.recordings.SimulatedSource"
        )
    known = getattr(source, "embodiments", (source.embodiment,))
    if embodiment not in known:
        source.close()
        raise unknown_name(f"embodiment of {task}", embodiment, known)
    if embodiment != source.embodiment:
        source.close()
        source = make_task(task, embodiment=embodiment, **options).unwrapped
    return source


def record_episodes(
    job: RecordingJob, ids: Sequence[int], before_step: Callable[[], None] = lambda: None
) -> Iterator[EpisodeSummary]:
    """Record episodes one after the other; each is whole on disk when it is yielded.

    The caller holds the dataset's lock.

    Args:
        job: What to record.
        ids: Ids of the episodes.
        before_step: Called before every control step; may raise to give up.
    """
    policy = resolve_policy(job.task, job.policy)
    source = open_source(job.task, job.embodiment, job.policy, job.randomise, job.moving_cameras)
    try:
        for id in ids:
            yield record_one(job, source, policy, id, before_step)
    finally:
        source.close()


def record_one(
    job: RecordingJob,
    source: Any,
    policy: Policy,
    id: int,
    before_step: Callable[[], None] = lambda: None,
) -> EpisodeSummary:
    """Record one episode of an opened source; it is whole on disk when this returns.

    Args:
        job: What to record.
        source: From `open_source`.
        policy: Who acts.
        id: The episode's id, from which its start and its randomness follow.
        before_step: Called before every control step; may raise to give up.
    """
    from tcn_robot.recordings import episode_seeds, record_episode
    from tcn_robot.recordings.writer import write_episode

    seed, policy_randomness = episode_seeds(job.seed, job.split, id)
    with write_episode(job.out, id, job.codec, float(source.control_hz)) as episode:
        shown = describe_policy(job.policy)
        episode.metadata.update(task=job.task, policy=shown, split=job.split)
        result = record_episode(
            source,
            policy,
            episode,
            views=job.views,
            size_px=job.size_px,
            seed=seed,
            policy_randomness=policy_randomness,
            before_step=before_step,
        )
    return EpisodeSummary(id, result["steps"], result["success"])
