"""Scripted demonstrators of the push: an expert, and play that never does the task."""

from __future__ import annotations

import numpy as np

from tcn_robot.envs.demonstrators.failures import stops_half_way
from tcn_robot.envs.demonstrators.motion import Actions, Style, move_to, pause, step_along
from tcn_robot.envs.task_env import TaskEnv
from tcn_robot.envs.tasks.push import BLOCK_HALF_METRES, SUCCESS_METRES, Push

STAND_OFF_METRES = 0.085
CLEARANCE_METRES = 0.085
LATERAL_LIMIT_METRES = 0.028
STOP_METRES = 0.02
PLAY_LOW_METRES = np.array([0.46, -0.18])
PLAY_HIGH_METRES = np.array([0.66, 0.18])
PLAY_ZONE_DISTANCE_METRES = SUCCESS_METRES + 0.03
HAND_ZONE_DISTANCE_METRES = SUCCESS_METRES + 0.008
HAND_LOW_METRES = np.array([0.44, -0.20])
HAND_HIGH_METRES = np.array([0.70, 0.30])
NUM_STATIONS = 2
HAND_METRES_PER_FRAME = 0.035
MAX_DRAWS = 10


def expert(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Push the block into the zone, at a varied pace, with pauses and corrections."""
    style = Style.draw(generator)
    yield from pause(env, int(generator.integers(0, 4)))
    if generator.random() < 0.3:
        yield from _look_around(env, style, generator)
    while _to_zone(env) >= STOP_METRES:
        yield from go_behind(env, _task(env).zone_metres, style, generator)
        reach_frames = 60
        if generator.random() < 0.25:  # lets go half way and takes hold again
            reach_frames = int(generator.integers(3, 8))
        yield from push_towards(env, _task(env).zone_metres, style, generator, reach_frames)
        if generator.random() < 0.3:
            yield from pause(env, int(generator.integers(2, 6)))
    yield from pause(env, int(generator.integers(2, 6)))


def play(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Push the block around for long and go back to a few stations, without doing the task.

    The same stations are visited again and again with the block elsewhere each time, and while the
    tool rests there the block is put somewhere else, as a person at the table would do it (the hand
    is not shown). Only then does an encoder that tells moments of one film apart have to see the
    block and not the tool alone. A block that gets near the zone by accident is taken
    away at once.
    """
    for action in _play_about(env, generator):
        yield action
        if _to_zone(env) < HAND_ZONE_DISTANCE_METRES - 2e-3:
            yield from _take_from_zone(env)


def _play_about(env: TaskEnv, generator: np.random.Generator) -> Actions:
    low, high = _task(env).workspace_low_metres[:2], _task(env).workspace_high_metres[:2]
    stations = generator.uniform(low, high, (NUM_STATIONS, 2))
    while True:
        style = Style.draw(generator, slowest=0.7)
        target = _play_target(env, generator)
        yield from go_behind(env, target, style, generator)
        frames = int(generator.integers(4, 16))
        yield from push_towards(env, target, style, generator, frames, avoid_zone=True)
        for station in stations[generator.permutation(NUM_STATIONS)[: generator.integers(1, 3)]]:
            yield from _visit(env, station, style, generator)


def _visit(
    env: TaskEnv, station: np.ndarray, style: Style, generator: np.random.Generator
) -> Actions:
    """Go to exactly this place and stay for a moment: only what lies on the table differs."""
    yield from _go_round(env, station, style, generator)
    steady = Style(style.speed, wobble=0.0, pause_probability=0.0)
    yield from move_to(
        env, lambda: station, steady, generator, tolerance_metres=0.002, max_frames=4
    )
    yield from pause(env, int(generator.integers(1, 4)))
    for _ in range(int(generator.integers(0, 4))):
        yield from _rearrange(env, generator)


def _rearrange(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Slide the block to another place while the tool rests, well clear of tool and zone.

    Half of the places lie round the zone: what a near miss looks like is worth knowing.
    """
    for _ in range(MAX_DRAWS):
        path = _hand_path(_task(env).block_metres, _hand_target(env, generator))
        clear_of_tool = (
            np.linalg.norm(path - env.world.tip_metres[:2], axis=1).min() > CLEARANCE_METRES
        )
        to_zone = np.linalg.norm(path - _task(env).zone_metres, axis=1).min()
        if clear_of_tool and to_zone > HAND_ZONE_DISTANCE_METRES - 1e-6:
            break
    else:
        return
    for place in path:
        _task(env).move_block(place)
        yield from pause(env, 1)


def _hand_target(env: TaskEnv, generator: np.random.Generator) -> np.ndarray:
    """Draw where the hand puts the block: round the zone or anywhere."""
    if generator.random() < 0.5:
        angle, ring = generator.uniform(0, 2 * np.pi), generator.uniform(0.0, 0.08)
        way = np.array([np.cos(angle), np.sin(angle)])
        return np.asarray(_task(env).zone_metres + (HAND_ZONE_DISTANCE_METRES + ring) * way)
    return generator.uniform(HAND_LOW_METRES, HAND_HIGH_METRES)


def _hand_path(start: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the block's places on the way, (frames, 2)."""
    frames = max(2, round(float(np.linalg.norm(target - start)) / HAND_METRES_PER_FRAME))
    return np.asarray(start + np.linspace(0.0, 1.0, frames + 1)[1:, None] * (target - start))


def _take_from_zone(env: TaskEnv) -> Actions:
    """Slide the block out of the zone by hand, to where the tool is not."""
    angles = np.linspace(0.0, 2 * np.pi, 8, endpoint=False)
    ring = PLAY_ZONE_DISTANCE_METRES + 0.04
    places = _task(env).zone_metres + ring * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    places = places[((places >= PLAY_LOW_METRES) & (places <= PLAY_HIGH_METRES)).all(axis=1)]
    start = _task(env).block_metres
    target = places[np.argmax(np.linalg.norm(places - env.world.tip_metres[:2], axis=1))]
    for share in (1 / 3, 2 / 3, 1.0):
        _task(env).move_block(start + share * (target - start))
        yield from pause(env, 1)


def _inside(env: TaskEnv, place: np.ndarray) -> np.ndarray:
    """Return the nearest place (2,) in the workspace."""
    task = env.task
    return np.clip(place, task.workspace_low_metres[:2], task.workspace_high_metres[:2])


def _to_zone(env: TaskEnv) -> float:
    return float(np.linalg.norm(_task(env).zone_metres - _task(env).block_metres))


def _look_around(env: TaskEnv, style: Style, generator: np.random.Generator) -> Actions:
    """Start into a wrong direction first."""
    place = env.world.tip_metres[:2] + generator.uniform(-0.06, 0.06, 2)
    place = np.clip(
        place, _task(env).workspace_low_metres[:2], _task(env).workspace_high_metres[:2]
    )
    yield from move_to(env, lambda: place, style, generator, max_frames=6)


def _behind(env: TaskEnv, target: np.ndarray, stand_off_metres: float) -> np.ndarray:
    """Return the point on the far side of the block, seen from where it shall go."""
    block = _task(env).block_metres
    way = target - block
    direction = way / max(float(np.linalg.norm(way)), 1e-6)
    behind = block - stand_off_metres * direction
    return np.clip(
        behind, _task(env).workspace_low_metres[:2], _task(env).workspace_high_metres[:2]
    )


def _detour(env: TaskEnv, place: np.ndarray) -> np.ndarray:
    """Return the next point on a way to `place` that does not run through the block."""
    tip, block = env.world.tip_metres[:2], _task(env).block_metres
    way = place - tip
    length = float(np.linalg.norm(way))
    if length < 1e-6:
        return place
    along = float(np.clip((block - tip) @ way / length**2, 0.0, 1.0))
    offset = tip + along * way - block
    distance = float(np.linalg.norm(offset))
    if distance >= CLEARANCE_METRES - 0.01 or along in (0.0, 1.0):
        return place
    side = np.array([-way[1], way[0]]) / length
    near_side = 1.0 if offset @ side >= 0 else -1.0
    points = [block + sign * (CLEARANCE_METRES + 0.02) * side for sign in (near_side, -near_side)]
    low, high = _task(env).workspace_low_metres[:2], _task(env).workspace_high_metres[:2]
    inside = [point for point in points if (point >= low).all() and (point <= high).all()]
    return inside[0] if inside else points[0]


def _go_round(
    env: TaskEnv, place: np.ndarray, style: Style, generator: np.random.Generator
) -> Actions:
    """Go to a place without touching the block on purpose."""
    for _ in range(4):
        if np.linalg.norm(place - env.world.tip_metres[:2]) < 0.02:
            return
        point = _detour(env, place)
        yield from move_to(env, lambda point=point: point, style, generator, max_frames=25)  # type: ignore[misc]


def go_behind(
    env: TaskEnv, target: np.ndarray, style: Style, generator: np.random.Generator
) -> Actions:
    """Go round the block to the side from which it can be pushed to the target."""
    for _ in range(5):
        behind = _behind(env, target, STAND_OFF_METRES)
        if np.linalg.norm(behind - env.world.tip_metres[:2]) < 0.015:
            return
        point = _detour(env, behind)
        yield from move_to(env, lambda point=point: point, style, generator, max_frames=30)  # type: ignore[misc]


def push_towards(
    env: TaskEnv,
    target: np.ndarray,
    style: Style,
    generator: np.random.Generator,
    max_frames: int,
    avoid_zone: bool = False,
) -> Actions:
    """Push the block to a target from behind; stop when it is there or slips to the side."""
    pace = style.speed
    for _ in range(max_frames):
        tip, block = env.world.tip_metres[:2], _task(env).block_metres
        way = target - block
        distance = float(np.linalg.norm(way))
        if distance < 0.012 or (avoid_zone and _to_zone(env) < PLAY_ZONE_DISTANCE_METRES):
            return
        direction = way / distance
        from_block = tip - block
        lateral = from_block - (from_block @ direction) * direction
        if np.linalg.norm(lateral) > LATERAL_LIMIT_METRES or from_block @ direction > 0:
            yield from _back_off(env, direction, style)
            return
        if generator.random() < style.pause_probability:
            yield from pause(env, int(generator.integers(2, 8)))
            pace = float(np.clip(style.speed * generator.uniform(0.6, 1.4), 0.3, 1.0))
            continue
        step = min(distance, env.task.action_scale_metres)
        yield step_along(env, step * direction - 0.6 * lateral, pace, np.zeros(2))


def _back_off(env: TaskEnv, direction: np.ndarray, style: Style) -> Actions:
    """Leave the block backwards, so that it can be taken from behind again."""
    for _ in range(3):
        yield step_along(env, -env.task.action_scale_metres * direction, style.speed, np.zeros(2))


def _play_target(env: TaskEnv, generator: np.random.Generator) -> np.ndarray:
    """Draw a place for the block that is not the zone and for which there is room behind it."""
    room = BLOCK_HALF_METRES + 0.05
    for _ in range(50):
        target = generator.uniform(PLAY_LOW_METRES, PLAY_HIGH_METRES)
        far = np.linalg.norm(target - _task(env).zone_metres) > PLAY_ZONE_DISTANCE_METRES + 0.02
        behind = _behind(env, target, room)
        reachable = np.linalg.norm(behind - _task(env).block_metres) > room - 0.005
        if far and reachable and np.linalg.norm(target - _task(env).block_metres) > 0.06:
            return target
    return np.array([0.54, -0.02])


def _task(env: TaskEnv) -> Push:
    assert isinstance(env.task, Push)
    return env.task


def _misses(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Push the block to a place beside the zone, as if that were it."""
    style = Style.draw(generator)
    angle = generator.uniform(0.0, 2 * np.pi)
    ring_metres = generator.uniform(0.08, 0.13)
    away = ring_metres * np.array([np.cos(angle), np.sin(angle)])
    place = np.clip(_task(env).zone_metres + away, PLAY_LOW_METRES, PLAY_HIGH_METRES + 0.06)
    for _ in range(4):
        yield from go_behind(env, place, style, generator)
        yield from push_towards(env, place, style, generator, 60)
        if np.linalg.norm(place - _task(env).block_metres) < 0.03:
            break
    yield from pause(env, int(generator.integers(3, 8)))


def _undoes_it(env: TaskEnv, generator: np.random.Generator) -> Actions:
    """Push the block into the zone and out of it again."""
    yield from expert(env, generator)
    style = Style.draw(generator, slowest=0.7)
    away = np.array([generator.uniform(0.50, 0.64), generator.uniform(-0.02, 0.05)])
    for _ in range(3):
        yield from go_behind(env, away, style, generator)
        yield from push_towards(env, away, style, generator, 60)
        if np.linalg.norm(away - _task(env).block_metres) < 0.03:
            return


FAILURES = {
    "miss": _misses,
    "stop": stops_half_way(expert),
    "undo": _undoes_it,
}
