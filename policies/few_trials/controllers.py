"""Open-loop controllers that vary in time, linear in few numbers.

Each is a matrix B (H, K), one for all parts of the action; the actions of a rollout are
`clip(B @ w, -1, 1)` with one weight w (K, A) per basis function and part of the action. All are
scaled alike: weights of about 1 sum to about 1 over an episode, so that one step size fits all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tcn_robot.errors import UserError, unknown_name

#: (horizon in steps, number of basis functions) -> float64 (H, K).
Basis = Callable[[int, int], NDArray[np.float64]]

#: Share of the episode after which the way of a "path" ends and the robot rests.
PATH_SHARE = 0.75
#: How far a "path" may bend aside, as a share of how far it may lead.
BEND_SHARE = 0.5


def path(horizon_steps: int, count: int) -> NDArray[np.float64]:
    """Return the basis of a way that leads somewhere and may bend: goal and deviations, as a DMP.

    Where actions are moves, their sum is a place. The first function leads straight and evenly to
    a place, reached after three quarters of the episode and kept; each further one bends the way
    aside around its own moment and comes back (a hat function of height 1/2). So the first weight
    is the sum of all actions, whatever the others are. Differs from dynamic movement primitives
    (Ijspeert et al. 2013): nothing is integrated, so nothing has to be known of the state.

    Args:
        horizon_steps: Steps of the episode, >= 2.
        count: Number of functions, >= 1.

    Returns:
        float64 (horizon_steps, count), the increments of the way per unit of each weight.
    """
    phase = np.minimum(1.0, np.arange(1, horizon_steps + 1) / (PATH_SHARE * horizon_steps))  # (H,)
    moments = np.arange(1, count)  # of the bends, in units of the phase times `count`
    bends = BEND_SHARE * np.maximum(0.0, 1.0 - np.abs(count * phase[:, None] - moments))
    ways = np.column_stack([phase, bends])  # (H, K)
    return np.diff(ways, axis=0, prepend=0.0)


def knots(horizon_steps: int, count: int) -> NDArray[np.float64]:
    """Return the basis of actions interpolated linearly between evenly spaced knots.

    The first knot is the first step, the last one the last; a single one holds throughout.
    Rows sum to K / H: the action at a knot is K / H times its weight.
    """
    if count == 1:
        return np.full((horizon_steps, 1), 1.0 / horizon_steps)
    places = np.linspace(0.0, count - 1.0, horizon_steps)
    hats = np.maximum(0.0, 1.0 - np.abs(places[:, None] - np.arange(count)))
    return hats * (count / horizon_steps)


def radial(horizon_steps: int, count: int) -> NDArray[np.float64]:
    """Return the basis of normalised Gaussians, evenly spaced in time (Ijspeert et al. 2013).

    Their width is the distance between two. Rows sum to K / H.
    """
    places = np.linspace(0.0, max(count - 1.0, 1.0), horizon_steps)
    activations = np.exp(-0.5 * np.square(places[:, None] - np.arange(count)))
    shares = activations / activations.sum(axis=1, keepdims=True)
    return np.asarray(shares * (count / horizon_steps))


CONTROLLERS: dict[str, Basis] = {"path": path, "knots": knots, "radial": radial}


def controller_basis(name: str, horizon_steps: int, count: int) -> NDArray[np.float64]:
    """Return the basis (H, K) of a controller by its name.

    Raises:
        UserError: An unknown name, or more functions than there are steps.
    """
    if name not in CONTROLLERS:
        raise unknown_name("controller", name, CONTROLLERS)
    if not 1 <= count <= horizon_steps:
        raise UserError(
            f"expected 1 to {horizon_steps} basis functions for an episode of {horizon_steps} "
            f"steps, found {count}"
        )
    return CONTROLLERS[name](horizon_steps, count)


def actions_of(basis: NDArray[np.float64], parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the actions of controllers, in [-1, 1].

    Args:
        basis: (H, K).
        parameters: (..., K * A), the weights of each controller, K rows of A.

    Returns:
        float64 (..., H, A).
    """
    weights = parameters.reshape(*parameters.shape[:-1], basis.shape[1], -1)  # (..., K, A)
    return np.clip(np.einsum("hk,...ka->...ha", basis, weights), -1.0, 1.0)
