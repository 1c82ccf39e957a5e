"""Files of a reward that can be read and were altered: one line, never a traceback."""

import copy
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tcn_robot.errors import UserError
from tcn_robot.rewards import REWARDS, EnsembleReward, load_reward
from tcn_robot.rewards.table import import_named

OPTIONS = {"progress": {"gate": "heavy"}, "classifier": {"goal_frames": 2}}


@pytest.fixture(params=[*REWARDS, "ensemble"])
def saved(request, encoder, demos, tmp_path):
    """A saved reward, its document, and how to load it."""
    folder = tmp_path / "reward"
    if request.param == "ensemble":
        EnsembleReward([REWARDS["goal"].fit(encoder, demos)]).save(folder)
        return folder, [encoder]
    REWARDS[request.param].fit(encoder, demos, **OPTIONS.get(request.param, {})).save(folder)
    return folder, encoder


def refused(folder, encoder):
    with pytest.raises(UserError) as error:
        load_reward(folder, encoder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)
    return str(error.value)


def leaves(value, path=()):
    yield path
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from leaves(inner, (*path, key))


def changed(document, path, change):
    """A copy of a document with one value replaced, or removed by None."""
    found = copy.deepcopy(document)
    at = found
    for key in path[:-1]:
        at = at[key]
    if change is None:
        del at[path[-1]]
    else:
        at[path[-1]] = change
    return found


def test_every_option_of_another_type_is_one_line(saved):
    folder, encoder = saved
    file = folder / "reward.json"
    good = json.loads(file.read_text())
    for path in leaves(good["options"]):
        for change in ([], {"x": [1]}, 1e400):
            file.write_text(json.dumps(changed(good, ("options", *path), change)))
            refused(folder, encoder)
    file.write_text(json.dumps(good))
    load_reward(folder, encoder)


def test_options_that_are_missing_or_unknown_are_one_line(saved):
    folder, encoder = saved
    file = folder / "reward.json"
    good = json.loads(file.read_text())
    file.write_text(json.dumps(good | {"options": {}}))
    refused(folder, encoder)
    for name in good["options"]:
        file.write_text(json.dumps(changed(good, ("options", name), None)))
        if name in ("combine", "pessimism"):
            continue  # an ensemble has its defaults
        refused(folder, encoder)
    if "config" in good["options"]:
        file.write_text(json.dumps(changed(good, ("options", "config"), {})))
        assert "is damaged" in refused(folder, encoder)
        file.write_text(json.dumps(changed(good, ("options", "config", "gat"), 1)))
        assert "unknown option" in refused(folder, encoder)
    file.write_text(json.dumps(good)[:-1] + ', "schema_version": 1e999}')
    assert "is damaged" in refused(folder, encoder)


def test_arrays_that_do_not_fit_are_one_line(saved):
    folder, encoder = saved
    file = folder / "reward.safetensors"
    good = load_file(file) if file.exists() else {}
    for name, array in good.items():
        nothing_finite = np.full(array.shape, np.nan, dtype=np.float32)
        for other in (None, array[:0], array[..., None], array.ravel()[0], nothing_finite):
            arrays = {key: value for key, value in good.items() if key != name}
            if other is not None:
                arrays[name] = np.ascontiguousarray(other)
            save_file(arrays, file)
            refused(folder, encoder)
        save_file(good | {name: np.ascontiguousarray(array[1:])}, file)
        refused(folder, encoder)


def test_a_file_never_has_code_imported(tmp_path, monkeypatch):
    """A module of the name that the file says would leave a trace if it were imported."""
    (tmp_path / "sent_along.py").write_text(
        "open('trace', 'w').close()\nclass Reward:\n    fit = score_episode = None\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    document = {"schema_version": 1, "reward": "sent_along:Reward", "options": {}}
    (tmp_path / "reward.json").write_text(json.dumps(document))
    with pytest.raises(UserError, match="import sent_along first"):
        load_reward(tmp_path)
    assert not (tmp_path / "trace").exists()
    import_named("sent_along:Reward", {})  # by the user's own word
    assert (tmp_path / "trace").exists()
