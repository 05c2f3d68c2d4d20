"""What a user gets from the package index: the wheel, with the suites inside it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, unpacked as pip would."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
    ]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_package_and_suites_only(site: Path) -> None:
    tops = {path.name for path in site.iterdir()}
    assert {name.split("-")[0] for name in tops} == {"mtbench_pytest"}
    suite = {path.name for path in (site / "mtbench_pytest/suites/general").iterdir()}
    assert {"question.jsonl", "reference_answer", "bench.toml", "test_general.py"} <= suite
    data = {
        str(path.relative_to(site / "mtbench_pytest/bench"))
        for path in site.glob("mtbench_pytest/bench/*/*.*")
    }
    assert {f"judge_prompts/{code}.jsonl" for code in ("en", "zh", "ko", "de")} <= data
    assert {"scaffold/question.jsonl", "scaffold/bench.toml", "scaffold/workflow.yml"} <= data


def test_the_shipped_suite_is_collected_by_name(site: Path, tmp_path: Path) -> None:
    """Only the wheel has a package of that name: in the checkout the suites lie outside."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "mtbench_pytest.suites.general"]
    environment = os.environ | {"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*command, "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "80 tests collected" in done.stdout, done.stdout + done.stderr


def test_the_shipped_bench_is_found_by_name(site: Path, tmp_path: Path) -> None:
    code = "from pathlib import Path; from mtbench_pytest.bench.locate import find_bench; "
    code += "print(find_bench(Path('general')))"
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert Path(done.stdout.strip()) == site / "mtbench_pytest/suites/general", done.stderr
