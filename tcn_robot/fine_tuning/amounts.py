"""How many labels there are, as it is typed: all, 5 films of each class, 10% of them."""

from __future__ import annotations

import re

from tcn_robot.errors import UserError


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
            "--labels-per-class expects all, a number of films such as 5, or a share such as 10%, "
            f"found {amount!r}"
        )
    return (number / 100, True) if is_share else (number, False)
