"""One request to render a dataset again, and the rendering of its episodes in this process."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.errors import UserError
from tcn_robot.workflows.recording_job import MAXIMUM_PX, MINIMUM_PX

if TYPE_CHECKING:
    from tcn_robot.envs.looks import LookDrawer
    from tcn_robot.envs.stored_model import StoredModel
    from tcn_robot.recordings import Episode, Recording
    from tcn_robot.recordings.rerendering import Rendition, Rerendered

# Copy c of episode i is episode 100 i + c, however many copies or episodes there will be one day.
COPIES_STRIDE = 100


@dataclass(frozen=True)
class RerenderJob:
    """What settles every byte of the new episodes.

    Attributes:
        dataset: The recorded dataset.
        outs: New datasets by size in pixels; the size is None where it is the recorded one.
        views: Views to render; those that were recorded when there are none.
        codec: "h264" or "lossless".
        keeps_films: Take the recorded films over too.
        looks: What to draw anew: names of `envs.looks.LOOKS`, as far as an episode has them; what
            the user asked for ("all") until `check_job` has looked.
        moving_cameras: Whether the cameras drift, in a new way if they did already.
        seed: From which the looks follow, with an episode's own seed, its id and the copy.
        copies: How many episodes to make of each; None makes one under the same id.
        has_proof: Whether a recorded view of each episode is rendered again and compared.
    """

    dataset: Path
    outs: tuple[tuple[Path, int | None], ...]
    views: tuple[str, ...]
    codec: str
    keeps_films: bool = False
    looks: tuple[str, ...] = ()
    moving_cameras: bool = False
    seed: int = 0
    copies: int | None = None
    has_proof: bool = True

    @property
    def draws_looks(self) -> bool:
        """Whether episodes are shown in another look than they were recorded in."""
        return bool(self.looks) or self.moving_cameras


def check_job(job: RerenderJob, recording: Recording) -> RerenderJob:
    """Look at every episode before anything is written.

    Returns:
        The job with the looks by name, without those that no episode has (a robot has no skin).

    Raises:
        UserError: For an episode without states or model, a view the model has not or that was
            recorded already, a size that cannot be, or a look that cannot be drawn.
    """
    from tcn_robot.envs.looks import look_names
    from tcn_robot.envs.randomisation.table import ALL
    from tcn_robot.envs.rendering import check_views
    from tcn_robot.recordings.states import stored_model

    required = [name for name in job.looks if name != ALL]
    job = replace(job, looks=look_names(job.looks))
    first = replace(job, copies=job.copies and 1)
    drawable: set[str] = set()
    with _Models() as models:
        for episode in recording:
            if job.looks:
                drawer = _drawer(recording, episode, models.drawer_of)
                drawable.update(drawer.drawable(episode.metadata.get("randomisation", {})))
            model = models.open(stored_model(recording, episode))
            for one in renditions_of(first, recording, episode, models.drawer_of):
                check_views(one.views, model.view_names)
                if not MINIMUM_PX <= one.size_px <= MAXIMUM_PX:
                    raise UserError(
                        f"{episode.path}: --size must lie between {MINIMUM_PX} and {MAXIMUM_PX} "
                        f"px, found {one.size_px}"
                    )
                if one.randomisation is not None:
                    model.apply(one.randomisation)
    if absent := [name for name in required if name not in drawable]:
        raise UserError(
            f"no episode of {recording.path} has {absent[0]} to draw anew: skin is of the hand, "
            "distractors are there when they were recorded (`record --randomise distractors`)"
        )
    return replace(job, looks=tuple(name for name in job.looks if name in drawable))


def renditions_of(
    job: RerenderJob,
    recording: Recording,
    episode: Episode,
    drawer_of: Callable[[str, str], LookDrawer],
) -> list[Rendition]:
    """Return what is made of an episode; the same for the same job, whatever is there already.

    Args:
        job: What to render.
        recording: The recorded dataset.
        episode: One of its episodes.
        drawer_of: Gives what draws looks for a task and a body.

    Raises:
        UserError: For a view that was recorded already, or a look that cannot be drawn.
    """
    from tcn_robot.recordings.rerendering import Rendition

    views = job.views or episode.views
    if job.keeps_films and (known := [view for view in views if view in episode.views]):
        raise UserError(
            f"view {known[0]!r} was recorded already in {episode.path}, and --add keeps it (there "
            f"are {', '.join(episode.views)}); name other --views, or leave --add out"
        )
    recorded = episode.metadata.get("randomisation", {})
    made_by: dict[str, Any] = {}
    if job.draws_looks:
        drawable = _drawer(recording, episode, drawer_of).drawable(recorded)
        names = [name for name in job.looks if name in drawable]
        made_by = {"randomise": names, "moving_cameras": job.moving_cameras, "seed": job.seed}
    renditions = []
    for copy in range(job.copies or 1):
        look = _look(job, recording, episode, copy, drawer_of) if job.draws_looks else None
        id = episode.id if job.copies is None else COPIES_STRIDE * episode.id + copy
        for path, size_px in job.outs:
            one = Rendition(
                path=path,
                id=id,
                views=tuple(views),
                size_px=recorded_size_px(episode) if size_px is None else size_px,
                codec=episode.codec if job.keeps_films else job.codec,
                keeps_films=job.keeps_films,
                randomisation=look,
                is_restaged=look is not None
                and look.get("distractors") != recorded.get("distractors"),
                made_by={**({} if job.copies is None else {"copy": copy}), **made_by},
            )
            renditions.append(one)
    return renditions


def recorded_size_px(episode: Episode) -> int:
    """Return width and height of an episode's first view.

    Raises:
        UserError: If they differ.
    """
    entry = episode.metadata["views"][episode.views[0]]
    if entry["width_px"] != entry["height_px"]:
        raise UserError(
            f"{episode.path} was recorded at {entry['width_px']} x {entry['height_px']} px, and "
            "films are rendered square; say how large with --size"
        )
    return int(entry["width_px"])


def _look(
    job: RerenderJob,
    recording: Recording,
    episode: Episode,
    copy: int,
    drawer_of: Callable[[str, str], LookDrawer],
) -> dict[str, Any]:
    # From these alone, which no edit changes: the order and number of workers do not matter.
    words = [job.seed, episode.seed or 0, episode.id, copy]
    return _drawer(recording, episode, drawer_of).draw(
        episode.metadata.get("randomisation", {}),
        job.looks,
        job.moving_cameras,
        np.random.default_rng(np.random.SeedSequence(words)),
    )


def _drawer(
    recording: Recording, episode: Episode, drawer_of: Callable[[str, str], LookDrawer]
) -> LookDrawer:
    return drawer_of(recording.task, str(episode.metadata.get("embodiment", "robot")))


def rerender_episodes(
    job: RerenderJob, ids: Sequence[int], after_state: Callable[[], None] = lambda: None
) -> Iterator[Rerendered]:
    """Render episodes one after the other; what is made of one is whole on disk when it is yielded.

    The caller holds the locks of the new datasets.

    Args:
        job: What to render.
        ids: Ids of the recorded episodes.
        after_state: Called after each state was set; may raise to give up.
    """
    from tcn_robot.recordings import open_recording
    from tcn_robot.recordings.format import list_deleted_ids
    from tcn_robot.recordings.rerendering import rerender_episode

    recording = open_recording(job.dataset)
    deleted = {path: list_deleted_ids(path) for path, _ in job.outs}  # somebody did not want them
    with _Models() as models:
        for id in ids:
            episode = recording.by_id(id)
            asked = renditions_of(job, recording, episode, models.drawer_of)
            asked = [one for one in asked if one.id not in deleted[one.path]]
            yield rerender_episode(
                recording, episode, asked, models.open, job.has_proof, after_state
            )


class _Models:
    """The stored models that are open, and what draws looks; a context manager that closes them."""

    def __init__(self) -> None:
        self._models: dict[str, StoredModel] = {}
        self.drawer_of = functools.cache(_look_drawer)

    def open(self, text: str) -> StoredModel:
        from tcn_robot.envs.stored_model import open_stored_model

        if text not in self._models:
            self._models[text] = open_stored_model(text)
        return self._models[text]

    def __enter__(self) -> _Models:
        return self

    def __exit__(self, *_: object) -> None:
        for model in self._models.values():
            model.close()


def _look_drawer(task: str, embodiment: str) -> LookDrawer:
    from tcn_robot.envs.looks import LookDrawer

    return LookDrawer(task, embodiment)
