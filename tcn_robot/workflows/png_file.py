"""A figure as a PNG on white paper, whole or absent."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from tcn_robot.atomic import PARTIAL_PREFIX, make_folders


def write_png(figure: Any, path: Path, dots_per_inch: int = 160) -> None:
    """Write a matplotlib figure.

    Args:
        figure: Drawn in the look of the light page.
        path: Where; folders above it are created.
        dots_per_inch: Of the picture.
    """
    from tcn_robot.look import LIGHT

    make_folders(path.parent)
    descriptor, partial = tempfile.mkstemp(prefix=PARTIAL_PREFIX, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            figure.savefig(file, dpi=dots_per_inch, facecolor=LIGHT.paper, format="png")
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
