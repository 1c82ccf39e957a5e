"""What is compared with what: films by episode and view, without any embedding of them.

A comparison says which film asks and which film answers, so that the same figures serve views of
one episode, paired episodes of two bodies, and episodes of two simulators.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode


@dataclass(frozen=True)
class Shown:
    """One film: the position of its episode among all of them, and its view."""

    episode: int
    view: str


@dataclass(frozen=True)
class Comparison:
    """Films that ask, films that answer.

    Attributes:
        name: What it is called in results, such as "ordinary".
        queries: The films of each item; an item is what an interval is drawn over.
        targets: The films that are searched. Where both sides have the same moments, item i of
            both shows them.
        same_moments: Whether item i of both sides shows the same moments.
        same_view: Whether across items a film is only searched from its own view, and within an
            item from other views only.
    """

    name: str
    queries: tuple[tuple[Shown, ...], ...]
    targets: tuple[tuple[Shown, ...], ...]
    same_moments: bool = True
    same_view: bool = False

    @property
    def is_within(self) -> bool:
        """Whether the films that ask are those that answer."""
        return self.queries == self.targets

    def simultaneous(self, item: int) -> list[tuple[Shown, Shown]]:
        """Return the pairs of films of an item that show the same moments."""
        if not self.same_moments:
            return []
        if self.is_within:
            return list(combinations(self.queries[item], 2))
        pairs = product(self.queries[item], self.targets[item])
        return [(q, t) for q, t in pairs if not self.same_view or q.view != t.view]

    def across(self, query: int, target: int) -> list[tuple[Shown, Shown]]:
        """Return the pairs of films of two items whose order is compared."""
        pairs = product(self.queries[query], self.targets[target])
        return [(q, t) for q, t in pairs if not self.same_view or q.view == t.view]

    def item_pairs(self) -> Iterator[tuple[int, int]]:
        """Yield (query, target) of items that show different episodes."""
        for query, target in product(range(len(self.queries)), range(len(self.targets))):
            if query != target or not self.same_moments:
                yield query, target


def ordinary(episodes: Sequence[HeldOutEpisode], chosen: Sequence[int] | None = None) -> Comparison:
    """Return the comparison of episodes among themselves: views of one, one view across them.

    Args:
        episodes: All of them.
        chosen: Positions of those to compare; all when None.
    """
    positions = range(len(episodes)) if chosen is None else chosen
    films = tuple(tuple(Shown(i, view) for view in episodes[i].frames) for i in positions)
    return Comparison("ordinary", films, films, same_view=True)
