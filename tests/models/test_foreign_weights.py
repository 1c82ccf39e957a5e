"""Published weights: any wrapping, renamed, told apart; and nothing in a file is ever run."""

import json
import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tcn_robot.errors import UserError
from tcn_robot.models.foreign_weights import (
    guessed_key_map,
    import_weights,
    needless,
    read_key_map,
    read_weights,
    renamed,
)
from tests.models.tiny import frames, tiny


def torchvision_like(seed=5):
    """Return weights of a small ResNet-18 under the published names, with a classifier."""
    encoder = tiny("resnet", seed=seed).eval()
    encoder.train()
    encoder(torch.from_numpy(frames(4)).float())
    state = {
        name.removeprefix("backbone."): value.contiguous()
        for name, value in encoder.state_dict().items()
        if name.startswith("backbone.")
    }
    classifier = {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    return encoder, state | classifier


@pytest.mark.parametrize("prefix", ["", "module.", "encoder.", "module.encoder_q.", "backbone."])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_every_wrapping_gives_the_same_network(tmp_path, prefix, suffix):
    source, state = torchvision_like()
    state = {prefix + name: value.clone() for name, value in state.items()}
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save({"epoch": 3, "optimizer": {"state": {}}, "state_dict": state}, path)
    else:
        save_file(state, path)
    encoder = tiny("resnet")
    report = import_weights(encoder, path)
    assert {name.partition(".")[0] for name in report.missing} == {"head"}
    assert not report.misfits
    behind, others = needless("resnet", report.unused)
    assert [name.rpartition("fc.")[2] for name in behind + others] == ["bias", "weight"]
    images = torch.from_numpy(frames())
    with torch.inference_mode():
        found, wanted = encoder.eval().features(images), source.eval().features(images)
    assert torch.equal(found, wanted)


def test_a_first_convolution_is_inflated_for_differences(tmp_path):
    _, state = torchvision_like()
    torch.save(state, tmp_path / "weights.pth")
    encoder = tiny("resnet", num_frames=6, differences=True)
    report = import_weights(encoder, tmp_path / "weights.pth")
    assert report.inflated == ("backbone.conv1.weight",)
    mean = state["conv1.weight"].mean(dim=1)
    for channel in range(15):
        torch.testing.assert_close(encoder.backbone.conv1.weight[:, channel].detach(), mean)


def test_a_key_map_renames_and_leaves_out(tmp_path):
    _, state = torchvision_like()
    foreign = {"net.stem.weight": state.pop("conv1.weight"), **state}
    torch.save(foreign, tmp_path / "weights.pth")
    with pytest.raises(UserError, match=r"lacks 1 tensors .* backbone\.conv1\.weight"):
        import_weights(tiny("resnet"), tmp_path / "weights.pth")
    key_map = tmp_path / "map.json"
    key_map.write_text(json.dumps({"net.stem.": "backbone.conv1.", "": "backbone.", "fc.": None}))
    report = import_weights(tiny("resnet"), tmp_path / "weights.pth", read_key_map(key_map))
    assert not report.unused
    partial = import_weights(tiny("resnet"), tmp_path / "weights.pth", partial=True)
    assert "backbone.conv1.weight" in partial.missing


def test_the_longest_beginning_counts():
    weights = {name: torch.zeros(()) for name in ("a.b.c", "a.d", "e")}
    assert renamed(weights, {"a.": "x.", "a.b.": "y."}).keys() == {"y.c", "x.d", "e"}
    assert guessed_key_map(["m.a", "m.b", "n.a"], ["backbone.a", "backbone.b"]) == {
        "m.": "backbone."
    }


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"a": 3}', '{"a": ["b"]}'], ids=["list", "cut", "number", "nested"]
)
def test_a_key_map_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / "map.json").write_text(content)
    with pytest.raises(UserError, match="--key-map"):
        read_key_map(tmp_path / "map.json")


