"""`tcn-robot replay`: plays recorded episodes back and says how far the simulator deviates."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import tyro

from tcn_robot.errors import UserError
from tcn_robot.workflows.options import parse_and_run
from tcn_robot.workflows.recording_job import open_source

if TYPE_CHECKING:
    from tcn_robot.recordings import Episode

DEVIATES_EXIT_CODE = 1
POSE = "pose_"


@dataclass(frozen=True)
class Deviation:
    """How far a replay of one episode is from what was recorded.

    Attributes:
        id: The episode's id.
        steps: Control steps that were played.
        start_state: Largest difference of a number of the state at the start; None where the
            states were set.
        state: Largest difference of a number of the state at any step; None likewise.
        first_step: First step with any difference; None if there is none.
        things_metres: Largest distance of a thing from where it was, over all steps.
        pictures: Largest difference of a colour value (0 to 255) in the view that was compared.
        psnr_db: Of that view, over all frames; None where the pictures are equal.
        success_agrees: Whether the task ends as it did; None where nobody knows.
    """

    id: int
    steps: int
    start_state: float | None
    state: float | None
    first_step: int | None
    things_metres: float
    pictures: int
    psnr_db: float | None
    success_agrees: bool | None


def replay(
    dataset: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    episodes: tuple[int, ...] = (),
    play: Literal["actions", "states"] = "actions",
    view: str | None = None,
    tolerance_metres: float | None = None,
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
) -> None:
    """Play the actions or the states of recorded episodes and compare with the recording.

    Actions start from the recorded seed and what was drawn for the episode; with the same versions
    MuJoCo repeats them to the last bit. States are set one by one and show whether the
    pictures come out the same.

    Args:
        dataset: Folder of a simulated dataset.
        episodes: Ids of episodes; all when none is given.
        play: What is played back.
        view: Whose pictures are compared; the first recorded one by default.
        tolerance_metres: Leave with exit code 1 when a thing is ever further off than this.
        json_file: Write the figures to this file.
    """
    from tcn_robot.progress import progress
    from tcn_robot.recordings import open_recording

    recording = open_recording(dataset)
    chosen = [recording.by_id(id) for id in episodes] or list(recording)
    found = []
    for episode in progress(chosen, len(chosen), f"replaying {dataset}", "episodes"):
        task = str(episode.recorded.get("task") or recording.task)  # whatever it is called now
        found.append(replay_episode(task, episode, play, view))
        print(line_of(found[-1]), flush=True)
    if json_file is not None:
        from tcn_robot.atomic import write_text_atomically

        content = {"schema_version": 1, "play": play, "episodes": [asdict(one) for one in found]}
        write_text_atomically(json_file, json.dumps(content, indent=2) + "\n")
    worst = max(one.things_metres for one in found)
    if tolerance_metres is not None and worst > tolerance_metres:
        print(f"a thing was {worst:.4f} m off, more than {tolerance_metres:g} m", file=sys.stderr)
        sys.exit(DEVIATES_EXIT_CODE)


def replay_episode(task: str, episode: Episode, play: str, view: str | None = None) -> Deviation:
    """Play one episode and compare it, step by step.

    Raises:
        UserError: If the episode has no states or actions, or another task has taken its place.
    """
    from tcn_robot.errors import unknown_name

    steps = episode.steps
    if steps is None or "state" not in steps or "action" not in steps:
        raise UserError(f"{episode.path} has no states and actions; only simulated episodes have")
    shown = view or episode.views[0]
    if shown not in episode.views:
        raise unknown_name("view", shown, episode.views)
    source = _open_as_recorded(task, episode)
    try:
        return _compare(source, episode, steps, play == "actions", shown)
    finally:
        source.close()


def _open_as_recorded(task: str, episode: Episode) -> Any:
    from tcn_robot.envs.randomisation.table import RANGES

    drawn = episode.recorded.get("randomisation", {})
    randomise = tuple(name for name in RANGES if name in drawn)
    embodiment = str(episode.recorded.get("embodiment", "robot"))
    policy = str(episode.recorded.get("policy", "expert"))
    return open_source(task, embodiment, policy, randomise, "moving" in drawn)


def _compare(
    source: Any, episode: Episode, steps: dict[str, np.ndarray], by_actions: bool, view: str
) -> Deviation:
    drawn = episode.recorded.get("randomisation", {})
    options = {"randomisation": drawn} if drawn else None
    _, info = source.reset(seed=episode.seed, options=options)
    recorded = episode.frames(view)
    states = steps["state"]
    starts_later = (episode.recorded.get("trimmed_from") or {}).get("start_seconds") is not None
    if source.get_state().shape != states[0].shape:
        raise UserError(
            f"{episode.path}: its states have {len(states[0])} numbers, the task's now have "
            f"{len(source.get_state())}: the task has changed since; `tcn-robot rerender` still "
            "shows the recorded model"
        )
    poses = [name for name in steps if name.startswith(POSE)]
    state_differences, distances, errors = [], [0.0], []
    for index, state in enumerate(states):
        if not by_actions or (starts_later and index == 0):
            source.set_state(state)
        elif index:
            _, _, _, _, info = source.step(steps["action"][index - 1])
        if by_actions:
            state_differences.append(float(np.abs(source.get_state() - state).max()))
        if by_actions and not (starts_later and index == 0):  # there, what info says is older
            distances += [
                float(np.linalg.norm(np.asarray(info[name])[:3] - steps[name][index][:3]))
                for name in poses
            ]
        size = recorded.shape[1:3]
        picture = source.render_views((view,), size)[view]
        errors.append(picture.astype(np.int16) - recorded[index])
    differs = np.flatnonzero(np.array(state_differences) > 0)
    mean_square = float(np.mean(np.square(np.array(errors, np.float64))))
    known = episode.recorded.get("success")
    agrees = None if known is None or not by_actions else bool(info.get("success")) == known
    return Deviation(
        id=episode.id,
        steps=len(states) - 1,
        start_state=state_differences[0] if by_actions else None,
        state=max(state_differences) if by_actions else None,
        first_step=int(differs[0]) if differs.size else None,
        things_metres=max(distances),
        pictures=int(np.abs(np.array(errors)).max()),
        psnr_db=10 * float(np.log10(255**2 / mean_square)) if mean_square else None,
        success_agrees=agrees,
    )


def line_of(one: Deviation) -> str:
    """Return what is said of one episode."""
    if one.state is None:
        states = "states set one by one"
    elif one.first_step is None:
        states = "every state to the last bit"
    else:
        states = f"states differ from step {one.first_step} on, by up to {one.state:.3g}"
    pictures = (
        "pictures equal"
        if one.psnr_db is None
        else f"pictures differ by up to {one.pictures} of 255 ({one.psnr_db:.1f} dB)"
    )
    success = {None: "", True: ", success agrees", False: ", SUCCESS DISAGREES"}
    things = "" if one.state is None else f"things up to {1e3 * one.things_metres:.3f} mm off, "
    return (
        f"episode {one.id}: {one.steps} steps, {states}, {things}{pictures}"
        f"{success[one.success_agrees]}"
    )


def main(arguments: list[str]) -> None:
    """Run the command."""
    parse_and_run(replay, arguments)
