"""Gates: how much of the reward is left of a frame that does not look like the demonstrations.

A gate is a function of x = d / s, the mean distance d to the nearest demonstration frames in units
of the calibrated scale s. All are 1 at x = 0 and never rise. What tells them apart is whether they
are flat up to s, and how fast they fall far away, the *tail*: the heavier it is, the more of a
gradient is left for a policy that has gone astray, and the more a cheat is paid.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

#: Share of the reward that is left at x = d / s, (N,) >= 0 -> (N,) in [0, 1].
Gate = Callable[[NDArray[np.float64]], NDArray[np.float64]]

#: Degrees of freedom of the "student" gate.
STUDENT_DEGREES = 3.0


def smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `1 / (1 + x^2)`: Cauchy's density, Student's t of 1 degree; tail x^-2."""
    return np.asarray(1.0 / (1.0 + x**2))


def student(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `(1 + x^2 / v)^(-(v + 1) / 2)`, v = 3: Student's t; tail x^-4.

    Between the Gaussian (v to infinity) and Cauchy's (v = 1).
    """
    return np.asarray((1.0 + x**2 / STUDENT_DEGREES) ** (-0.5 * (STUDENT_DEGREES + 1.0)))


def root(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `1 / sqrt(1 + x^2)`: the inverse square root (inverse multiquadric); tail x^-1."""
    return np.asarray(1.0 / np.sqrt(1.0 + x**2))


def logarithmic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `1 / (1 + log(1 + x^2))`; falls slower than any power of x."""
    return np.asarray(1.0 / (1.0 + np.log1p(x**2)))


def gaussian(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `exp(-x^2 / 2)`: the lightest tail, 0.01 at 3 s; flat beyond."""
    return np.asarray(np.exp(-0.5 * x**2))


def heavy(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `1 / (1 + max(0, x - 1))`: pays in full up to s; tail x^-1."""
    return np.asarray(1.0 / (1.0 + np.maximum(0.0, x - 1.0)))


def exponential(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `exp(-max(0, x - 1))`: pays in full up to s, flat far away."""
    return np.asarray(np.exp(-np.maximum(0.0, x - 1.0)))


GATES: dict[str, Gate] = {
    "smooth": smooth,
    "student": student,
    "root": root,
    "logarithmic": logarithmic,
    "gaussian": gaussian,
    "heavy": heavy,
    "exponential": exponential,
}
