"""Films of a trained policy: one held-out episode from every view."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.atomic import atomic_folder
from tcn_robot.policies.evaluation import Act, watch

if TYPE_CHECKING:
    import gymnasium

FILMS_FOLDER = "films"
FILM_SIZE_PX = (240, 320)


def write_films(
    folder: Path,
    act: Act,
    env: gymnasium.Env,
    start_seed: int,
    size_px: tuple[int, int] = FILM_SIZE_PX,
) -> list[Path]:
    """Play one episode and write one film per view, `<view>.mp4`.

    Args:
        folder: Where the films go; whole or absent.
        act: The policy.
        env: An env of the task; it is not closed.
        start_seed: The start of the episode.
        size_px: (height, width) of the films.

    Raises:
        UserError: When nothing can render here.
    """
    from tcn_robot.recordings.video import TICKS_PER_SECOND, VideoEncoder

    task: Any = env.unwrapped
    views, height_width = tuple(task.view_names), size_px
    with atomic_folder(folder) as partial:
        encoders = {
            view: VideoEncoder(
                partial / f"{view}.mp4", size_px[1], size_px[0], "h264", task.control_hz
            )
            for view in views
        }
        try:
            for step, frames in enumerate(watch(act, env, start_seed, views, height_width)):
                ticks = round(step / task.control_hz * TICKS_PER_SECOND)
                for view, encoder in encoders.items():
                    encoder.write(frames[view], ticks)
        except BaseException:
            for encoder in encoders.values():
                encoder.abort()
            raise
        for encoder in encoders.values():
            encoder.close()
    return [folder / f"{view}.mp4" for view in views]
