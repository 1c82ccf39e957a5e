"""The films that a reward is fitted on, and what is said of them, a line each."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_robot.errors import UserError, unknown_name

if TYPE_CHECKING:
    import numpy as np

    from tcn_robot.models import Encoder
    from tcn_robot.recordings import Episode

#: The films of one episode, {view: uint8 (T, H, W, 3)}.
Films = dict[str, "np.ndarray"]


@dataclass(frozen=True)
class Demonstrations:
    """Demonstrations of a dataset; their films are decoded once for all encoders.

    Attributes:
        fitting: Episodes to fit on, 1 or more.
        calibration: Episodes to calibrate on.
        views: Views that the reward sees.
    """

    fitting: Sequence[Episode]
    calibration: Sequence[Episode]
    views: tuple[str, ...]

    @cached_property
    def _decoded(self) -> list[Films]:
        return load_frames([*self.fitting, *self.calibration], self.views)

    def frames(self) -> list[Films]:
        """Return the films to fit on."""
        return self._decoded[: len(self.fitting)]

    def calibration_frames(self) -> list[Films]:
        """Return the films to calibrate on."""
        return self._decoded[len(self.fitting) :]


def load_frames(episodes: Sequence[Episode], views: Sequence[str]) -> list[Films]:
    """Return {view: uint8 (T, H, W, 3)} of each episode.

    Raises:
        UserError: When an episode lacks a view.
    """
    for episode in episodes:
        for view in views:
            if view not in episode.views:
                raise unknown_name(f"view of demonstration {episode.id}", view, episode.views)
    return [{view: episode.frames(view) for view in views} for episode in episodes]


def play_films(
    reward: Any, name: str, folders: Sequence[Path], shown: Demonstrations, acting: str
) -> dict[str, list[Films]]:
    """Return play of the shown and of the acting body, as a reward's `fit` takes it.

    Args:
        reward: The reward's class.
        name: Its name, for errors.
        folders: Datasets with play; which body an episode shows stands in it.
        shown: The demonstrations.
        acting: The body that will be scored.

    Raises:
        UserError: A reward that takes no play, bodies that are the same or have no name, or a
            body without play.
    """
    from tcn_robot.recordings import open_recording

    if "play" not in inspect.signature(reward.fit).parameters:
        raise UserError(f"reward {name!r} does not use play; leave --play out, or take progress")
    bodies = sorted({episode.embodiment for episode in shown.fitting})
    if len(bodies) != 1 or not bodies[0] or not acting or bodies[0] == acting:
        raise UserError(
            "--play brings two bodies together: expected demonstrations of one named body and a "
            f"task of another, found {', '.join(body or 'no name' for body in bodies)} and "
            f"{acting or 'no name'}"
        )
    episodes = [episode for folder in folders for episode in open_recording(folder)]
    films: dict[str, list[Films]] = {}
    for part, body in (("shown", bodies[0]), ("acting", acting)):
        theirs = [episode for episode in episodes if episode.embodiment == body]
        if not theirs:
            found = ", ".join(sorted({episode.embodiment or "no name" for episode in episodes}))
            raise UserError(
                f"--play has no episode of the {part} body {body!r} (found: {found or 'none'}); "
                f"record some with `tcn-robot record --policy play --embodiment {body}`"
            )
        films[part] = load_frames(theirs, shown.views)
    return films


def tell_of_views(path: Path, encoder: Encoder, shown: Demonstrations) -> None:
    """Print a line for views the encoder was not trained on, and one for frames it has to enlarge.

    Args:
        path: Where the encoder lies; what it was trained on is known for runs and for the zoo.
        encoder: The encoder.
        shown: The demonstrations.
    """
    from tcn_robot.workflows.training_seen import seen_by

    film = next(iter(shown.frames()[0].values()))  # an unknown view ends here
    seen = seen_by(path)
    unseen = [view for view in shown.views if seen is not None and view not in seen.views]
    if seen is not None and unseen:
        print(
            f"{path} was trained on views {', '.join(sorted(seen.views))}, the reward sees "
            f"{', '.join(unseen)}: distances there are not what training made them; pass --views, "
            "or train on those views",
            file=sys.stderr,
        )
    side = min(film.shape[1:3])
    if side < encoder.image_size_px:
        print(
            f"the demonstrations are {film.shape[2]} x {film.shape[1]} px, the encoder sees "
            f"{encoder.image_size_px} px: they are enlarged, and show less than it was trained on",
            file=sys.stderr,
        )


@contextmanager
def reward_lines(names: Sequence[str], told: set[str]) -> Iterator[None]:
    """Print what a reward has to say of its demonstrations as lines; other warnings go on.

    Args:
        names: What each demonstration is called.
        told: Lines that have been printed, which are not printed again; new ones are added.
    """
    from tcn_robot.rewards import RewardWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        warnings.simplefilter("always", RewardWarning)
        yield
    for one in caught:
        if not isinstance(one.message, RewardWarning):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
            continue
        line = one.message.naming([names[index] for index in one.message.demos])
        if line not in told:
            print(line, file=sys.stderr)
        told.add(line)
