"""What is promised of every objective in the table, through the real loop on small films."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_robot.data.sampling import BatchOptions
from tcn_robot.errors import UserError
from tcn_robot.objectives import OBJECTIVES
from tcn_robot.training import TrainConfig, make_config
from tcn_robot.training.checkpoint import save_checkpoint
from tcn_robot.training.flat import leaves
from tcn_robot.training.loop import forward, open_batches, optimise, prepare, start
from tcn_robot.training.precision import Precision
from tcn_robot.training.run_folder import STATE_FOLDER
from tcn_robot.training.step import TrainingStep, to_moments
from tests.data.films import dot_films, store_of
from tests.data.test_samplers import films_of

NAMES = sorted(OBJECTIVES)
every_objective = pytest.mark.parametrize("name", NAMES)
# What small films need besides the defaults.
SMALL: dict[str, dict[str, Any]] = {}
LENGTHS = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=3), min_size=1, max_size=5)


def small_config(name: str, **values: Any) -> TrainConfig:
    usual = {"image_size_px": 16, "dimension": 8, "batch_frames": 16, "episodes_per_batch": 2}
    usual |= {"steps": 6, "warmup_steps": 1, "precision": "fp32"}
    return make_config(name, **usual | SMALL.get(name, {}) | values)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    films = dot_films(seed=0, train=5, length=14, size_px=16)
    return store_of(films, tmp_path_factory.mktemp("films") / "store", size_px=16)


def run(config, store, folder, steps):
    """Take some steps from where the folder is; return the state and what the steps said."""
    parts = prepare(config, store)
    state = start(config, parts, folder)
    return state, [optimise(config, parts, state).scalars for _ in range(steps)]


def tensors(state) -> dict[str, torch.Tensor]:
    found = {f"encoder.{name}": value for name, value in state.encoder.state_dict().items()}
    found |= {f"objective.{name}": value for name, value in state.objective.state_dict().items()}
    return {name: value.clone() for name, value in found.items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    assert first.keys() == second.keys()
    return all(torch.equal(value, second[name]) for name, value in first.items())


@every_objective
def test_steps_are_finite_and_reach_every_trained_weight(name, store, tmp_path):
    config = small_config(name)
    parts = prepare(config, store)
    state = start(config, parts, tmp_path)
    weights = {
        f"{part}.{weight}": parameter
        for part, module in (("encoder", state.encoder), ("objective", state.objective))
        for weight, parameter in module.named_parameters()
        if parameter.requires_grad
    }
    reached = dict.fromkeys(weights, False)
    for _ in range(3):
        scalars = optimise(config, parts, state).scalars
        assert all(bool(value.isfinite()) for value in scalars.values()), scalars
        assert any(key.startswith("terms/") for key in scalars)
        for weight, parameter in weights.items():
            reached[weight] |= parameter.grad is not None and bool(parameter.grad.any())
    assert not [weight for weight, was in reached.items() if not was]


@every_objective
def test_what_is_minimised_is_the_sum_of_all_terms(name, store, tmp_path, monkeypatch):
    """The loss that the loop goes back from, against the terms of the same batch, added up here."""
    config, minimised = small_config(name, variance_weight=0.5), []
    backward = Precision.backward
    monkeypatch.setattr(
        Precision, "backward", lambda self, loss: (minimised.append(loss), backward(self, loss))
    )
    _, (scalars,) = run(config, store, tmp_path / "a", 1)
    parts = prepare(config, store)
    state = start(config, parts, tmp_path / "b")
    with open_batches(config, parts) as batches:
        step, losses = forward(config, parts, state, batches)
    for key, term in losses.terms.items():
        assert term.shape == (), key
        assert bool(term.isfinite()), key
        assert term.requires_grad, key
    seen = step.seen.detach().double().numpy()
    scale = seen.shape[1] ** 0.5 if config.encoder_options.unit_length else 1.0
    spread = np.sqrt((scale * seen).var(axis=0, ddof=1) + 1e-4)
    variance = 0.5 * np.maximum(0, 1 - spread).mean()
    own = [float(term.detach()) for key, term in losses.terms.items() if key != "variance"]
    (loss,) = minimised
    assert float(loss.detach()) == pytest.approx(math.fsum([*own, variance]), rel=1e-4)
    assert float(scalars["loss"]) == float(loss.detach())


@every_objective
def test_same_seed_same_weights_and_another_seed_others(name, store, tmp_path):
    first, _ = run(small_config(name), store, tmp_path / "a", 3)
    again, _ = run(small_config(name), store, tmp_path / "b", 3)
    other, _ = run(small_config(name, seed=1), store, tmp_path / "c", 3)
    assert same(tensors(first), tensors(again))
    assert not same(tensors(first), tensors(other))


@every_objective
def test_resumed_after_three_steps_is_the_same_bit_for_bit(name, store, tmp_path):
    config = small_config(name)
    straight, said = run(config, store, tmp_path / "straight", 6)
    half, _ = run(config, store, tmp_path / "resumed", 3)
    save_checkpoint(half, tmp_path / "resumed" / STATE_FOLDER)
    resumed, said_later = run(config, store, tmp_path / "resumed", 3)
    assert same(tensors(straight), tensors(resumed))
    for before, after in zip(said[3:], said_later, strict=True):
        assert {key: float(value) for key, value in before.items()} == {
            key: float(value) for key, value in after.items()
        }


@every_objective
def test_the_random_numbers_of_others_are_left_alone(name, store, tmp_path):
    """All randomness comes from the generators that are handed in."""
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002 - the state that nobody may touch
    before, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    run(small_config(name), store, tmp_path, 2)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], before_numpy)  # noqa: NPY002


@every_objective
def test_the_batch_is_not_changed(name, store, tmp_path):
    config = small_config(name)
    parts = prepare(config, store)
    state = start(config, parts, tmp_path)
    batch = parts.sampler.draw(state.sampling_rng)
    columns = ("episode", "view", "frame", "moment", "time_seconds")
    before = {column: getattr(batch, column).copy() for column in columns}
    moments = to_moments(batch, parts.store.films, parts.device)
    images = given_images(config, parts, batch)
    kept = images.clone()
    losses = state.objective(
        TrainingStep(
            moments=moments,
            images=images,
            encoder=state.encoder,
            progress=0.4,
            generator=torch.Generator().manual_seed(0),
            precision=state.precision,
            processes=parts.processes,
        )
    )
    torch.stack([*losses.terms.values()]).sum().backward()
    assert torch.equal(images, kept)
    for column, values in before.items():
        assert np.array_equal(getattr(batch, column), values)
        assert np.array_equal(getattr(moments, column).numpy(), values)


def given_images(config: TrainConfig, parts, batch) -> torch.Tensor:
    """Frames of a batch as the encoder takes them, without augmentation."""
    images = parts.frames.gather(batch).float()
    count = config.encoder_options.num_frames
    return images if count == 1 or images.ndim == 5 else images[:, None].repeat(1, count, 1, 1, 1)


@every_objective
def test_bf16_is_near_fp32(name, store, tmp_path):
    losses = []
    for precision in ("fp32", "bf16"):
        config = small_config(name, precision=precision)
        _, (scalars,) = run(config, store, tmp_path / precision, 1)
        losses.append(float(scalars["loss"]))
    assert losses[1] == pytest.approx(losses[0], rel=0.1, abs=0.1)


@every_objective
@settings(max_examples=25)
@given(lengths=LENGTHS, seed=st.integers(0, 3))
def test_films_of_any_length_give_a_batch_in_range_or_one_line(name, lengths, seed) -> None:
    films, config = films_of(lengths, seed), small_config(name)
    try:
        sampler = OBJECTIVES[name].sampler(config.objective_options, films, config.batch)
    except UserError as error:
        return None if is_clear(error) else pytest.fail(str(error))
    assert all("\n" not in note for note in sampler.notes)
    for _ in range(3):
        batch = sampler.draw(np.random.default_rng(seed))
        assert len(batch) == np.prod(batch.shape) > 0
        assert len(batch) <= config.batch.batch_frames
        for column in ("episode", "view", "frame", "moment"):
            assert getattr(batch, column).dtype == np.int64
        for e, v, f, t in zip(
            batch.episode, batch.view, batch.frame, batch.time_seconds, strict=True
        ):
            times = films[e].timestamps(films[e].views[v])
            assert 0 <= f < len(times)
            assert t == times[f]
        check_moments(batch)


def is_clear(error: UserError) -> bool:
    return "\n" not in str(error) and "found" in str(error) and len(str(error)) < 400


def check_moments(batch) -> None:
    """A moment belongs to one episode: labels are never shared between films of a batch."""
    owners = {}
    for moment, episode in zip(batch.moment.tolist(), batch.episode.tolist(), strict=True):
        assert owners.setdefault(moment, episode) == episode


@every_objective
@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_tiny_films_are_trained_on_or_refused_in_one_line(name, length, tmp_path) -> None:
    films = dot_films(seed=0, train=2, length=length, size_px=16)
    store = store_of(films, tmp_path / "store", size_px=16)
    try:
        state, said = run(small_config(name), store, tmp_path / "run", 2)
    except UserError as error:
        return None if is_clear(error) else pytest.fail(str(error))
    assert all(bool(value.isfinite()) for scalars in said for value in scalars.values()), said
    assert all(bool(value.isfinite().all()) for value in tensors(state).values())


@every_objective
def test_a_sampler_draws_the_same_from_the_same_generator(name, store):
    config = small_config(name)
    sampler = prepare(config, store).sampler
    first, second = (sampler.draw(np.random.default_rng(5)) for _ in range(2))
    assert first.shape == second.shape
    for column in ("episode", "view", "frame", "moment", "time_seconds"):
        assert np.array_equal(getattr(first, column), getattr(second, column))


@every_objective
def test_no_films_at_all_is_one_line(name):
    objective = OBJECTIVES[name]
    with pytest.raises(UserError, match="found") as caught:
        objective.sampler(objective.Options(), [], BatchOptions())
    assert is_clear(caught.value)


@every_objective
def test_options_are_frozen_typed_documented_and_have_defaults(name):
    options = OBJECTIVES[name].Options
    assert dataclasses.is_dataclass(options)
    assert options.__dataclass_params__.frozen
    told = " ".join(kind.__doc__ or "" for kind in options.__mro__)
    for field in dataclasses.fields(options):
        assert field.default is not dataclasses.MISSING, field.name
        assert f"{field.name}:" in told, field.name
    assert OBJECTIVES[name].unit_length(options()) in (True, False)


@every_objective
def test_there_is_a_page_about_it(name, root):
    """Its own, or that of a relative, with its command and all of its options."""
    pages = [page.read_text("utf-8") for page in (root / "docs" / "objectives").glob("*.md")]
    about = [page for page in pages if re.search(rf"--objective {name}\b", page)]
    assert about
    assert any("benchmarks.md#objectives" in page for page in about)
    for field in dataclasses.fields(OBJECTIVES[name].Options):
        flag = field.name.replace("_", "-")
        assert any(flag in page or field.name in page for page in about), field.name


@every_objective
def test_the_defaults_on_its_page_are_the_defaults(name, root):
    """In the table of options; what a page leaves to another page stands there."""
    config = dict(leaves(make_config(name)))
    pages = root / "docs" / "objectives"
    told = told_defaults((pages / f"{name}.md").read_text("utf-8"))
    for field in dataclasses.fields(OBJECTIVES[name].Options):
        if field.name not in told:
            base = {"mftcn": "tcn", "tcc_tcn": "tcc"}[name]
            inherited = told_defaults((pages / f"{base}.md").read_text("utf-8"))
            told[field.name] = "npairs" if field.name == "loss" else inherited[field.name]
    for option, cell in told.items():
        assert is_told(config[option], cell), (option, config[option], cell)


def told_defaults(page: str) -> dict[str, str]:
    """Return what the tables of options say, by name; rows that say nothing are left out."""
    told = {}
    for table in re.findall(r"\| option \| default \|.*\n\|[-|]+\n((?:\|.*\n)+)", page):
        for row in table.splitlines():
            first, default = (cell.strip() for cell in row.split("|")[1:3])
            names = [found for found in re.findall(r"--([a-z-]+)", first) if found[:3] != "no-"]
            cells = default.split(", ")
            cells = cells if len(cells) == len(names) else [default] * len(names)
            told |= {name.replace("-", "_"): cell for name, cell in zip(names, cells, strict=True)}
    return {name: cell for name, cell in told.items() if cell}


def is_told(value: object, cell: str) -> bool:
    """Whether a cell begins with a default; None is told in words of the page's own."""
    word = re.split(r"[ ,;]", cell.replace("`", "").replace("\N{MINUS SIGN}", "-"))[0]
    if value is None:
        return True
    if isinstance(value, bool):
        return word == ("on" if value else "off")
    return word == value if isinstance(value, str) else float(word.replace(",", "")) == value
