"""What several tests of commands learn from: demonstrations of a small task, and an encoder."""

import pytest

from tcn_robot.models import ConvolutionalConfig, ConvolutionalEncoder, seeded_generator
from tests.workflows.point_demos import record_demos


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    return record_demos(tmp_path_factory.mktemp("data") / "demos")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "encoder-run"
    config = ConvolutionalConfig(
        image_size_px=16, dimension=4, channels=(4, 4), strides=(2, 1), hidden=8
    )
    ConvolutionalEncoder(config, seeded_generator(0)).save(folder / "encoder")
    return folder
