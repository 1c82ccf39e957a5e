"""docs/metrics.md names every public function, and names none that there is not."""

import re

import tcn_robot.metrics
from tcn_robot.benchmarks.alignment import probes
from tests.support.source_files import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
# Parts of a figure, which the page describes with it.
PARTS = {"kendall_tau_of_sequence", "kendall_tau_of_ties"}


def functions(module):
    return {name for name in module.__all__ if name.islower()}


def test_every_function_is_on_the_page():
    public = (functions(tcn_robot.metrics) | functions(probes)) - PARTS
    assert len(public) > 25
    assert {name for name in public if f"`{name}" not in PAGE} == set()


def test_every_published_and_chance_function_that_is_named_exists():
    named = set(re.findall(r"\b((?:published|chance|best)_[a-z_]+)", PAGE))
    assert named
    assert named <= functions(tcn_robot.metrics) | functions(probes)
