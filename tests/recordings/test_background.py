"""The threads that encode: in order, and gone as soon as they are stopped."""

from __future__ import annotations

import weakref

from tcn_robot.recordings.background import EncodingThread


def test_a_stopped_thread_has_done_its_work_and_is_let_go_of() -> None:
    """A thread that Python forgets later, after a sync, swallows the Ctrl-C that came meanwhile."""
    encoding = EncodingThread()
    done: list[int] = []
    for number in range(100):
        encoding.put(lambda number=number: done.append(number))  # type: ignore[misc]
    thread = weakref.ref(encoding._thread)
    assert thread() is not None
    encoding.stop()
    assert done == list(range(100))
    assert thread() is None
    encoding.stop()
