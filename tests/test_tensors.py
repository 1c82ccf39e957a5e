"""Tensors on disk: what is written comes back, and a full disk is told as one."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tcn_robot.tensors import write_tensors


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    tensors = {
        "turned": torch.arange(6.0).reshape(2, 3).T,  # not contiguous
        "learnt": torch.nn.Parameter(torch.ones(2)),
        "counts": torch.tensor([1, 2], dtype=torch.int64),
    }
    write_tensors(tmp_path / "all.safetensors", tensors)
    read = load_file(tmp_path / "all.safetensors")
    assert set(read) == set(tensors)
    for name, value in tensors.items():
        assert torch.equal(read[name], value.detach())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_an_error_of_the_disk() -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        write_tensors(Path("/dev/full"), {"weights": torch.zeros(1000)})
    assert caught.value.errno == errno.ENOSPC
