"""What an embedding is trained for: pure loss functions, thin shells, and one table.

To add one: write the maths as a function of tensors, a shell that follows `Objective`, and put
it in `OBJECTIVES` (or name it `module:Class` on the command line, or register it under the entry
point `tcn_robot.objectives`).
"""

from __future__ import annotations

from tcn_robot.objectives.byol import Byol
from tcn_robot.objectives.controls import Pixels, Pretrained, Untrained
from tcn_robot.objectives.distances import negative_squared_distances
from tcn_robot.objectives.info_nce import info_nce
from tcn_robot.objectives.interface import Encoded, Losses, Objective, Setting, Step
from tcn_robot.objectives.mftcn import Mftcn
from tcn_robot.objectives.moments import Moments
from tcn_robot.objectives.n_pairs import n_pairs
from tcn_robot.objectives.progress import Progress
from tcn_robot.objectives.regularisers import RegulariserOptions, regulariser_terms
from tcn_robot.objectives.simclr import Simclr
from tcn_robot.objectives.tcc import Tcc
from tcn_robot.objectives.tcc_tcn import TccTcn
from tcn_robot.objectives.tce import Tce
from tcn_robot.objectives.tcn import Tcn
from tcn_robot.objectives.tempo import Tempo
from tcn_robot.objectives.vip import Vip
from tcn_robot.plugins import resolve

__all__ = [
    "CONTROLS",
    "OBJECTIVES",
    "Encoded",
    "Losses",
    "Moments",
    "Objective",
    "RegulariserOptions",
    "Setting",
    "Step",
    "find_objective",
    "info_nce",
    "n_pairs",
    "negative_squared_distances",
    "regulariser_terms",
]

OBJECTIVES: dict[str, type[Objective]] = {
    "tcn": Tcn,
    "tempo": Tempo,
    "simclr": Simclr,
    "byol": Byol,
    "tcc": Tcc,
    "tcc_tcn": TccTcn,
    "progress": Progress,
    "vip": Vip,
    "tce": Tce,
    "mftcn": Mftcn,
}

# Nothing is trained: what the others have to be compared with.
CONTROLS: dict[str, type[Objective]] = {
    "random": Untrained,
    "pixels": Pixels,
    "pretrained": Pretrained,
}


def find_objective(name: str) -> type[Objective]:
    """Return the objective of that name: from the table, an entry point, or `module:Class`.

    Raises:
        UserError: If there is none; the message has the nearest name.
    """
    needs = ("Options", "defaults", "sampler", "unit_length")
    table = {**OBJECTIVES, **CONTROLS}
    return resolve("objective", name, table, "tcn_robot.objectives", needs)
