"""The training core needs torch, numpy and safetensors, and nothing else."""

import subprocess
import sys

from tcn_robot.objectives import OBJECTIVES
from tests.data.films import dot_films, store_of

# Everything but the standard library, the three, and what torch itself cannot do without.
CHILD = """
import importlib.machinery, importlib.metadata, importlib.util, re, sys

def plain(name):
    return re.sub("[-_.]+", "-", name).lower()

def names_with_requirements(name, found):
    name = plain(name)
    if name in found:
        return found
    found.add(name)
    for text in importlib.metadata.requires(name) or []:
        if "extra ==" not in text:
            wanted = re.match(r"[A-Za-z0-9_.-]+", text).group()
            try:
                names_with_requirements(wanted, found)
            except importlib.metadata.PackageNotFoundError:
                pass
    return found

needed = set()
for name in ("torch", "numpy", "safetensors"):
    names_with_requirements(name, needed)
modules_of = importlib.metadata.packages_distributions()
allowed = {m for m, dists in modules_of.items() if set(map(plain, dists)) & needed} | {"tcn_robot"}
# Part of torch's wheel under names of their own, or private modules of numpy.
allowed |= {m for m, dists in modules_of.items() if set(dists) <= {"torch", "numpy"}}

class OnlyTheCore(importlib.machinery.PathFinder):
    # Finds what is allowed, as if nothing else were installed.
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in modules_of and top not in allowed:
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = OnlyTheCore
for blocked in ("tqdm", "scipy", "cv2", "tensorboard", "tyro", "gymnasium"):
    assert importlib.util.find_spec(blocked) is None, blocked

from pathlib import Path
from tcn_robot.data import FrameStore
from tcn_robot.models import load_encoder
from tcn_robot.objectives import OBJECTIVES
from tcn_robot.training import RunDescription, create_run, make_config, read_metrics, train

store = FrameStore.open(sys.argv[1])
for name in OBJECTIVES:
    folder = Path(sys.argv[2]) / name
    config = make_config(objective=name, steps=3, image_size_px=16, batch_frames=16)
    create_run(folder, RunDescription(config, (), ""))
    train(config, store, folder)
    assert read_metrics(folder)[-1]["step"] == 3
    frames = store.episodes[0].frames("front")
    assert load_encoder(folder).embed(frames).shape == (len(frames), 32)
print("trained", *OBJECTIVES)
"""


def test_every_objective_trains_with_torch_numpy_and_safetensors_alone(tmp_path):
    store_of(dot_films(0, train=2, length=12, size_px=16), tmp_path / "store", size_px=16)
    command = [sys.executable, "-c", CHILD, str(tmp_path / "store"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["trained", *OBJECTIVES]
