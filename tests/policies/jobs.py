"""Jobs for other processes: functions that a fresh process can import."""

import os
import time
from pathlib import Path

from tcn_robot.errors import UserError


def write_process_id(path: str) -> None:
    Path(path).write_text(str(os.getpid()))


def fail_with_a_line() -> None:
    raise UserError("the film is torn; record it again")


def crash() -> None:
    raise RuntimeError("a fault of ours")


def sleep_until_stopped(path: str) -> None:
    write_process_id(path)
    try:
        time.sleep(300)
    finally:
        Path(path).with_suffix(".cleaned").touch()
