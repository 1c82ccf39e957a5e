"""What the policies of a run see, on disk: the encoder beside its centre and scale, checked.

In RUN/observation, for runs with --observation embedding: sight.json, encoder/. A policy's own file
says which encoder it was trained with, and which reward, where it sees the memory of one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_robot.atomic import atomic_folder
from tcn_robot.errors import UserError

if TYPE_CHECKING:
    from tcn_robot.policies.config import ImitateConfig
    from tcn_robot.policies.policy import Policy
    from tcn_robot.policies.seeing import Filming, Frames, Seeing, Sight

OBSERVATION_FOLDER = "observation"
SIGHT_FILE = "sight.json"
SIGHT_SCHEMA_VERSION = 1
# Random play that centre and scale of the embeddings are taken from.
PLAY_EPISODES = 4
PLAY_STEPS = 40


def prepare_sight(run: Path, config: ImitateConfig, body: str, size_px: int | None) -> None:
    """Write what a run's policies see into RUN/observation, unless it is there.

    Args:
        run: The run's folder.
        config: Its options, with the views filled in.
        body: The body that acts; an encoder with statistics per body sees it by its own.
        size_px: Side of the frames; None: the encoder's own.

    Raises:
        UserError: No encoder, or a task that has no proprioception.
    """
    from tcn_robot.models import for_body, load_encoder
    from tcn_robot.models.digest import encoder_digest
    from tcn_robot.policies.seeing import fit_sight

    folder = run / OBSERVATION_FOLDER
    if folder.is_dir():
        return
    assert config.encoder is not None
    encoder = load_encoder(Path(config.encoder))
    if encoder.bodies:
        encoder = for_body(encoder, body)
    size_px = size_px or encoder.image_size_px
    films = [_play(config, size_px, episode) for episode in range(PLAY_EPISODES)]
    sight = fit_sight(encoder, config.cameras, size_px, films)
    document = {
        "schema_version": SIGHT_SCHEMA_VERSION,
        "cameras": dict(sight.cameras),
        "size_px": size_px,
        "centre": [float(number) for number in sight.centre],
        "scale": sight.scale,
        "encoder": encoder_digest(encoder),
    }
    with atomic_folder(folder) as partial:
        (partial / SIGHT_FILE).write_text(json.dumps(document, indent=2) + "\n", "utf-8")
        encoder.save(partial / "encoder")


def _play(config: ImitateConfig, size_px: int, episode: int) -> dict[str, np.ndarray]:
    """Return the frames of an episode of random actions from a start for training."""
    from tcn_robot.policies.environments import make_env, training_start_seed
    from tcn_robot.policies.seeing import stacked
    from tcn_robot.rewards.wrappers import render_square

    env = make_env(config)
    generator = np.random.default_rng(episode)
    frames: list[Frames] = []
    try:
        env.reset(seed=training_start_seed(0, episode))
        for _ in range(PLAY_STEPS):
            frames.append(render_square(env, config.cameras, size_px))
            action = generator.uniform(-1.0, 1.0, env.action_space.shape)
            *_, truncated, _ = env.step(action.astype(np.float32))
            if truncated:
                break
    finally:
        env.close()
    return stacked(frames)


def load_seeing(run: Path, config: ImitateConfig) -> tuple[Seeing, Filming | None]:
    """Return what the policies of a run see, and its learned reward with what that scores.

    Frames that both look at are embedded once.

    Args:
        run: The run's folder.
        config: Its options.

    Raises:
        UserError: Something is missing or altered.
    """
    from tcn_robot.policies.seeing import Seeing

    sight = _load_sight(run / OBSERVATION_FOLDER) if config.observation == "embedding" else None
    filming = load_filming(run, config, sight)
    return Seeing(sight, filming, _described(run, config, sight, filming)), filming


def load_filming(run: Path, config: ImitateConfig, sight: Sight | None = None) -> Filming | None:
    """Return the run's learned reward with what it has to see; None: the task's own reward.

    Args:
        run: The run's folder.
        config: Its options.
        sight: What the policies see, whose encoder the reward shares where it is the same one.

    Raises:
        UserError: No reward there, or a damaged one.
    """
    if not config.learned:
        return None
    from tcn_robot.models import encoder_sha256
    from tcn_robot.policies.run import REWARD_FOLDER
    from tcn_robot.policies.seeing import Filming
    from tcn_robot.rewards import load_reward
    from tcn_robot.rewards.storage import where_fitted_with
    from tcn_robot.rewards.table import import_named

    import_named(config.reward, config.reward_options)
    folder = run / REWARD_FOLDER
    shared = None
    if sight is not None:
        encoder: Any = sight.encoder  # wrapped by what remembers its answers
        shared = where_fitted_with(folder, encoder, encoder_sha256(encoder))
    reward = load_reward(folder, shared)
    return Filming(reward, config.views, reward.image_size_px, config.cameras)


def seeing_of(folder: Path, policy: Policy) -> Seeing:
    """Return what a saved policy sees, as it was trained; nothing is read for state alone.

    Args:
        folder: The policy's folder, in a seed's folder of its run.
        policy: As loaded from there.

    Raises:
        UserError: The run's encoder or reward is missing, or another than the policy was trained
            with.
    """
    from tcn_robot.policies.config import load_config
    from tcn_robot.policies.seeing import STATE_ALONE

    trained_with = policy.metadata.get("seen")
    if not trained_with:
        return STATE_ALONE
    run = folder.resolve().parent.parent
    if not (run / "config.json").is_file():
        raise UserError(
            f"the policy in {folder} sees more than the state, by what lies in its run; found no "
            f"run in {run}: leave the policy where it was trained"
        )
    seeing, _ = load_seeing(run, load_config(run))
    found = seeing.description.get("seen", {})
    for name, digest in trained_with.items():
        if found.get(name) != digest:
            raise UserError(
                f"the policy in {folder} was trained with {name} {digest}, {run} has "
                f"{found.get(name)}; bring back the one that it was trained with"
            )
    return seeing


def _described(
    run: Path, config: ImitateConfig, sight: Sight | None, filming: Filming | None
) -> dict[str, Any]:
    """Return what a policy's file says of what it sees: which encoder, which reward's memory."""
    from tcn_robot.models.digest import encoder_digest
    from tcn_robot.policies.run import REWARD_FOLDER
    from tcn_robot.provenance import sha256_of_files
    from tcn_robot.rewards.memory import memory_size_of

    seen: dict[str, Any] = {}
    if sight is not None:
        encoder: Any = sight.encoder
        seen = {"encoder": encoder_digest(encoder), "size_px": sight.size_px}
        seen["cameras"] = dict(sight.cameras)
    if filming is not None and memory_size_of(filming.reward):
        seen["memory_of"] = sha256_of_files(run / REWARD_FOLDER)
    return {"observation": config.observation, **({"seen": seen} if seen else {})}


def _load_sight(folder: Path) -> Sight:
    """Read what `prepare_sight` has written.

    Raises:
        UserError: It is missing or damaged, or the encoder has been changed since.
    """
    from tcn_robot.models import load_encoder
    from tcn_robot.models.digest import encoder_digest
    from tcn_robot.policies.seeing import Remembering, Sight

    path = folder / SIGHT_FILE
    try:
        document = json.loads(path.read_text("utf-8"))
        version = document["schema_version"]
        cameras = {str(view): str(camera) for view, camera in document["cameras"].items()}
        centre = np.array(document["centre"], np.float32)
        size_px, scale = int(document["size_px"]), float(document["scale"])
        digest = str(document["encoder"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{path} is missing or damaged ({reason}); without it nobody knows what the policy "
            "sees: restore it or train again"
        ) from error
    if version != SIGHT_SCHEMA_VERSION:
        raise UserError(
            f"{path} has schema version {version}, expected {SIGHT_SCHEMA_VERSION}; "
            "update tcn_robot"
        )
    encoder = load_encoder(folder)
    whole = bool(cameras) and centre.shape == (len(cameras) * encoder.dimension,)
    if not (whole and np.isfinite(centre).all() and np.isfinite(scale) and scale > 0.0):
        raise UserError(
            f"{path} is damaged: expected a camera or more, a scale above 0 and "
            f"{encoder.dimension} finite numbers of centre per camera, found {len(cameras)} "
            f"cameras, scale {scale:g} and a centre of shape {centre.shape}; restore it or train "
            "again"
        )
    if (found := encoder_digest(encoder)) != digest:
        raise UserError(
            f"{folder / 'encoder'} has been changed: expected the encoder {digest}, found {found}; "
            "restore it or train again"
        )
    return Sight(Remembering(encoder), cameras, size_px, centre, scale)
