"""A packed model is one text: meshes and textures inside, cameras added, nothing lost."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

import tcn_robot.envs  # noqa: F401 - settles MUJOCO_GL
from tcn_robot.envs.adapters.mujoco_scene import StoredScene
from tcn_robot.envs.adapters.other_scenes import SceneDescription, read_description
from tcn_robot.envs.adapters.packed_mjcf import NotPackable, is_packed, pack, unpack
from tcn_robot.envs.adapters.stored import stored_scene
from tcn_robot.envs.adapters.views import PlacedCamera, placed_cameras
from tcn_robot.envs.simulator import mujoco
from tcn_robot.errors import UserError

XML = """<mujoco>
  <compiler meshdir="shapes" texturedir="colours"/>
  <asset>
    <mesh file="wedge.stl" scale="0.1 0.1 0.1"/>
    <texture name="spots" type="2d" file="spots.png"/>
    <material name="spotted" texture="spots"/>
  </asset>
  <worldbody>
    <light pos="0 0 3"/>
    <camera name="up" pos="1 0 1" xyaxes="0 1 0 -0.7 0 0.7"/>
    <camera name="down" pos="1 0 1" xyaxes="0 -1 0 0.7 0 -0.7"/>
    <geom type="plane" size="1 1 0.1" material="spotted"/>
    <body name="thing" pos="0 0 0.2"><freejoint/>
      <geom type="mesh" mesh="wedge" rgba="1 0 0 1"/><site name="mark"/>
    </body>
  </worldbody>
</mujoco>"""
CAMERA = PlacedCamera((0.8, 0.1, 0.5), (0.0, 0.0, 0.1), 40.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    corners = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    faces = [(0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2)]
    triangles = b"".join(
        struct.pack("<12fH", 0, 0, 0, *corners[a], *corners[b], *corners[c], 0) for a, b, c in faces
    )
    (tmp_path / "shapes").mkdir()
    (tmp_path / "colours").mkdir()
    (tmp_path / "shapes" / "wedge.stl").write_bytes(bytes(80) + struct.pack("<I", 4) + triangles)
    spots = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "colours" / "spots.png"), spots)
    (tmp_path / "model.xml").write_text(XML)
    return tmp_path


def load(folder: Path) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(folder / "model.xml"))


def test_a_packed_model_needs_no_file_and_shows_the_same(folder: Path) -> None:
    model = load(folder)
    text = pack(model, folder, {"mine": CAMERA}, False, "test 1")
    assert text == pack(load(folder), folder, {"mine": CAMERA}, False, "test 1")
    assert str(folder) not in text
    (folder / "shapes" / "wedge.stl").unlink()
    (folder / "colours" / "spots.png").unlink()
    scene = stored_scene(text)
    assert isinstance(scene, StoredScene)
    assert scene.view_names == ("up", "down", "mine")
    np.testing.assert_array_equal(scene.model.mesh_vert, model.mesh_vert)
    np.testing.assert_array_equal(scene.model.tex_data, model.tex_data)
    np.testing.assert_allclose(scene.model.cam("mine").pos, CAMERA.at_metres)
    scene.close()


def test_a_state_holds_what_was_changed_in_the_model(folder: Path) -> None:
    model = load(folder)
    data = mujoco.MjData(model)
    scene = StoredScene(pack(model, folder, {}, False, "test 1"))
    scene.set_state(scene.state_of(model, data))
    before = scene.render_views(("up",), (48, 48))["up"]
    model.geom_rgba[1] = (0, 0, 1, 1)
    model.site("mark").pos = (0.3, 0.2, 0.1)
    data.qpos[0] = 0.1
    state = scene.state_of(model, data)
    scene.set_state(state)
    assert not np.array_equal(scene.render_views(("up",), (48, 48))["up"], before)
    np.testing.assert_array_equal(scene.state_of(scene.model, scene._data), state)
    with pytest.raises(UserError, match="do not belong together"):
        scene.set_state(state[:-1])
    scene.close()


def test_cameras_on_their_heads_are_turned_where_asked(folder: Path) -> None:
    for upright, up_z in ((False, -1), (True, 1)):
        model = load(folder)
        scene = StoredScene(pack(model, folder, {}, upright, "test 1"))
        mujoco.mj_forward(scene.model, scene._data)
        axes = {name: scene._data.cam(name).xmat.reshape(3, 3) for name in ("up", "down")}
        assert np.sign(axes["down"][2, 1]) == up_z
        assert axes["up"][2, 1] > 0
        np.testing.assert_allclose(axes["down"][:, 2], axes["up"][:, 2], atol=1e-5)  # line of sight
        scene.close()


def test_a_camera_by_position_looks_at_its_target(folder: Path) -> None:
    scene = StoredScene(pack(load(folder), folder, {"mine": CAMERA}, False, "test 1"))
    mujoco.mj_forward(scene.model, scene._data)
    parameters = scene.camera_parameters("mine", (60, 80))
    target = np.array(parameters["extrinsics"]) @ [*CAMERA.target_metres, 1.0]
    pixel = np.array(parameters["intrinsics"]) @ target[:3]
    np.testing.assert_allclose(pixel[:2] / pixel[2], [40.0, 30.0], atol=1e-3)
    scene.close()


def test_what_cannot_be_packed_says_so(folder: Path) -> None:
    model = load(folder)
    with pytest.raises(NotPackable, match=r"is not there"):
        pack(model, folder / "elsewhere", {}, False, "test 1")


def test_damaged_texts_are_the_users_to_mend(folder: Path) -> None:
    text = pack(load(folder), folder, {}, False, "test 1")
    assert is_packed(text)
    for damaged in (text[:-20], text.replace("geom_rgba", "geom_gone")):
        with pytest.raises(UserError, match=r"stored model"):
            stored_scene(damaged)
    plain = '<mujoco><worldbody><geom size="1"/></worldbody></mujoco>'
    assert unpack(plain).xml == plain
    assert stored_scene(plain) is None


def test_a_description_comes_back_as_it_was() -> None:
    described = SceneDescription("panda_gym/PandaPush-v3", "panda-gym 3.0.7", {"mine": CAMERA})
    assert read_description(described.text()) == described
    with pytest.raises(UserError, match="damaged"):
        read_description(described.text().replace("at_metres", "at_miles"))


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        ({"at_metres": (1, 0, 1)}, "expected at_metres, target_metres"),
        ({"at_metres": (1, 0), "target_metres": (0, 0, 0)}, "at_metres must be 3 finite"),
        ({"at_metres": (0, 0, 1), "target_metres": (0, 0, 0)}, "own up direction"),
        (
            {"at_metres": (1, 0, 1), "target_metres": (0, 0, 0), "fovy_degrees": 0},
            "between 0 and 180",
        ),
    ],
)
def test_bad_cameras_are_told(camera: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        placed_cameras({"mine": camera})


def test_a_cameras_name_becomes_a_file() -> None:
    with pytest.raises(UserError, match="cannot be a file name"):
        placed_cameras({"my/camera": CAMERA})
