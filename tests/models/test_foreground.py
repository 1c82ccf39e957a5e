"""Painted frames: background black, bodies grey, things as they are; fitted, stored, looked at."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tcn_robot.errors import UserError
from tcn_robot.models import FilmOfBody, Foreground, encoder_sha256, fit_foreground, load_encoder
from tcn_robot.models.bodies import for_body
from tcn_robot.models.foreground import foreground_from_tensors, foreground_tensors
from tcn_robot.models.stages import embed_layers
from tcn_robot.models.table import untrained_encoder
from tests.models.tiny import frames, tiny

SIZE = 32
TABLE, WALL = (150, 140, 120), (60, 70, 80)
THING = (200, 20, 20)
COLOURS = {"hand": (190, 120, 80), "robot": (20, 30, 200)}
SIDES = {"front": 0, "left": 1}


def scene(view: str) -> np.ndarray:
    """Return an empty scene: a wall above a table, with a mark that tells the views apart."""
    empty = np.empty((SIZE, SIZE, 3), np.uint8)
    empty[:10], empty[10:] = WALL, TABLE
    empty[2:6, 4 + 20 * SIDES[view] : 8 + 20 * SIDES[view]] = (230, 230, 230)
    return empty


def film(body: str, view: str, seed: int, length: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Return frames (T, S, S, 3) of an arm and a thing at random places, and the arms (T, S, S)."""
    generator = np.random.default_rng(seed)
    shown = np.repeat(scene(view)[None], length, axis=0)
    arms = np.zeros(shown.shape[:3], bool)
    for t in range(length):
        x, y = generator.integers(0, SIZE - 6, 2)
        shown[t, 12 + y // 2 : 17 + y // 2, x : x + 5] = THING
        reach, column = generator.integers(6, 28), generator.integers(0, SIZE - 4)
        shown[t, :reach, column : column + 4] = COLOURS[body]
        arms[t, :reach, column : column + 4] = True
    return shown, arms


@pytest.fixture(scope="module")
def fitted() -> Foreground:
    films = [
        FilmOfBody(body, view, film(body, view, seed)[0])
        for body in COLOURS
        for view in SIDES
        for seed in range(3)
    ]
    return fit_foreground(films)


@pytest.mark.parametrize("body", COLOURS)
@pytest.mark.parametrize("view", SIDES)
def test_bodies_are_grey_things_stay_and_the_rest_is_black(fitted, body, view):
    shown, arms = film(body, view, seed=9)
    painted = fitted(torch.from_numpy(shown)).numpy()
    things = (shown == THING).all(-1) & ~arms
    assert (painted[arms] == 128).all()
    # A column of one pixel beside an arm is a speck, and no thing.
    assert (painted[things] == THING).all(-1).mean() > 0.97
    assert (painted[~arms & ~things] == 0).all()


def test_every_pixel_is_as_a_loop_says(fitted):
    shown, _ = film("robot", "left", seed=5, length=3)
    painted = fitted(torch.from_numpy(shown)).numpy()
    backgrounds = fitted.backgrounds.numpy().astype(int)
    for frame, found in zip(shown.astype(int), painted, strict=True):
        moved = np.abs(frame - backgrounds).max(-1) > 25  # (K, S, S)
        nearest = moved[moved.sum((1, 2)).argmin()]
        shared = np.zeros((SIZE, SIZE), bool)
        for y, x in np.ndindex(SIZE, SIZE):
            r, g, b = frame[y, x] // 16
            shared[y, x] = nearest[y, x] and fitted.shared_colours[(r * 16 + g) * 16 + b]
        for y, x in np.ndindex(SIZE, SIZE):
            squares = [
                shared[top : top + 2, left : left + 2].all()
                for top in (y - 1, y)
                for left in (x - 1, x)
                if 0 <= top < SIZE - 1 and 0 <= left < SIZE - 1
            ]
            wanted = frame[y, x] if any(squares) else [128 * int(nearest[y, x])] * 3
            assert found[y, x].tolist() == list(wanted)


def test_the_same_arm_looks_the_same_whosever_it_is(fitted):
    hand, arms = film("hand", "front", seed=3)
    robot = hand.copy()
    robot[arms] = COLOURS["robot"]
    a, b = (fitted(torch.from_numpy(shown)) for shown in (hand, robot))
    assert torch.equal(a, b)


def test_an_empty_scene_is_black_and_clips_are_painted_frame_by_frame(fitted):
    for view in SIDES:
        assert not fitted(torch.from_numpy(scene(view)[None])).any()
    shown = torch.from_numpy(film("hand", "left", seed=4, length=6)[0])
    clips = shown.unflatten(0, (2, 3))
    assert torch.equal(fitted(clips), fitted(shown).unflatten(0, (2, 3)))


def test_one_body_alone_is_refused():
    only = [FilmOfBody("robot", "front", film("robot", "front", 0)[0])]
    with pytest.raises(UserError, match="two bodies or more, found robot; add recordings"):
        fit_foreground(only)
    with pytest.raises(UserError, match="found no named body"):
        fit_foreground([FilmOfBody("", "front", only[0].frames)])


def test_films_without_a_background_in_common_are_refused():
    films = [FilmOfBody(body, "front", film(body, "front", 0)[0]) for body in COLOURS]
    shaken = np.random.default_rng(0).integers(0, 256, (8, 1, 1, 3)).astype(np.uint8)
    drawn = np.broadcast_to(shaken, (8, SIZE, SIZE, 3)).copy()
    with pytest.raises(UserError, match=r"% of view left differs .*films of hand"):
        fit_foreground([*films, FilmOfBody("hand", "left", drawn)])


def test_an_encoder_keeps_it_and_sees_by_it(fitted, tmp_path):
    encoder = tiny("convolutional").eval()
    shown = film("hand", "front", seed=1, length=5)[0]
    plain = encoder.embed(shown)
    before = encoder_sha256(encoder)
    encoder.foreground = fitted
    seen = encoder.embed(shown)
    assert not np.allclose(plain, seen)
    encoder.foreground = None
    assert np.array_equal(encoder.embed(fitted(torch.from_numpy(shown)).numpy()), seen)
    encoder.foreground = fitted
    assert encoder_sha256(encoder) != before
    encoder.save(tmp_path / "encoder")
    loaded = load_encoder(tmp_path / "encoder")
    assert np.array_equal(loaded.embed(shown), seen)
    assert encoder_sha256(loaded) == encoder_sha256(encoder)
    assert untrained_encoder(loaded, 0).foreground is loaded.foreground
    assert for_body(loaded, "hand") is loaded
    assert np.array_equal(embed_layers(loaded, shown[:, None], ["embedding"])["embedding"], seen)
    assert "foreground" not in "".join(loaded.state_dict())


def test_frames_of_another_size_are_painted_at_the_encoders(fitted):
    encoder = tiny("frames").eval()
    encoder.foreground = fitted
    shown = film("hand", "front", seed=1, length=5)[0].repeat(2, axis=1).repeat(2, axis=2)
    assert np.array_equal(encoder.embed(shown), encoder.embed(shown[:, ::2, ::2]))


def test_a_missing_or_damaged_file_is_one_line(fitted, tmp_path):
    encoder = tiny("convolutional").eval()
    encoder.foreground = fitted
    encoder.save(tmp_path / "encoder")
    path = tmp_path / "encoder" / "foreground.safetensors"
    whole = {name: value.clone() for name, value in load_file(path).items()}
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"foreground\.safetensors is missing, .* copy its folder"):
        load_encoder(tmp_path / "encoder")
    path.write_bytes((tmp_path / "elsewhere").read_bytes()[:100])
    with pytest.raises(UserError, match=r"foreground\.safetensors is damaged"):
        load_encoder(tmp_path / "encoder")
    for wrong in (
        {"backgrounds": whole["backgrounds"]},
        whole | {"backgrounds": whole["backgrounds"][:, :8]},
        whole | {"backgrounds": whole["backgrounds"][:0]},
        whole | {"shared_colours": whole["shared_colours"].int()},
    ):
        save_file({name: value.contiguous() for name, value in wrong.items()}, path)
        with pytest.raises(UserError, match=r"damaged: .*expected"):
            load_encoder(tmp_path / "encoder")


def test_tensors_there_and_back(fitted):
    again = foreground_from_tensors(foreground_tensors(fitted), SIZE)
    shown = torch.from_numpy(frames(2, SIZE, SIZE))
    assert torch.equal(again(shown), fitted(shown))
