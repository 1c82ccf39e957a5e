"""docs/tasks.md says what the tasks say, and its pictures are there."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.scripts import load_script

MAXIMUM_BYTES, MAXIMUM_BYTES_TOGETHER = 200_000, 3_000_000


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    return load_script("gallery_page")


def test_the_page_is_what_the_script_writes_and_its_pictures_are_there(
    root: Path, gallery: ModuleType
) -> None:
    text = (root / "docs" / "tasks.md").read_text("utf-8")
    assert text == gallery.page(), "run: python scripts/make_gallery.py"
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert len(pictures) > 50
    sizes = {name: (root / "docs" / name).stat().st_size for name in pictures}
    for name, size in sizes.items():
        assert 1000 < size < MAXIMUM_BYTES, name
    assert sum(sizes.values()) < MAXIMUM_BYTES_TOGETHER
    found = {path.name for path in (root / "docs" / gallery.FOLDER).iterdir()}
    assert found == {Path(name).name for name in pictures if name.startswith(gallery.FOLDER)}


def test_every_task_says_when_it_succeeds_and_how_it_fails(gallery: ModuleType) -> None:
    for task in gallery.envs.TASK_TABLE:
        assert "Success: " in gallery.task_part(task).partition("| ids |")[0], task
        for kind, what_happens in gallery.failures_of(task).items():
            assert what_happens.endswith("."), f"{task}: failure {kind} says nothing of itself"
