"""What every export shares: which views, what few formats hold, pictures at given instants."""

from __future__ import annotations

from collections.abc import Sequence

from tcn_robot.errors import UserError, unknown_name
from tcn_robot.recordings import format as dataset_format
from tcn_robot.recordings.formats.films import Film, read_film
from tcn_robot.recordings.formats.losses import Losses
from tcn_robot.recordings.reader import Episode

# Of episode.json: what is said of an episode besides its films and steps.
_KNOWN_BESIDES = (
    *("label", "success", "seed", "policy", "embodiment", "simulator", "cameras", "randomisation"),
    *("demonstration", "capture"),
)


def chosen_views(episode: Episode, views: Sequence[str] | None) -> tuple[str, ...]:
    """Return the views of an episode that are to be written, in its order.

    Raises:
        UserError: If it has no such view.
    """
    if views is None:
        return episode.views
    for view in views:
        if view not in episode.views:
            raise unknown_name(f"view of episode {episode.id}", view, episode.views)
    return tuple(view for view in episode.views if view in views)


def film_of(episode: Episode, view: str) -> Film:
    """Return a view's film, decoded to its end.

    Raises:
        UserError: If it is damaged, or has not as many frames as times were recorded.
    """
    film = read_film(episode.path / dataset_format.video_name(view))
    refuse_other_length(episode, view, len(film.pts))
    return film


def refuse_other_length(episode: Episode, view: str, num_frames: int) -> None:
    """Raise a UserError if a view's film has not as many frames as times were recorded."""
    expected = len(episode.timestamps(view))
    if num_frames != expected:
        raise UserError(
            f"episode {episode.id}: the film of {view!r} has {num_frames} frames, its times are "
            f"{expected}; `tcn-robot check --repair` mends what can be mended"
        )


def note_usual_losses(episode: Episode, losses: Losses, kept: Sequence[str] = ()) -> None:
    """Note what a format of films alone cannot hold: steps, and what is said of an episode.

    Args:
        episode: The episode.
        losses: Takes the losses.
        kept: Fields of `episode.json` that the format does hold.
    """
    if episode.steps:
        losses.add("robot", episode.id, ", ".join(episode.steps))
    asked = [name for name in _KNOWN_BESIDES if name not in kept]
    known = [name for name in asked if episode.metadata.get(name) not in (None, {})]
    if known:
        losses.add("the rest", episode.id, ", ".join(known))
