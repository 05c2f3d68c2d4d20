from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    """The public MT-bench records beside the project; without them the test is skipped."""
    if not DATA.is_dir():
        pytest.skip("the public records are not beside the project")
    return DATA
