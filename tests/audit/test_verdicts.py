"""The score and the acceptance, in closed form."""

from __future__ import annotations

import pytest

from tcn_robot.audit.probes.cheating import pays
from tcn_robot.audit.verdicts import (
    CHEAT,
    DECIDING,
    FAIL,
    NOT_APPLICABLE,
    PASS,
    ROBUST,
    TELLS,
    Finding,
    accepted,
    not_tried,
    overall_score,
)


def findings(
    area: float | None = 1.0, last: float = 1.0, voc: float = 1.0, *excesses: float
) -> list[Finding]:
    return [
        Finding("separation", TELLS, PASS, "", {"auc_return": area, "auc_last": last}),
        Finding("order", TELLS, PASS, "", {"order": voc}),
        *(Finding(f"cheat {place}", CHEAT, PASS, "", excess=excess)
          for place, excess in enumerate(excesses)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("found", "score"),
    [
        (findings(), 1.0),
        (findings(0.5, 0.5), 0.0),
        (findings(0.2, 0.1), 0.0),
        (findings(1.0, 0.8, 0.9), 0.8 * 0.9),
        (findings(None, 0.9), 0.8),
        (findings(1.0, 1.0, -0.3), 0.0),
        (findings(1.0, 1.0, 0.9, 0.1, 0.4), 0.9 * 0.6),
        (findings(1.0, 1.0, 1.0, -2.0), 1.0),
        (findings(1.0, 1.0, 1.0, 3.0), 0.0),
    ],
)
def test_the_score_is_the_product(found: list[Finding], score: float) -> None:
    assert overall_score(found) == pytest.approx(score)


def test_there_is_no_score_without_its_parts() -> None:
    assert overall_score(findings()[1:]) is None
    assert overall_score(findings()[:1]) is None
    missing = [Finding("separation", TELLS, NOT_APPLICABLE, "no failures"), findings()[1]]
    assert overall_score(missing) is None


@pytest.mark.parametrize(
    ("share", "excess", "paid"),
    [
        (0.5, 0.5, False),
        (0.7, 0.65, True),
        (0.95, 0.47, True),  # nearly a success, half of it unearned
        (1.2, 0.05, False),  # faster than the expert, and its progress is worth that
        (0.89, 0.4, False),
    ],
)
def test_what_pays(share: float, excess: float, paid: bool) -> None:
    assert pays(share, excess) is paid


def test_robustness_does_not_decide() -> None:
    assert accepted([*everything(), Finding("light", ROBUST, FAIL, "")]) is True
    assert accepted([*findings(), Finding("loop", CHEAT, FAIL, "")]) is False
    assert accepted([Finding("order", TELLS, FAIL, "")]) is False


def everything(**verdicts: str) -> list[Finding]:
    family = {"separation": TELLS, "order": TELLS, "stall": TELLS}
    return [
        Finding(name, family.get(name, CHEAT), verdicts.get(name, PASS), "") for name in DECIDING
    ]


def test_nothing_is_accepted_that_was_not_probed() -> None:
    assert accepted([]) is None
    assert accepted([Finding("body", ROBUST, PASS, "")]) is None
    assert accepted(everything()[:-1]) is None
    assert accepted(everything(separation=NOT_APPLICABLE)) is None
    assert accepted(everything(order=NOT_APPLICABLE)) is None
    assert accepted(everything(thrown=NOT_APPLICABLE)) is True
    assert accepted(everything(separation=NOT_APPLICABLE, loop=FAIL)) is False
    assert not_tried(everything(thrown=NOT_APPLICABLE)[1:]) == ["separation", "thrown"]
    assert not_tried(everything()) == []
