"""docs/tasks.md says what the tasks say, and its pictures are there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

MAXIMUM_BYTES = 200_000


def test_the_page_is_what_the_script_writes_and_its_pictures_are_there(root: Path) -> None:
    spec = importlib.util.spec_from_file_location("gallery", root / "scripts" / "make_gallery.py")
    assert spec is not None
    assert spec.loader is not None
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    text = (root / "docs" / "tasks.md").read_text("utf-8")
    assert text == gallery.page(), "run: python scripts/make_gallery.py"
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert len(pictures) > 50
    for name in pictures:
        assert 1000 < (root / "docs" / name).stat().st_size < MAXIMUM_BYTES, name
    found = {path.name for path in (root / "docs" / gallery.FOLDER).iterdir()}
    assert found == {Path(name).name for name in pictures}
