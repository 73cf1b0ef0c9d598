from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.callbacks.scene import Scene


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = Scene()
    yield scene
    scene.close()