class Hostile:
    """What a pickle can be made to do when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("old_format", [False, True])
def test_a_hostile_file_is_refused_and_runs_nothing(tmp_path, old_format):
    trap = tmp_path / "trap"
    content = {"conv1.weight": torch.zeros(3), "extra": Hostile(trap)}
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=not old_format)
    with pytest.raises(UserError, match="would run code") as caught:
        read_weights(tmp_path / "w.pth")
    assert "\n" not in str(caught.value)
    assert not trap.exists()


@pytest.mark.parametrize("size", [0, 10, 500, -100])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_truncated_file_is_refused_in_one_line(tmp_path, size, suffix):
    _, state = torchvision_like()
    path = tmp_path / f"w{suffix}"
    torch.save(state, path) if suffix == ".pth" else save_file(state, path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(UserError) as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [3, [torch.zeros(2)], {"a": 3}, {}], ids=repr)
def test_a_file_without_named_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(UserError, match="holds no tensors by name"):
        read_weights(tmp_path / "w.pth")


def test_what_does_not_fit_is_said(tmp_path):
    with pytest.raises(UserError, match="no weights at"):
        read_weights(tmp_path / "nothing.pth")
    torch.save({"a.b": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="none of the 1 tensors"):
        import_weights(tiny("resnet"), tmp_path / "other.pth")
    _, state = torchvision_like()
    state["layer1.0.conv1.weight"] = torch.zeros(8, 8, 3, 3)
    torch.save(state, tmp_path / "shape.pth")
    with pytest.raises(UserError, match=r"are of another shape, such as backbone\.layer1"):
        import_weights(tiny("resnet"), tmp_path / "shape.pth")


def test_a_deeper_network_is_not_cut_to_a_wrong_one(tmp_path):
    _, state = torchvision_like()
    deeper = {
        name.replace("layer1.1.", "layer1.2."): value
        for name, value in state.items()
        if name.startswith("layer1.1.")
    }
    path = tmp_path / "deeper.pth"
    torch.save(state | deeper, path)
    for partial in (False, True):
        with pytest.raises(UserError, match=r"blocks, such as .*layer1\.2; .*--depth") as caught:
            import_weights(tiny("resnet"), path, partial=partial)
        assert "\n" not in str(caught.value)
    import_weights(tiny("resnet"), path, {"": "backbone.", "layer1.2.": None})
    assert not deeper.keys() & state.keys()


def test_a_dictionary_that_contains_itself_is_read(tmp_path):
    _, state = torchvision_like()
    content = {"model": state}
    content["again"] = content
    torch.save(content, tmp_path / "w.pth")
    assert read_weights(tmp_path / "w.pth").keys() == state.keys()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weight: weight.to("meta"), "without numbers"),
        (lambda weight: weight.to_sparse(), "no plain tensor but sparse_coo"),
        (lambda weight: torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8), "quantised"),
        (lambda weight: weight.to(torch.int32), "holds int32, expected floating-point"),
        (lambda weight: weight.to(torch.complex64), "holds complex64"),
        (lambda weight: weight * float("nan"), "not finite"),
    ],
    ids=["meta", "sparse", "quantised", "int", "complex", "nan"],
)
def test_tensors_that_are_no_plain_numbers_are_refused(tmp_path, change, said):
    _, state = torchvision_like()
    state["conv1.weight"] = change(state["conv1.weight"].detach())
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(UserError, match=said) as caught:
        import_weights(tiny("resnet"), tmp_path / "w.pth")
    assert "\n" not in str(caught.value)


def test_inception_takes_its_names_and_says_what_lies_behind(tmp_path):
    encoder = tiny("inception", seed=4)
    state = {
        name.removeprefix("backbone."): value.contiguous()
        for name, value in encoder.state_dict().items()
        if name.startswith("backbone.")
    }
    behind = ("Mixed_6a.branch3x3.conv.weight", "AuxLogits.fc.bias", "Mixed_7c.x", "fc.weight")
    torch.save(state | {name: torch.zeros(1) for name in behind}, tmp_path / "inception.pth")
    report = import_weights(tiny("inception"), tmp_path / "inception.pth")
    known, others = needless("inception", report.unused)
    assert len(known) == len(behind)
    assert not others


# --- weights an encoder starts from ------------------------------------------------------


@pytest.mark.parametrize("case", ["convolutional", "resnet", "inception"])
def test_an_encoder_starts_from_another_with_a_head_of_its_own(tmp_path, case):
    source = tiny(case, seed=3).eval()
    source.save(tmp_path / "source")
    encoder = tiny(case, weights=str(tmp_path / "source"), dimension=5)
    assert (encoder.config.weights, encoder.dimension, encoder.training) == ("", 5, True)
    images = torch.from_numpy(frames())
    size = encoder.image_size_px
    images = torch.nn.functional.interpolate(images.permute(0, 3, 1, 2).float(), (size, size))
    images = images.permute(0, 2, 3, 1)
    with torch.inference_mode():
        assert torch.equal(encoder.eval().features(images), source.features(images))
    same = tiny(case, weights=str(tmp_path / "source"))
    np.testing.assert_array_equal(same.embed(frames()), source.embed(frames()))


def test_weights_of_another_network_are_refused(tmp_path):
    tiny("resnet").save(tmp_path / "resnet")
    with pytest.raises(UserError, match="use --encoder resnet"):
        tiny("convolutional", weights=str(tmp_path / "resnet"))
    with pytest.raises(UserError, match="lacks"):
        tiny("resnet", stages=3, weights=str(tmp_path / "resnet"))
    with pytest.raises(UserError, match="no run at"):
        tiny("resnet", weights=str(tmp_path / "nowhere"))
