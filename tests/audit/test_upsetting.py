"""Edits of pictures: what changes, what does not, the same for all frames of an episode."""

from __future__ import annotations

import numpy as np

from tcn_robot.audit.probes.upsetting import PATCH_GREY, covered, relit, shifted


def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 120, (3, 20, 24, 3)).astype(np.uint8)


def test_a_patch_covers_one_square_of_every_frame() -> None:
    before = pictures()
    after = covered(before, np.random.default_rng(1))
    changed = (after != before).any(axis=3)
    rows = np.flatnonzero(changed.any(axis=(0, 2)))
    columns = np.flatnonzero(changed.any(axis=(0, 1)))
    assert len(rows) == len(columns) == 5
    assert np.ptp(rows) == np.ptp(columns) == 4
    assert (after[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == PATCH_GREY).all()
    assert changed[:, rows][:, :, columns].all()
    assert (covered(before, np.random.default_rng(1)) == after).all()
    places = {covered(before, np.random.default_rng(seed)).tobytes() for seed in range(8)}
    assert len(places) > 1


def test_a_tiny_picture_is_covered_too() -> None:
    assert (covered(np.zeros((1, 1, 1, 3), np.uint8), np.random.default_rng(0)) == PATCH_GREY).all()


def test_a_shift_moves_and_repeats_the_border() -> None:
    before = pictures()
    after = shifted(before, np.random.default_rng(2), share=0.05)  # 1 px each way
    down, right = np.random.default_rng(2).choice([-1, 1], 2)
    expected = np.empty_like(before)
    for row in range(20):
        for column in range(24):
            source = min(max(row - down, 0), 19), min(max(column - right, 0), 23)
            expected[:, row, column] = before[:, source[0], source[1]]
    assert (after == expected).all()


def test_light_keeps_order_and_range() -> None:
    ramp = np.arange(256, dtype=np.uint8)[None, :, None, None] * np.ones((2, 1, 4, 3), np.uint8)
    after = relit(ramp, np.random.default_rng(3))
    assert after.dtype == np.uint8
    assert (np.diff(after[0, :, 0].astype(int), axis=0) >= 0).all()
    assert (after[0] == after[1]).all()
    assert (after != ramp).any()
