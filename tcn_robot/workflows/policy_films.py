"""Films of a trained policy, and of episodes while it is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.atomic import atomic_folder
from tcn_robot.policies.evaluation import Act, watch
from tcn_robot.policies.seeing import STATE_ALONE, Seeing

if TYPE_CHECKING:
    import gymnasium

    from tcn_robot.policies.config import ImitateConfig
    from tcn_robot.policies.seeing_wrappers import TakeFilm

FILMS_FOLDER = "films"
TRAINING_FILMS_FOLDER = "training_films"
FILM_SIZE_PX = (240, 320)


def write_films(
    folder: Path,
    act: Act,
    env: gymnasium.Env,
    start_seed: int,
    size_px: tuple[int, int] = FILM_SIZE_PX,
    seeing: Seeing = STATE_ALONE,
) -> list[Path]:
    """Play one episode and write one film per view, `<view>.mp4`.

    Args:
        folder: Where the films go; whole or absent.
        act: The policy.
        env: An env of the task; it is not closed.
        start_seed: The start of the episode.
        size_px: (height, width) of the films.
        seeing: What the policy sees.

    Raises:
        UserError: When nothing can render here.
    """
    task: Any = env.unwrapped
    views = tuple(task.view_names)
    played = watch(act, env, start_seed, views, size_px, seeing)
    write_film_files(folder, played, views, size_px, task.control_hz)
    return [folder / f"{view}.mp4" for view in views]


def write_film_files(
    folder: Path,
    moments: Iterable[Mapping[str, np.ndarray]],
    views: tuple[str, ...],
    size_px: tuple[int, int],
    control_hz: float,
) -> None:
    """Write one film per view, `<view>.mp4`, into a folder that is whole or absent.

    Args:
        folder: Replaced if it exists.
        moments: {view: uint8 (H, W, 3)} per control step.
        views: Which of them.
        size_px: (height, width).
        control_hz: Control steps per second.
    """
    from tcn_robot.recordings.video import TICKS_PER_SECOND, VideoEncoder

    with atomic_folder(folder) as partial:
        encoders = {
            view: VideoEncoder(partial / f"{view}.mp4", size_px[1], size_px[0], "h264", control_hz)
            for view in views
        }
        try:
            for step, frames in enumerate(moments):
                ticks = round(step / control_hz * TICKS_PER_SECOND)
                for view, encoder in encoders.items():
                    encoder.write(frames[view], ticks)
        except BaseException:
            for encoder in encoders.values():
                encoder.abort()
            raise
        for encoder in encoders.values():
            encoder.close()


def film_taker(seed_folder: Path, config: ImitateConfig) -> TakeFilm:
    """Return what writes films of training into `training_films/step_000000/<view>.mp4`.

    Args:
        seed_folder: The seed's folder.
        config: The run's options.
    """
    from tcn_robot.policies.environments import make_env

    env = make_env(config)
    control_hz = float(env.unwrapped.control_hz)  # type: ignore[attr-defined]
    env.close()

    def take(first_step: int, film: dict[str, np.ndarray]) -> None:
        views = tuple(film)
        moments = (
            dict(zip(views, shown, strict=True)) for shown in zip(*film.values(), strict=True)
        )
        folder = seed_folder / TRAINING_FILMS_FOLDER / f"step_{first_step:06d}"
        write_film_files(folder, moments, views, film[views[0]].shape[1:3], control_hz)

    return take
