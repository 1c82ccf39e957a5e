"""What is found once for all figures equals the metrics, each by itself."""

import numpy as np
import pytest

from tcn_robot.benchmarks.alignment.figures.found import EmbeddedFilm, Found
from tcn_robot.metrics import kendall_tau, progress_error


@pytest.mark.parametrize("kind", ["noise", "few states", "collapsed"])
def test_order_and_progress_in_one_search(kind):
    draw = np.random.default_rng(0)
    films = []
    for length in (40, 31):
        values = draw.normal(size=(length, 3)).astype(np.float32)
        if kind != "noise":
            values = np.round(values[:, :1]) * (kind == "few states")
        films.append(EmbeddedFilm(values, np.arange(length) / 10, np.sort(draw.random(length))))
    found = Found(*films)
    u, v = (film.embedding for film in films)
    assert found.order == kendall_tau(u, v)
    expected = progress_error(u, v, *(film.progress for film in films))
    assert found.progress_error == pytest.approx(expected, abs=1e-12)


def test_without_progress_or_a_common_clock():
    way = np.arange(6)[:, None]
    first, second = EmbeddedFilm(way, np.arange(6) / 10), EmbeddedFilm(way, np.arange(6) / 5)
    found = Found(first, second)
    assert found.progress_error is None
    assert found.order.tau_a == 1.0
    assert not found.is_synchronised
    assert set(found.clocks) == {"times_u", "times_v"}
    assert Found(first, first).clocks == {}
