"""Which films show the same moments with another body, from another camera, in another scene.

They are found by what recordings say of their origin (`tcn-robot rerender` writes it). The hard
split is the films in which body, camera and scene are all unseen in training, against the same
moments of films as the encoder knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from tcn_robot.benchmarks.alignment.comparison import Comparison, Shown
from tcn_robot.benchmarks.alignment.held_out import HeldOutEpisode
from tcn_robot.benchmarks.alignment.seen import PARTS, Seen

HARD = "hard"
#: {recorded episode: (films that ask, films that answer)}.
_Films = dict[int, tuple[list[Shown], list[Shown]]]


@dataclass(frozen=True)
class Split:
    """Films of the same moments that differ in the same way.

    Attributes:
        unseen: Which of body, camera and scene training has not seen; None where it is not known
            what training has seen.
        differs: Which of them are other than in the films they are compared with.
        bodies: Whose films ask.
        views: From which cameras.
        comparison: What is compared.
    """

    unseen: tuple[str, ...] | None
    differs: tuple[str, ...]
    bodies: tuple[str, ...]
    views: tuple[str, ...]
    comparison: Comparison

    @property
    def is_hard(self) -> bool:
        """Whether nothing of these films was seen in training."""
        return self.unseen == PARTS

    @property
    def name(self) -> str:
        """What it is called in tables."""
        if self.unseen is None:
            kind = f"other {_listed(self.differs)}"
        else:
            kind = f"unseen {_listed(self.unseen)}" if self.unseen else "all seen"
        return f"{kind} ({', '.join(self.bodies)}: {' '.join(self.views)})"


def _listed(parts: Sequence[str]) -> str:
    return " + ".join(parts) if parts else "nothing"


def families(episodes: Sequence[HeldOutEpisode]) -> list[list[int]]:
    """Return positions of episodes that show the same moments, the recorded one first.

    Episodes belong together when one was rendered from the other, or both from a third, which
    need not be among them.

    Args:
        episodes: Episodes without hashes are alone.
    """
    group_of = list(range(len(episodes)))
    holder: dict[str, int] = {}
    for position, episode in enumerate(episodes):
        for key in episode.origin.hashes:
            if key in holder:
                first, other = group_of[holder[key]], group_of[position]
                low, high = min(first, other), max(first, other)
                group_of = [low if group == high else group for group in group_of]
            else:
                holder[key] = position
    in_order = sorted(range(len(episodes)), key=lambda i: group_of[i])
    grouped = [list(members) for _, members in groupby(in_order, key=lambda i: group_of[i])]
    return [
        sorted(members, key=lambda i: (len(episodes[i].origin.hashes), i)) for members in grouped
    ]


def originals(episodes: Sequence[HeldOutEpisode]) -> list[list[int]]:
    """Return positions of recorded episodes, one list per task, simulator, bodies and views.

    The first list is that of the first episode; the others show the task elsewhere, and only
    order and progress can be compared with them. Bodies that one recording has are together.
    """
    bodies: dict[str, set[str]] = {}
    for episode in episodes:
        bodies.setdefault(episode.origin.recording, set()).add(episode.embodiment)
    groups: dict[tuple[object, ...], list[int]] = {}
    for family in families(episodes):
        episode = episodes[family[0]]
        origin = episode.origin
        of_recording = tuple(sorted(bodies[origin.recording]))
        key = (origin.task, origin.simulator, of_recording, tuple(episode.frames))
        groups.setdefault(key, []).append(family[0])
    return sorted((sorted(group) for group in groups.values()), key=lambda group: group[0])


def splits(episodes: Sequence[HeldOutEpisode], seen: Seen | None) -> list[Split]:
    """Return every way in which films of the same moments differ, the hard split first.

    Args:
        episodes: All of them.
        seen: What the encoder was trained on, None where that is not known.

    Returns:
        One split per difference and body; where several bodies are in the hard split, one of all
        of them before those of each.
    """
    found: dict[tuple[tuple[str, ...] | None, tuple[str, ...], str], _Films] = {}
    for family in families(episodes):
        first = episodes[family[0]]
        known = [
            Shown(family[0], view)
            for view in first.frames
            if seen is None or not seen.unseen(first, view)
        ]
        reference = known or [Shown(family[0], view) for view in first.frames]
        for position in family:
            for view in episodes[position].frames:
                film = Shown(position, view)
                unseen = None if seen is None else seen.unseen(episodes[position], view)
                differs = _difference(episodes, film, reference)
                if film in reference or not (differs or unseen):
                    continue
                if unseen == PARTS and not known:
                    continue  # nothing that training has seen to compare it with
                key = (unseen, differs, episodes[position].embodiment)
                films = found.setdefault(key, {}).setdefault(family[0], ([], reference))
                films[0].append(film)
    together = [
        _split(unseen, differs, [body], [films]) for (unseen, differs, body), films in found.items()
    ]
    hard = [(body, films) for (unseen, _, body), films in found.items() if unseen == PARTS]
    if len(hard) > 1:
        bodies, several = zip(*hard, strict=True)
        together.append(_split(PARTS, PARTS, sorted(set(bodies)), several))
    return sorted(together, key=lambda one: (not one.is_hard, -len(one.bodies)))


def _difference(
    episodes: Sequence[HeldOutEpisode], film: Shown, reference: Sequence[Shown]
) -> tuple[str, ...]:
    """Return which of body, camera and scene are other than in the films of the recorded one."""
    own, first = episodes[film.episode], episodes[reference[0].episode]
    same = {
        "body": own.embodiment == first.embodiment,
        "camera": film.view in [other.view for other in reference],
        "scene": own.origin.scene == first.origin.scene,
    }
    return tuple(part for part in PARTS if not same[part])


def _split(
    unseen: tuple[str, ...] | None,
    differs: tuple[str, ...],
    bodies: Sequence[str],
    several: Sequence[_Films],
) -> Split:
    queries: dict[int, list[Shown]] = {}
    targets: dict[int, list[Shown]] = {}
    for films in several:
        for original, (asking, answering) in films.items():
            queries.setdefault(original, []).extend(asking)
            targets[original] = answering
    order = sorted(queries)
    asking = [film for original in order for film in queries[original]]
    comparison = Comparison(
        name=HARD if unseen == PARTS else "same moments",
        queries=tuple(tuple(queries[original]) for original in order),
        targets=tuple(tuple(targets[original]) for original in order),
    )
    views = tuple(dict.fromkeys(film.view for film in asking))
    return Split(unseen, differs, tuple(bodies), views, comparison)


def unpaired(
    episodes: Sequence[HeldOutEpisode], asking: Sequence[int], answering: Sequence[int]
) -> Comparison:
    """Return the comparison of two sets of episodes that have no moment in common.

    Args:
        episodes: All of them.
        asking: Positions of the episodes that ask.
        answering: Positions of those that are searched; where views have the same names, films
            are searched from their own view only.
    """
    shared = set(episodes[asking[0]].frames) & set(episodes[answering[0]].frames)
    sides = [
        tuple(
            tuple(Shown(i, view) for view in episodes[i].frames if not shared or view in shared)
            for i in positions
        )
        for positions in (asking, answering)
    ]
    return Comparison("unpaired", sides[0], sides[1], same_moments=False, same_view=bool(shared))
