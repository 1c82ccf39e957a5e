"""What is read of a fitted reward's files is checked before it scores anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError


@contextmanager
def files_of(folder: Path) -> Iterator[None]:
    """Tell of files that can be read and make no reward as of damaged ones, in one line.

    Only for what makes parts of a reward of its document and arrays; not round its encoder, whose
    faults are others.

    Args:
        folder: The fitted reward.

    Raises:
        UserError: Something in there was missing, of another type or had no meaning.
    """
    try:
        yield
    except KeyError as error:
        raise _damaged(folder, f"no {error.args[0]!r}") from error
    except (UserError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(folder, str(error).splitlines()[0] if str(error) else "") from error


def numbers_per_view(values: Any, what: str, above: float = -np.inf) -> dict[str, float]:
    """Return {view: number}, checked: a view or more, finite numbers above the bound.

    Raises:
        ValueError: They are not.
    """
    if not isinstance(values, Mapping) or not values:
        raise ValueError(f"expected {what} of each view, found {values!r}")
    for view, value in values.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and np.isfinite(value) and value > above):
            raise ValueError(f"expected finite {what} above {above:g}, found {value!r} of {view}")
    return {str(view): float(value) for view, value in values.items()}


def array_of(
    arrays: Mapping[str, NDArray[Any]], name: str, shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """Return an array of finite numbers, checked.

    Args:
        arrays: As read.
        name: Its key.
        shape: What it has to have; None where any length of 1 or more will do.

    Raises:
        KeyError: It is missing.
        ValueError: It has another shape, or numbers that are not finite.
    """
    array = arrays[name]
    fits = len(array.shape) == len(shape) and all(
        length == wanted or (wanted is None and length > 0)
        for length, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits:
        expected = ", ".join("any" if wanted is None else str(wanted) for wanted in shape)
        raise ValueError(f"expected {name} of shape ({expected}), found {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite numbers in {name}")
    return array


def _damaged(folder: Path, reason: str) -> UserError:
    return UserError(f"the reward in {folder} is damaged ({reason}); fit the reward again")
