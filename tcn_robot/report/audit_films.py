"""Films of an audit: what happens, beside the reward that it earns and what a success earns."""

from __future__ import annotations

import numpy as np

from tcn_robot.plots.painting import (
    below,
    beside,
    bordered,
    caption,
    on_page,
    paint_dot,
    paint_trail,
)
from tcn_robot.plots.reward import Trace, draw_curve_ground
from tcn_robot.report.audit_evidence import AuditedFilm
from tcn_robot.report.media import Film, encode_film, enlarge

PANEL_PX = 224
CURVES_WIDTH_PX = 380
CHEAT_RGB, SUCCESS_RGB = (251, 154, 82), (45, 212, 191)


def audit_film(shown: AuditedFilm, reward: str, steps_per_second: float) -> Film:
    """Put the frames left and the reward so far right, the success's behind it.

    Args:
        shown: What is shown.
        reward: The reward's name.
        steps_per_second: Control steps, and so frames, per second.
    """
    is_success = shown.title == "success"
    pictures = enlarge(shown.frames, PANEL_PX)
    width = pictures.shape[2]
    colour = SUCCESS_RGB if is_success else CHEAT_RGB
    kind = "success" if is_success else "failure"
    traces = [_trace(shown.title, kind, shown.rewards, steps_per_second)]
    if not is_success:
        traces.insert(0, _trace("a success", "success", shown.success, steps_per_second))
    ground = draw_curve_ground(traces, reward, CURVES_WIDTH_PX, pictures.shape[1])
    frames = []
    for step, picture in enumerate(pictures):
        curves = ground.picture.copy()
        if not is_success:
            paint_trail(
                curves, ground.places[0], np.array([SUCCESS_RGB] * len(shown.success), np.uint8), 1
            )
        places = ground.places[-1][: step + 1]
        paint_trail(curves, places, np.array([colour] * len(places), np.uint8))
        paint_dot(curves, places[-1], 5.0, colour, (255, 255, 255))
        words = f"{step / steps_per_second:.1f} s · reward {shown.rewards[step]:.2f}"
        panel = below([bordered(picture, colour, 3), caption(words, width)], 0)
        frames.append(on_page(beside([panel, curves])))
    return encode_film(np.stack(frames), steps_per_second, poster_at=0.99)


def _trace(title: str, kind: str, rewards: np.ndarray, steps_per_second: float) -> Trace:
    seconds = np.arange(len(rewards)) / steps_per_second
    return Trace(title, kind, seconds, rewards, np.zeros((1, 1, 1, 3), np.uint8))
