"""Starts a piece of Python several times, as torchrun would, without torchrun's own start."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_SECONDS = 600  # a machine with much else to do takes minutes to import torch


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start_processes(count: int, code: str, *arguments: object) -> list[subprocess.Popen]:
    """Start `python -c code arguments` with the environment of each rank."""
    port = free_port()
    children = []
    for rank in range(count):
        environment = os.environ | {
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(count),
            "LOCAL_WORLD_SIZE": str(count),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(port),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-c", code, *map(str, arguments)]
        children.append(
            subprocess.Popen(
                command,
                env=environment,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return children


def wait_for(children: list[subprocess.Popen]) -> list[str]:
    """Return what each has printed; fails with what the first faulty one has said."""
    try:
        outputs = [child.communicate(timeout=LONGEST_SECONDS) for child in children]
    finally:
        for child in children:  # those that wait for one which has failed
            child.kill()
    for child, (_, errors) in zip(children, outputs, strict=True):
        assert child.returncode == 0, errors
    return [output for output, _ in outputs]


def run_processes(count: int, code: str, *arguments: object) -> list[str]:
    """Start them, wait for them, and return what each has printed."""
    return wait_for(start_processes(count, code, *arguments))
