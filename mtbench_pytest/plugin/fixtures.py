"""The fixtures a suite's tests use. They only wait: answers and judgments are made in the background."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion

    from mtbench_pytest.core.records import Answer, Question
    from mtbench_pytest.run.judged import Judged


@pytest.fixture
def mtbench_question(request: pytest.FixtureRequest) -> Question:
    """One question of the bench; every test that asks for it is run for each question."""
    if not hasattr(request, "param"):
        pytest.fail(
            "an mtbench fixture was asked for at run time; expected it among the test's arguments, "
            "so that there is a test for each question",
            pytrace=False,
        )
    question: Question = request.param
    return question


@pytest.fixture
def mtbench_candidate(request: pytest.FixtureRequest, mtbench_question: Question) -> Answer:
    """The candidate's answer to the question, one reply a turn."""
    from mtbench_pytest.plugin import session_of

    return session_of(request.config).answer(request.node, "candidate", mtbench_question)


@pytest.fixture
def mtbench_baseline(request: pytest.FixtureRequest, mtbench_question: Question) -> Answer:
    """The baseline's answer to the question, one reply a turn."""
    from mtbench_pytest.plugin import session_of

    return session_of(request.config).answer(request.node, "baseline", mtbench_question)


@pytest.fixture
def mtbench_judged(request: pytest.FixtureRequest, mtbench_question: Question) -> Judged:
    """The question with both sides' answers graded and compared; its row goes to the gate."""
    from mtbench_pytest.plugin import session_of

    return session_of(request.config).judged(request.node, mtbench_question)


@pytest.fixture
def judge_snapshot(request: pytest.FixtureRequest, mtbench_judged: Judged) -> SnapshotAssertion:  # noqa: ARG001
    """The question's snapshot: `assert mtbench_judged == judge_snapshot` compares with what was recorded."""
    from mtbench_pytest.plugin import session_of

    if not request.config.pluginmanager.has_plugin("syrupy"):
        pytest.fail("judge_snapshot needs syrupy: pip install 'mtbench-pytest[snapshots]'", pytrace=False)
    from mtbench_pytest.plugin.syrupy_extension import JudgeSnapshot, JudgeSnapshotExtension, QuestionLocation

    session = session_of(request.config)
    file, question_id, text = session.snapshot(request.node)
    option = request.config.option
    extension = partial(JudgeSnapshotExtension, text, question_id, session.settings.snapshot_tolerance)
    return JudgeSnapshot(
        session=request.config._syrupy,  # type: ignore[attr-defined]
        extension_class=extension,  # type: ignore[arg-type]  # syrupy calls it without arguments
        test_location=QuestionLocation(request.node, file),
        update_snapshots=option.update_snapshots,
        update_new_snapshots_only=option.update_new_snapshots_only,
    )
