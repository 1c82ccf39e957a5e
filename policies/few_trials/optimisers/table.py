"""The table of optimisers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tcn_robot.policies.few_trials.optimisers.cma_es import CmaEs
from tcn_robot.policies.few_trials.optimisers.interface import Optimiser
from tcn_robot.policies.few_trials.optimisers.pi2 import Pi2, Pi2Options

#: Called with basis, action size, population, step size and generator.
OPTIMISERS: dict[str, Callable[..., Optimiser]] = {
    "cma-es": CmaEs,
    "pi2": Pi2,
    "pi2-bb": partial(Pi2, options=Pi2Options(per_step=False)),
}
