"""What a reward has to say about the demonstrations it was fitted on, in one line each."""

from __future__ import annotations

from collections.abc import Sequence


class RewardWarning(UserWarning):
    """One line about demonstrations that a reward was fitted on; the reward works all the same.

    Attributes:
        line: The line, with "{0}", "{1}" … in the places of the demonstrations that it names.
        demos: Indices of those demonstrations, in that order.
    """

    def __init__(self, line: str, demos: Sequence[int] = ()) -> None:
        """Keep a line and the demonstrations that it names."""
        self.line = line
        self.demos = tuple(demos)
        super().__init__(self.naming([f"demonstration {index}" for index in self.demos]))

    def naming(self, names: Sequence[str]) -> str:
        """Return the line with other names, one for each of `demos`, such as "episode 17"."""
        return self.line.format(*names)
