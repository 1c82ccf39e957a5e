"""Frames of recordings with what each pixel shows, rendered from the stored states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.errors import UserError, unknown_name

if TYPE_CHECKING:
    from tcn_robot.benchmarks.segmentation.films import RoleName, SegmentedFilm, SegmentedSet
    from tcn_robot.recordings import Episode, Recording

# What encoding may change in the mean over a block of pixels; another picture changes far more.
MOST_LEVELS = 16.0


class Segmentation:
    """The classes and masks of recorded frames.

    Attributes:
        classes: Names by number, those of all models that were opened.
    """

    def __init__(self, windows_of: Callable[[Any, Any], Any], frames_per_film: int) -> None:
        """Open nothing yet.

        Args:
            windows_of: From a film (T, H, W, 3) and frames int64 (N,) to what an encoder looks at,
                uint8 (N, T', H, W, 3).
            frames_per_film: Frames of each film, evenly spread.
        """
        self.classes: list[str] = []
        self._windows_of = windows_of
        self._count = frames_per_film
        self._models: dict[str, Any] = {}

    def films(
        self, recording: Recording, episode: Episode, views: Sequence[str] | None
    ) -> list[SegmentedFilm]:
        """Return the films of an episode.

        Args:
            recording: Where it lies.
            episode: With stored states.
            views: Which views; all when None.

        Raises:
            UserError: If it has no states or no such view, its simulator does not say what a pixel
                shows, or the states do not give the recorded pictures.
        """
        from tcn_robot.benchmarks.segmentation.films import SegmentedFilm
        from tcn_robot.recordings.states import stored_model, stored_states

        model = self._opened(stored_model(recording, episode), episode)
        model.apply(episode.metadata.get("randomisation", {}))
        states = [state for _, state in stored_states(episode)]
        found = []
        for view in views if views is not None else episode.views:
            for known in (episode.views, model.view_names):
                if view not in known:
                    raise unknown_name(f"view in {episode.path}:", view, known)
            film = episode.frames(view)
            if len(film) != len(states):
                raise UserError(
                    f"{episode.path} has {len(film)} frames of {view} and {len(states)} states; "
                    "check it with `tcn-robot check`"
                )
            frames = np.unique(np.linspace(0, len(film) - 1, self._count).round().astype(np.int64))
            masks = self._masks(model, view, [states[frame] for frame in frames], film[frames])
            name = f"{recording.path} episode {episode.id}"
            windows = self._windows_of(film, frames)
            found.append(SegmentedFilm(name, view, windows, masks, episode.embodiment))
        return found

    def _opened(self, text: str, episode: Episode) -> Any:
        from tcn_robot.envs.segments import SegmentedModel
        from tcn_robot.envs.stored_model import open_stored_model

        if text not in self._models:
            model = open_stored_model(text)
            if not isinstance(model, SegmentedModel):
                model.close()
                raise UserError(
                    f"{episode.path} is of a simulator that does not say what a pixel shows; name "
                    "recordings of the tasks that come with tcn_robot"
                )
            self._models[text] = model
            self.classes += [name for name in model.segment_names if name not in self.classes]
        return self._models[text]

    def _masks(self, model: Any, view: str, states: Sequence[Any], frames: Any) -> Any:
        """Return masks uint8 (N, H, W) of states, once their pictures are those recorded."""
        size = frames.shape[1:3]
        number = np.array([self.classes.index(name) for name in model.segment_names], np.uint8)
        masks = np.empty(frames.shape[:3], np.uint8)
        for place, state in enumerate(states):
            model.set_state(state)
            if place in (0, len(states) - 1):
                _refuse_other_picture(frames[place], model.render_views((view,), size)[view], view)
            masks[place] = number[model.segment_views((view,), size)[view]]
        return masks

    def close(self) -> None:
        """Free the models."""
        for model in self._models.values():
            model.close()


def _refuse_other_picture(recorded: Any, rendered: Any, view: str) -> None:
    from tcn_robot.recordings.proof import block_difference

    difference = block_difference(recorded, rendered)
    if difference > MOST_LEVELS:
        raise UserError(
            f"the stored states do not give the recorded pictures of view {view} (a block differs "
            f"by {difference:.0f} of 255): masks would not fit; record it again"
        )


def segmented_set(
    paths: Sequence[Path],
    views: Sequence[str] | None,
    episodes_per_role: int,
    frames_per_film: int,
    windows_of: Callable[[Any, Any], Any],
    generator: np.random.Generator,
) -> SegmentedSet:
    """Return the films of recordings by what they are for.

    Args:
        paths: The recordings.
        views: Which views; all when None.
        episodes_per_role: Episodes of each role at most, drawn.
        frames_per_film: Frames of each film, evenly spread.
        windows_of: See `Segmentation`.
        generator: Divides and draws episodes.

    Raises:
        UserError: As `roles_of` and `Segmentation.films` do.
    """
    from tcn_robot.benchmarks.segmentation.films import (
        ROLES,
        SegmentedSet,
        divided_by_split,
        roles_of,
    )
    from tcn_robot.progress import progress
    from tcn_robot.recordings import open_recording

    episodes = [(one, each) for one in map(open_recording, paths) for each in one]
    splits = [episode.split for _, episode in episodes]
    roles = roles_of(splits, generator)
    chosen: list[tuple[RoleName, int]] = []
    for role in ROLES:
        places = [place for place, of in enumerate(roles) if of == role]
        drawn = generator.permutation(places)[:episodes_per_role]
        chosen += [(role, int(place)) for place in np.sort(drawn)]
    films: dict[RoleName, list[SegmentedFilm]] = {role: [] for role in ROLES}
    segmentation = Segmentation(windows_of, frames_per_film)
    try:
        for role, place in progress(chosen, len(chosen), "segment episodes", "episodes"):
            films[role] += segmentation.films(*episodes[place], views)
    finally:
        segmentation.close()
    by_role = {role: tuple(some) for role, some in films.items()}
    return SegmentedSet(tuple(segmentation.classes), by_role, not divided_by_split(splits))
