"""Two processes equal one: rows, gathering with gradients, averaging."""

import sys

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.models.norms import BodyBatchNorm, FrozenBatchNorm
from tcn_robot.training.processes import (
    SingleProcess,
    is_main_process,
    join_processes,
    launched_processes,
    leaves_talking,
    rows_of,
    running_statistics,
)
from tests.support.processes import run_processes

STEPS = 6


@pytest.mark.parametrize("count", range(1, 14))
@pytest.mark.parametrize("world_size", [1, 2, 3, 5])
def test_gathered_blocks_are_the_batch(world_size, count):
    blocks = [rows_of(rank, world_size, count) for rank in range(world_size)]
    assert len({len(block) for block in blocks}) == 1
    assert torch.equal(torch.cat(blocks)[:count], torch.arange(count))
    assert all(0 <= row < count for block in blocks for row in block.tolist())


def network():
    """An encoder without norms, and a head that sees the whole batch."""
    generator = torch.Generator().manual_seed(0)
    encoder = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4))
    head = torch.nn.Linear(4, 4)
    for parameter in (*encoder.parameters(), *head.parameters()):
        parameter.data = torch.randn(parameter.shape, generator=generator) / 2
    return encoder, head


def contrastive_loss(embedded):
    """InfoNCE between the two halves: every row is a negative of every other."""
    half = len(embedded) // 2
    similarity = embedded[:half] @ embedded[half : 2 * half].T
    return similarity.logsumexp(dim=1).sub(similarity.diagonal()).mean()


def trained(processes, count, *, negatives_of_all=True):
    """Return the weights after a few steps on batches of `count` rows."""
    encoder, head = network()
    optimizer = torch.optim.SGD([*encoder.parameters(), *head.parameters()], lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(1)
    for _ in range(STEPS):
        batch = torch.randn(count, 6, generator=generator)
        rows = processes.rows(count)
        embedded = processes.gather(encoder(batch[rows]), count)
        if not negatives_of_all:  # what a loss on a process's own rows would be
            embedded = embedded[rows]
        loss = contrastive_loss(head(embedded))
        optimizer.zero_grad()
        loss.backward()
        processes.average_gradients([*encoder.parameters(), *head.parameters()])
        optimizer.step()
    return torch.cat([p.detach().flatten() for p in (*encoder.parameters(), *head.parameters())])


CHILD = """
import sys
import numpy as np, torch
from tcn_robot.training.processes import join_processes
from tests.training.test_processes import trained

processes = join_processes("cpu")
rank = processes.rank
assert processes.world_size == 2
assert processes.device.type == "cpu"
found = {}
for count in (12, 7, 1):
    found[f"all_{count}"] = trained(processes, count).numpy()
found["own"] = trained(processes, 12, negatives_of_all=False).numpy()
gathered = processes.gather(processes.rows(5)[:, None] * 10, 5)
assert gathered[:, 0].tolist() == [0, 10, 20, 30, 40]
assert processes.any_of(rank == 1)
assert not processes.any_of(False)
assert processes.first_of("über" if rank == 1 else None) == "über"
assert processes.first_of("longer" if rank == 0 else "two") == "longer"
assert processes.first_of(None) is None
norm = torch.nn.BatchNorm1d(2)
norm.running_mean += rank
norm.num_batches_tracked += 3
processes.average_buffers(norm)
assert norm.running_mean.tolist() == [0.5, 0.5]
assert norm.num_batches_tracked == 3
one, two = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(2))
one.grad = torch.full((2,), 4.0 * rank)
processes.average_gradients([one, two])
assert one.grad.tolist() == [2, 2] and two.grad is None
processes.barrier()
if processes.is_main:
    np.savez(sys.argv[1], **found)
print("rank", rank, processes.is_main)
"""


def test_statistics_that_a_training_changes_are_those_of_norms_that_are_not_frozen():
    network = torch.nn.Sequential(
        torch.nn.BatchNorm2d(3),
        torch.nn.GroupNorm(1, 3),
        FrozenBatchNorm(3),
        torch.nn.BatchNorm2d(3, track_running_stats=False),
        torch.nn.BatchNorm2d(3).eval(),
        BodyBatchNorm(3, 2),
    )
    found = running_statistics(network)
    wanted = [network[0].running_mean, network[0].running_var]
    wanted += [network[5].running_mean, network[5].running_var]
    assert [id(values) for values in found] == [id(values) for values in wanted]


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    path = tmp_path_factory.mktemp("processes") / "weights.npz"
    printed = run_processes(2, CHILD, path)
    assert [text.splitlines()[-1] for text in printed] == ["rank 0 True", "rank 1 False"]
    with np.load(path) as weights:
        return dict(weights)


@pytest.mark.parametrize("count", [12, 7, 1])
def test_two_processes_over_gloo_equal_one(of_two, count):
    """Also where a process has fewer rows than the other, or none of its own."""
    alone = trained(SingleProcess(torch.device("cpu")), count).numpy()
    np.testing.assert_allclose(of_two[f"all_{count}"], alone, rtol=0, atol=1e-5)


def test_negatives_really_come_from_the_other_process(of_two):
    alone = trained(SingleProcess(torch.device("cpu")), 12).numpy()
    assert np.abs(of_two["own"] - alone).max() > 0.01


def test_one_process_leaves_everything_as_it_is(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    processes = join_processes("cpu")
    assert isinstance(processes, SingleProcess)
    assert (processes.rank, processes.world_size, processes.is_main) == (0, 1, True)
    values = torch.ones(3, 2)
    assert processes.gather(values, 3) is values
    assert processes.any_of(True)
    assert processes.first_of("a fault") == "a fault"
    assert processes.first_of(None) is None
    assert is_main_process()


def test_one_process_says_a_fault(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert not leaves_talking(known_to_all=True)
    monkeypatch.setenv("WORLD_SIZE", "4")
    for rank, local_rank, silent in (("0", "0", False), ("1", "1", True), ("2", "0", False)):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("LOCAL_RANK", local_rank)
        assert leaves_talking(known_to_all=False) == silent
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    assert leaves_talking(known_to_all=True)
    assert not leaves_talking(known_to_all=False)


def test_the_environment_is_read(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "2")
    assert launched_processes() == 4
    assert not is_main_process()
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(UserError, match="start the processes with torchrun"):
        join_processes("cpu")
    monkeypatch.setenv("WORLD_SIZE", "four")
    with pytest.raises(UserError, match="number of processes, found 'four'"):
        launched_processes()


def test_without_fabric_the_command_that_mends_it_is_said(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    monkeypatch.delitem(sys.modules, "tcn_robot.training.fabric_processes", raising=False)
    with pytest.raises(UserError, match=r"pip install 'tcn-robot\[distributed\]'"):
        join_processes("cpu")
