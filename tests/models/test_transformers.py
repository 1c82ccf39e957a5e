"""Networks of `transformers`: from scratch, from a folder, frozen, saved without the original."""

import json
import shutil
import sys

import numpy as np
import pytest
import torch

from tcn_robot.errors import UserError
from tcn_robot.models import (
    TransformersConfig,
    TransformersEncoder,
    load_encoder,
    seeded_generator,
    untrained_encoder,
)
from tests.models.tiny import frames

LAYERS = {"num_hidden_layers": 2, "num_attention_heads": 2}
VIT = {**LAYERS, "hidden_size": 16, "intermediate_size": 32, "patch_size": 8}
DINOV2 = {**LAYERS, "hidden_size": 16, "mlp_ratio": 2, "patch_size": 8}
TYPES = {
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
    "convnext": {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2},
    "convnextv2": {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2},
    "vit": VIT,
    "dinov2": DINOV2,
    "dinov2_with_registers": DINOV2,
    "dinov3_vit": {**VIT, "num_register_tokens": 4},
    "dinov3_convnext": {"hidden_sizes": [8, 16, 16, 16], "depths": [1, 1, 1, 1]},
}
HAVE_CLASS_TOKENS = {"vit", "dinov2", "dinov2_with_registers", "dinov3_vit"}
# Of a preprocessor_config.json.
BAD_COLOURS = (
    *('{"image_std": [0]}', '{"image_mean": [0, 0, NaN]}', '{"image_mean": 3}', "[]", "3"),
    *('{"rescale_factor": 0}', '{"rescale_factor": "a"}', '{"rescale_factor": NaN}', "[1, 2"),
)
SMALL_HEAD = {"head": "tcn", "head_channels": 8, "head_hidden": 16}


def make(model_type, **options):
    values = {
        "image_size_px": 64,
        "dimension": 8,
        "model_type": model_type,
        "model_options": json.dumps(TYPES.get(model_type, {})),
        **options,
    }
    return TransformersEncoder(TransformersConfig(**values), seeded_generator(0))


def test_a_missing_package_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"pip install 'tcn-robot\[backbones\]'") as caught:
        make("vit")
    assert "\n" not in str(caught.value)


