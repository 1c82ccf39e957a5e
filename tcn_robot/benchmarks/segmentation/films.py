"""Frames with what each of their pixels shows, and which episodes are learnt from and tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError

RoleName = Literal["fit", "valid", "test"]
ROLES: tuple[RoleName, ...] = ("fit", "valid", "test")
# Of held-out episodes, where nothing else can be learnt from.
FIT_SHARE, VALID_SHARE = 0.4, 0.2
FEWEST_EPISODES = 5

Maps = list[NDArray[np.float32]]


@dataclass(frozen=True)
class SegmentedFilm:
    """Some frames of one view of an episode.

    Attributes:
        episode: What tells it from other episodes.
        view: Which view.
        windows: uint8 (N, T, H, W, 3), what an encoder looks at, the frame itself last.
        masks: uint8 (N, H, W), the class of each of its pixels.
        embodiment: Whose body acted, "" where it is not known.
    """

    episode: str
    view: str
    windows: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    embodiment: str = ""

    @property
    def frames(self) -> NDArray[np.uint8]:
        """The frames themselves, uint8 (N, H, W, 3)."""
        return self.windows[:, -1]


# From a film to maps (N, C, h, w), one of each stage, of any size.
MapsOf = Callable[[SegmentedFilm], Maps]


@dataclass(frozen=True)
class SegmentedSet:
    """Films that a probe learns from, is chosen by, and is tested on.

    Attributes:
        classes: Names of the classes by their number.
        films: By role.
        is_divided: Whether all of them are held-out episodes, which had to be divided.
    """

    classes: tuple[str, ...]
    films: Mapping[RoleName, tuple[SegmentedFilm, ...]]
    is_divided: bool


def roles_of(splits: Sequence[str], generator: np.random.Generator) -> list[RoleName | None]:
    """Return what each episode is for.

    Where there are episodes of all splits, a probe learns from "train", is chosen by "valid" and
    tested on "test". Otherwise those of "test" are divided, whole episodes: 40 % to learn from,
    20 % to choose by; the others are not looked at.

    Args:
        splits: Split of each episode.
        generator: Divides.

    Raises:
        UserError: If there are too few held-out episodes.
    """
    as_split: dict[str, RoleName] = {"train": "fit", "valid": "valid", "test": "test"}
    if set(as_split) <= set(splits):
        return [as_split.get(split) for split in splits]
    tested = [index for index, split in enumerate(splits) if split == "test"]
    if len(tested) < FEWEST_EPISODES:
        raise UserError(
            f"expected recordings of the splits train, valid and test, or {FEWEST_EPISODES} "
            f"episodes of test to divide, found {len(tested)} of test; name more recordings"
        )
    roles: list[RoleName | None] = [None] * len(splits)
    order = generator.permutation(tested)
    num_fit = max(round(FIT_SHARE * len(tested)), 1)
    num_valid = max(round(VALID_SHARE * len(tested)), 1)
    for place, index in enumerate(order.tolist()):
        role: RoleName = "fit" if place < num_fit else "test"
        roles[index] = "valid" if num_fit <= place < num_fit + num_valid else role
    return roles


def divided_by_split(splits: Sequence[str]) -> bool:
    """Return whether recordings have all three splits."""
    return {"train", "valid", "test"} <= set(splits)
