"""Which films of a split's training half are trained on, and which choose the weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError

VALID_SHARE = 0.2


def validation_films(
    labels: NDArray[np.int64], groups: Sequence[str], generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw which films of a training half are not trained on but choose the weights.

    Whole groups are drawn until each class has a fifth of its films among them; a group that
    would leave a class without films to train on stays where it is.

    Args:
        labels: int64 (N,), classes.
        groups: Of each film; one that is "" is a group of its own.
        generator: Source of the draw.

    Returns:
        bool (N,).
    """
    names = [group or f"film {index}" for index, group in enumerate(groups)]
    members: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        members.setdefault(name, []).append(index)
    total, drawn = Counter(labels.tolist()), Counter[int]()
    chosen = np.zeros(len(labels), bool)
    order = sorted(members)
    for position in generator.permutation(len(order)):
        films = members[order[position]]
        added = Counter(labels[films].tolist())
        is_wanted = any(drawn[label] < VALID_SHARE * total[label] for label in added)
        if is_wanted and all(drawn[c] + n < total[c] for c, n in added.items()):
            drawn += added
            chosen[films] = True
    return chosen


def labelled_films(
    labels: NDArray[np.int64], amount: str, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the films whose labels are known.

    Draws of one state of the generator are nested: those of 5 a class have those of 1.

    Args:
        labels: int64 (N,), classes of the films to draw from.
        amount: "all"; films per class, such as "5", or all of a class that has fewer; or a share
            of each class, such as "10%", and one film at least.
        generator: Source of the draws.

    Returns:
        int64 (M,), positions, rising.

    Raises:
        UserError: If the amount is none of these.
    """
    number, is_share = parsed_amount(amount)
    kept: list[int] = []
    for label in np.unique(labels):
        films = generator.permutation(np.flatnonzero(labels == label))
        count = len(films)
        if number is not None:
            count = max(round(number * count), 1) if is_share else min(int(number), count)
        kept += films[:count].tolist()
    return np.array(sorted(kept), np.int64)


def parsed_amount(amount: str) -> tuple[float | None, bool]:
    """Return (films per class, False), (share of a class, True), or (None, False) for all.

    Raises:
        UserError: If it says none of these.
    """
    if amount == "all":
        return None, False
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(%?)", amount)
    number = float(match[1]) if match else 0.0
    is_share = bool(match and match[2])
    if number <= 0 or (is_share and number > 100) or not (is_share or number.is_integer()):
        raise UserError(
            f"--labels-per-class expects all, a number of films such as 5, or a share such as 10%, "
            f"found {amount!r}"
        )
    return (number / 100, True) if is_share else (number, False)
