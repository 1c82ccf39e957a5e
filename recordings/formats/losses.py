"""What an export had to leave behind, counted: said at the end, one line each."""

from __future__ import annotations

from collections.abc import Mapping


class Losses:
    """Counts the episodes in which something was lost.

    Args:
        sentences: What each kind of loss means, by name; `{}` takes an example.
    """

    def __init__(self, sentences: Mapping[str, str]) -> None:
        self._sentences = sentences
        self._episodes: dict[str, set[int]] = {}
        self._examples: dict[str, str] = {}

    def add(self, kind: str, episode_id: int, example: object = "") -> None:
        """Note that something was lost in an episode; the first example is shown."""
        if kind not in self._sentences:
            raise ValueError(f"no such loss: {kind}")
        self._episodes.setdefault(kind, set()).add(episode_id)
        self._examples.setdefault(kind, str(example))

    @property
    def kinds(self) -> tuple[str, ...]:
        """What was lost, by name, in the order of the sentences."""
        return tuple(kind for kind in self._sentences if kind in self._episodes)

    def lines(self) -> list[str]:
        """Return one line for each kind of loss."""
        return [
            f"{kind}: {self._sentences[kind].format(self._examples[kind])} "
            f"({len(self._episodes[kind])} episodes)"
            for kind in self.kinds
        ]