# The package alone takes seconds to import.
@pytest.mark.slow
class TestNetworks:
    @pytest.mark.parametrize("model_type", TYPES)
    def test_every_type_embeds_trains_and_is_saved_whole(self, model_type, tmp_path):
        torch.manual_seed(1)
        before = torch.get_rng_state()
        encoder = make(model_type)
        encoder(torch.from_numpy(frames(3, 64, 64)).float()).sum().backward()
        assert torch.equal(torch.get_rng_state(), before)  # nothing draws from the global one
        film = frames(7, 40, 48)
        embedded = encoder.embed(film)
        assert embedded.shape == (7, 8)
        for batch_frames in (1, 3, 64):
            again = encoder.embed(film, batch_frames=batch_frames)
            np.testing.assert_allclose(again, embedded, atol=1e-5)
        encoder.save(tmp_path / "encoder")
        loaded = load_encoder(tmp_path / "encoder")
        assert loaded.config == encoder.config
        assert np.array_equal(loaded.embed(film), embedded)
        other = untrained_encoder(loaded, seed=5)
        assert not np.allclose(other.embed(film), embedded, atol=1e-3)

    @pytest.mark.parametrize("model_type", TYPES)
    def test_maps_of_every_type_feed_the_tcn_head(self, model_type):
        encoder = make(model_type, **SMALL_HEAD, num_frames=2, trainable="last-1").eval()
        assert encoder.embed(frames(3, 64, 64)).shape == (3, 8)
        maps, pooled = encoder.look(torch.rand(2, 6, 64, 64))
        assert maps.ndim == 4
        assert maps.shape[1] == pooled.shape[1] == 16
        trained = {n for n, p in encoder.named_parameters() if p.requires_grad}
        frozen = {n for n, p in encoder.named_parameters() if not p.requires_grad}
        assert any(name.startswith("backbone.") for name in trained)
        assert any("embed" in name or "stages.0" in name for name in frozen)
        all_frozen = make(model_type, trainable="head")
        assert all(not p.requires_grad for p in all_frozen.backbone.parameters())
        all_frozen.train()
        leaves = [m for m in all_frozen.backbone.modules() if not list(m.children())]
        assert not any(module.training for module in leaves)

    def test_patches_stand_where_they_are_in_the_image(self):
        encoder = make("dinov2", pooling="mean").eval()
        dark, spot = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
        spot[:, :, 8:16, 40:48] = 100.0  # the patch of row 1, column 5
        difference = (encoder.look(spot)[0] - encoder.look(dark)[0]).abs().sum(dim=1)[0]
        assert divmod(int(difference.argmax()), 8) == (1, 5)

    @pytest.mark.parametrize("pooling", ["model", "cls", "mean"])
    @pytest.mark.parametrize("model_type", TYPES)
    def test_pooled_features_are_what_they_are_called(self, model_type, pooling):
        if pooling == "cls" and model_type not in HAVE_CLASS_TOKENS:
            with pytest.raises(UserError, match="has no class token"):
                make(model_type, pooling=pooling)
            return
        encoder = make(model_type, pooling=pooling, head="pooled", dimension=32).eval()
        planes = torch.rand(2, 3, 64, 64)
        found = encoder.look(planes)[1]
        options = {"interpolate_pos_encoding": True} if model_type == "vit" else {}
        seen = encoder.backbone(pixel_values=planes, **options)
        wanted = {
            "model": lambda: seen.pooler_output.flatten(1),
            "cls": lambda: seen.last_hidden_state[:, 0],
            "mean": lambda: encoder.look(planes)[0].mean(dim=(2, 3)),
        }[pooling]()
        torch.testing.assert_close(found, wanted)
        assert encoder.dimension == encoder.config.dimension == found.shape[1]

    @pytest.mark.parametrize("model_type", ["resnet", "dinov2", "vit"])
    def test_a_local_folder_gives_weights_and_normalisation(self, model_type, tmp_path):
        import transformers

        source = make(model_type).backbone.eval()
        source.save_pretrained(tmp_path / "source")
        colours = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.6, 0.7]}
        (tmp_path / "source" / "preprocessor_config.json").write_text(
            json.dumps({"do_normalize": True, "rescale_factor": 1 / 255, **colours})
        )
        encoder = make("", model_options="{}", pretrained=str(tmp_path / "source")).eval()
        assert encoder.config.image_mean == pytest.approx((0.1, 0.2, 0.3))
        assert encoder.config.image_std == pytest.approx((0.5, 0.6, 0.7))
        planes = torch.rand(2, 3, 64, 64)
        original = transformers.AutoModel.from_pretrained(tmp_path / "source").eval()
        options = {"interpolate_pos_encoding": True} if model_type == "vit" else {}
        wanted = original(pixel_values=planes, **options).pooler_output.flatten(1)
        torch.testing.assert_close(encoder.look(planes)[1], wanted)
        film = frames(3, 64, 64)
        before = encoder.embed(film)
        encoder.save(tmp_path / "run" / "encoder")
        shutil.rmtree(tmp_path / "source")
        loaded = load_encoder(tmp_path / "run")
        assert np.array_equal(loaded.embed(film), before)
        assert loaded.config.image_mean == encoder.config.image_mean

    def test_code_in_a_foreign_folder_is_neither_run_nor_asked_about(self, tmp_path, monkeypatch):
        asked = []
        monkeypatch.setattr("builtins.input", lambda *words: asked.append(words) or "y")
        source = tmp_path / "source"
        make("dinov2").backbone.save_pretrained(source)
        trap = tmp_path / "trap"
        text = f"open({str(trap)!r}, 'w').close()\n\nclass Own:\n    pass\n"
        (source / "own.py").write_text(text)
        described = json.loads((source / "config.json").read_text())
        described["auto_map"] = {"AutoConfig": "own.Own", "AutoModel": "own.Own"}
        (source / "config.json").write_text(json.dumps(described))
        known = make("", model_options="{}", pretrained=str(source))
        assert "auto_map" not in json.loads(known.config.model_options)
        known.save(tmp_path / "encoder")
        assert load_encoder(tmp_path / "encoder").config == known.config
        (source / "config.json").write_text(json.dumps(described | {"model_type": "own"}))
        with pytest.raises(UserError, match="cannot be loaded") as caught:
            make("", model_options="{}", pretrained=str(source))
        assert "\n" not in str(caught.value)
        assert not asked
        assert not trap.exists()

    def test_tables_that_layers_share_are_frozen_too(self):
        shared = {**VIT, "use_shared_relative_position_bias": True}
        for trainable in ("head", "last-1"):
            encoder = make("beit", model_options=json.dumps(shared), trainable=trainable)
            free = {n for n, p in encoder.named_parameters() if p.requires_grad}
            assert not any("relative_position_bias" in name for name in free)
            layers = [name for name in free if name.startswith("backbone.")]
            assert bool(layers) == (trainable == "last-1")

    def test_more_channels_take_inflated_weights(self, tmp_path):
        make("dinov2").backbone.save_pretrained(tmp_path)
        plain = make("", model_options="{}", pretrained=str(tmp_path))
        wide = make("", model_options="{}", pretrained=str(tmp_path), num_frames=2)
        weight = plain.backbone.embeddings.patch_embeddings.projection.weight
        found = wide.backbone.embeddings.patch_embeddings.projection.weight
        assert found.shape[1] == 6
        for channel in range(6):
            torch.testing.assert_close(found[:, channel], weight.mean(dim=1))
        assert wide.embed(frames(3)).shape == (3, 8)

    def test_a_vit_without_its_learnt_pooling_is_pooled_by_its_patches(self, tmp_path):
        import transformers

        config = transformers.ViTConfig(**VIT, image_size=64)
        transformers.ViTModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
        with pytest.raises(UserError, match="--pooling cls or mean"):
            make("", model_options="{}", pretrained=str(tmp_path))
        encoder = make("", model_options="{}", pretrained=str(tmp_path), pooling="cls")
        encoder.save(tmp_path / "run" / "encoder")
        film = frames(2, 64, 64)
        assert np.array_equal(load_encoder(tmp_path / "run").embed(film), encoder.embed(film))

    def test_a_network_on_the_hub_without_a_network_is_one_line(self, monkeypatch):
        import huggingface_hub

        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        with pytest.raises(
            UserError, match="no folder here, and the Hub did not give it"
        ) as caught:
            make("", model_options="{}", pretrained="nobody/no-such-network")
        assert "\n" not in str(caught.value)

    def test_damaged_and_foreign_folders_are_refused_in_one_line(self, tmp_path):
        make("resnet").backbone.save_pretrained(tmp_path / "good")
        bad = {
            "empty": lambda f: shutil.rmtree(f) or f.mkdir(),
            "no weights": lambda f: (f / "model.safetensors").unlink(),
            "cut": lambda f: (f / "model.safetensors").write_bytes(b"12345678901"),
            "config": lambda f: (f / "config.json").write_text("{"),
            **{
                text: lambda f, text=text: (f / "preprocessor_config.json").write_text(text)
                for text in BAD_COLOURS
            },
        }
        for name, damage in bad.items():
            folder = tmp_path / name
            shutil.copytree(tmp_path / "good", folder)
            damage(folder)
            with pytest.raises(UserError, match="--pretrained") as caught:
                make("", model_options="{}", pretrained=str(folder))
            assert "\n" not in str(caught.value), name

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"model_type": "vti"}, "did you mean 'vit'"),
            ({"model_type": "bert"}, "no network for images alone"),
            ({"model_type": "clip"}, "no network for images alone"),
            ({"model_options": '{"hidden_sze": 3}'}, "did you mean 'hidden_size'"),
            ({"model_type": "vit_mae"}, "draws at random even in evaluation mode"),
            ({"model_type": "timm_wrapper"}, "no timm_wrapper can be made"),
            ({"model_type": "dinat", "model_options": "{}"}, "no dinat can be made"),
            ({"model_options": '{"hidden_size": "a"}'}, "no vit can be made"),
            ({"model_options": '{"hidden_size": -1}'}, "no vit can be made"),
            ({"model_options": '{"hidden_size": 1e30}'}, "no vit can be made"),
            ({"model_options": '{"hidden_size": 12000000000000}'}, "no vit can be made"),
            ({"model_options": '{"num_attention_heads": 0}'}, "no vit can be made"),
            ({"model_options": '{"num_hidden_layers": 0}'}, "has no layers"),
            ({"model_options": '{"patch_size": 0}'}, "no vit can be made"),
            ({"model_options": '{"patch_size": []}'}, "no vit can be made"),
            ({"model_options": '{"hidden_act": "none"}'}, "no vit can be made"),
            ({"model_options": '{"_attn_implementation": "a/b"}'}, "unknown option of vit"),
            ({"image_size_px": 60}, "a multiple of 8, found --image-size-px 60; try 56"),
        ],
    )
    def test_what_cannot_be_is_refused_in_one_line(self, options, said):
        with pytest.raises(UserError, match=said) as caught:
            make(**{"model_type": "vit", **options})
        assert "\n" not in str(caught.value)
