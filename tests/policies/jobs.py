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


def write_device(path: str) -> None:
    Path(path).write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
    time.sleep(0.2)


def write_result(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("{}")


def write_result_when_asked(path: str) -> None:
    """Write a note that it runs, wait for another that it may end, then write the result."""
    write_process_id(f"{path}-started")
    while not Path(f"{path}-end").exists():
        time.sleep(0.05)
    write_result(path)
