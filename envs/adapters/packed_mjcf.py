"""MJCF that carries its meshes and textures within itself.

A packed model is one XML text. Its files are base64 of zlib in `<custom><text name="tcn_robot/…"/>`
elements, named by their content; `unpack` takes them out again before MuJoCo sees the text. Beside
them stands which fields of the model a package changes while it runs (it moves a drawer by moving
its body in the model): a stored state holds these after MuJoCo's own.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from tcn_robot.envs.adapters.views import PlacedCamera
from tcn_robot.errors import UserError

if TYPE_CHECKING:
    import mujoco

PREFIX = "tcn_robot/"
FILE_PREFIX = PREFIX + "file/"
FIELDS_NAME = PREFIX + "state_fields"
MADE_BY_NAME = PREFIX + "made_by"

# Meta-World moves bodies and sites, Gymnasium-Robotics sites, their colours and hidden geoms.
STATE_FIELDS = ("body_pos", "body_quat", "site_pos", "site_rgba", "geom_rgba")

_FOLDERS = {
    "mesh": ("meshdir", "assetdir"),
    "skin": ("meshdir", "assetdir"),
    "hfield": ("meshdir", "assetdir"),
    "texture": ("texturedir", "assetdir"),
}
_MOST_BYTES_PER_FILE = 1 << 28


class NotPackable(Exception):
    """A model whose text or files cannot be had; it can be filmed but not stored."""


@dataclass(frozen=True)
class PackedModel:
    """What a packed text holds.

    Attributes:
        xml: Plain MJCF.
        files: Contents of the files it names.
        state_fields: Fields of the model that a state holds after MuJoCo's own.
    """

    xml: str
    files: dict[str, bytes]
    state_fields: tuple[str, ...]


def is_packed(text: str) -> bool:
    """Whether a model's text was written by `pack`."""
    return f'name="{FIELDS_NAME}"' in text


def pack(
    model: mujoco.MjModel,
    folder: Path | None,
    cameras: Mapping[str, PlacedCamera],
    upright: bool,
    made_by: str,
) -> str:
    """Return the text of the model that was loaded last in this process.

    Args:
        model: That model; values that were changed since are written as they are now.
        folder: Folder of the file it was loaded from; its own files are named from there.
        cameras: Cameras to add.
        upright: Turn cameras that stand still upside down by half a turn.
        made_by: Package and version, for people who read the file.

    Raises:
        NotPackable: When MuJoCo cannot write the model or a file of it is not there.
    """
    root = _written(model)
    files = _take_in_files(root, folder)
    world = root.find("worldbody")
    if world is None:
        raise NotPackable("the model has no worldbody")
    if upright:
        for camera in world.findall("camera"):
            _set_upright(camera)
    for name, placed in cameras.items():
        world.append(_camera_element(name, placed))
    custom = ElementTree.SubElement(root, "custom")
    texts = {FIELDS_NAME: " ".join(STATE_FIELDS), MADE_BY_NAME: made_by}
    for name, content in sorted(files.items()):
        texts[FILE_PREFIX + name] = base64.b64encode(zlib.compress(content, 6)).decode("ascii")
    for name, data in texts.items():
        ElementTree.SubElement(custom, "text", name=name, data=data)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def unpack(text: str) -> PackedModel:
    """Return what a packed text holds; a plain MJCF is returned as it is.

    Raises:
        UserError: When the text is damaged.
    """
    if not is_packed(text):
        return PackedModel(text, {}, ())
    try:
        root = ElementTree.fromstring(text)
        files: dict[str, bytes] = {}
        fields: tuple[str, ...] = ()
        for custom in root.findall("custom"):
            for element in custom.findall("text"):
                name, data = element.get("name", ""), element.get("data", "")
                if not name.startswith(PREFIX):
                    continue
                custom.remove(element)
                if name.startswith(FILE_PREFIX):
                    files[name.removeprefix(FILE_PREFIX)] = _expanded(data)
                elif name == FIELDS_NAME:
                    fields = tuple(data.split())
            if not len(custom):
                root.remove(custom)
    except (ElementTree.ParseError, ValueError, zlib.error) as error:
        raise UserError(
            f"a stored model is damaged ({error}); restore the dataset from a copy"
        ) from error
    if unknown := set(fields) - set(STATE_FIELDS):
        raise UserError(
            f"a stored model has states of {sorted(unknown)}, which this version of tcn_robot "
            "does not know; a newer version wrote it"
        )
    return PackedModel(ElementTree.tostring(root, encoding="unicode"), files, fields)


def _expanded(data: str) -> bytes:
    # What comes from elsewhere must not fill the memory.
    return zlib.decompressobj().decompress(base64.b64decode(data), _MOST_BYTES_PER_FILE)


def _written(model: mujoco.MjModel) -> ElementTree.Element:
    from tcn_robot.envs.simulator import mujoco

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        try:
            mujoco.mj_saveLastXML(str(path), model)
        except mujoco.FatalError as error:
            raise NotPackable(str(error)) from error
        return ElementTree.fromstring(path.read_text(encoding="utf-8"))


def _take_in_files(root: ElementTree.Element, folder: Path | None) -> dict[str, bytes]:
    """Rename every file the model names after its content, and return the contents."""
    compiler = root.find("compiler")
    settings = {} if compiler is None else compiler.attrib
    files: dict[str, bytes] = {}
    for element in root.iter():
        for attribute in [name for name in element.attrib if name.startswith("file")]:
            if element.tag not in _FOLDERS:
                raise NotPackable(f"a file in <{element.tag}>")
            named = element.attrib[attribute]
            inner = next((settings[k] for k in _FOLDERS[element.tag] if k in settings), "")
            path = Path(inner) / named
            if folder is not None:
                path = folder / path
            if not path.is_file():
                raise NotPackable(f"{path} is not there")
            content = path.read_bytes()
            name = hashlib.sha256(content).hexdigest()[:16] + path.suffix.lower()
            files[name] = content
            element.set(attribute, name)
            if element.tag != "texture" and "name" not in element.attrib:
                element.set("name", Path(named).stem)  # it was named after its file
    for setting in ("meshdir", "texturedir", "assetdir"):
        settings.pop(setting, None)
    return files


def _set_upright(camera: ElementTree.Element) -> None:
    """Turn a camera that stands on its head by half a turn about its line of sight."""
    w, x, y, z = (float(part) for part in camera.get("quat", "1 0 0 0").split())
    up_z = 2.0 * (y * z + w * x) / (w * w + x * x + y * y + z * z)
    if up_z < -0.1:
        # (w, x, y, z) times (0, 0, 0, 1)
        camera.set("quat", " ".join(f"{number:.9g}" for number in (-z, y, -x, w)))


def _camera_element(name: str, camera: PlacedCamera) -> ElementTree.Element:
    rotation = camera.rotation()
    axes = np.concatenate([rotation[:, 0], rotation[:, 1]])
    return ElementTree.Element(
        "camera",
        name=name,
        pos=" ".join(f"{number:.9g}" for number in camera.at_metres),
        xyaxes=" ".join(f"{number:.9g}" for number in axes),
        fovy=f"{camera.fovy_degrees:.9g}",
    )
