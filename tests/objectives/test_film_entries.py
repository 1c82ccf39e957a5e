"""Which entries of TCE's memory bank there are, and whose each is."""

import dataclasses
import itertools

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tcn_robot.data.film_table import film_table
from tcn_robot.data.sampling import Batch, BatchOptions
from tcn_robot.errors import UserError
from tcn_robot.objectives.film_entries import slots_of
from tcn_robot.objectives.tce import Tce, TceOptions
from tcn_robot.training.step import to_moments
from tests.data.test_samplers import films_of
from tests.objectives.test_tce import adjacent_moments, scene

LENGTHS = st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=3), min_size=1, max_size=5)


def test_slots_split_a_film_into_equal_stretches():
    assert slots_of(adjacent_moments([0, 2, 2], [0, 3, 8]), 1).tolist() == [0] * 6
    assert slots_of(adjacent_moments([0, 2, 2], [0, 3, 8]), 5).tolist() == [0, 1, 4, 0, 2, 4]
    for slots, length in itertools.product((1, 2, 7, 50), (1, 2, 9)):
        every = adjacent_moments([1] * length, list(range(length)), film_frames=length + 1)
        found = slots_of(every, slots)
        assert int(found.min()) >= 0
        assert int(found.max()) < slots


def test_no_entry_stands_for_a_film_that_is_not_there():
    """Views that are missing or too short have none, and a short film has one a frame."""
    lengths = np.array([[10, 10, 10], [10, 0, 0], [1, 3, 0], [1, 1, 0]])
    options = {"bank_slots": 4, "rotation_weight": 0.0}
    objective, step = scene(films=4, anchors=3, views=3, film_frames=lengths, **options)
    assert len(objective.bank) == 4 + 4 + 4 + 4 + 3
    assert objective.num_negatives == 19 - 6  # of an anchor of the first film, two in each view
    moments = adjacent_moments([0, 1, 2], [0, 7, 0])
    moments.view[[2, 5]], moments.film_frames[[2, 5]] = 1, 3
    own = objective.entries.own(moments)
    marked = [row.nonzero().squeeze(1).tolist() for row in own]
    assert marked == [[0, 4, 8], [14, 15], [16, 17]]
    assert objective.entries.places(moments)[:3].tolist() == [0, 14, 16]
    step.moments, before = moments, objective.bank.entries.clone()
    objective(step)
    moved = (objective.bank.entries != before).any(dim=1).nonzero().squeeze(1)
    assert moved.tolist() == [0, 14, 16]


@given(LENGTHS, st.integers(1, 5), st.integers(1, 4))
def test_every_entry_can_be_an_anchors_and_the_note_says_how_many_there_are(lengths, slots, pad):
    films = films_of(lengths)
    options = TceOptions(bank_slots=slots, frame_padding=pad, bank_negatives=10**6)
    usable = [[n for n in counts if n > pad] for counts in lengths]
    size = sum(min(slots, n) for counts in usable for n in counts)
    own = max(sum(min(2, slots, n) for n in counts) for counts in usable)
    try:
        (said,) = Tce.sampler(options, films, BatchOptions(8)).notes[-1:]
    except UserError:
        assert sum(len(counts) > 0 for counts in usable) < 2 or size <= own
        return
    assert f"has {size} entries: an anchor has {size - own} negatives" in said
    table = film_table(films)
    objective, _ = scene(0, len(films), 1, 3, table.lengths, **dataclasses.asdict(options))
    assert (len(objective.bank), objective.num_negatives) == (size, size - own)
    if pad == 1:  # then every frame of a film can be an anchor
        rows = [
            (e, v, f)
            for e, v in np.argwhere(table.lengths > pad)
            for f in range(table.lengths[e, v])
        ]
        episode, view, frame = np.array(rows).T
        batch = Batch(episode, view, frame, frame, frame * 0.1, (1, len(rows)))
        places = objective.entries.places(to_moments(batch, table, torch.device("cpu")))
        assert set(places.tolist()) == set(range(size))
