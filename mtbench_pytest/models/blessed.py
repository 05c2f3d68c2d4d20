"""Blessed baselines: a run's answers and judgments, frozen in a folder that knows the sha256 of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench_pytest.core.errors import FileError, SpecError
from mtbench_pytest.core.records import Answer, AnswerFailure, AnswerTask, Question, QuestionId
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.models.recorded import RecordedAnswers
from mtbench_pytest.store.keys import digest, question_digest

HOME = Path("snapshots", "baselines")
MANIFEST = "manifest.json"
SCHEMA_VERSION = 1

_BLESS = "`mtbench bless RUN --as NAME`"
_KEYS = frozenset(
    {"name", "model", "judge", "bench", "questions", "samples", "answers", "judgments", "sampling", "files"}
)


@dataclass(frozen=True, slots=True)
class BlessedJudge:
    """A judge whose grades were frozen.

    Attributes:
        judgments: The file of its grades, where there are any.
        served: The names and fingerprints under which its server answered.
    """

    name: str
    identity: Mapping[str, Any]
    judgments: Path | None
    served: Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Blessed:
    """A blessed baseline.

    Attributes:
        path: Its folder.
        manifest: What its `manifest.json` says.
    """

    path: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name it was blessed under."""
        return str(self.manifest["name"])

    @property
    def model(self) -> str:
        """The model's name."""
        return str(self.manifest["model"]["name"])

    @property
    def samples(self) -> int:
        """How many answers there are to each question."""
        return int(self.manifest["samples"])

    @property
    def answers(self) -> Path:
        """The file of its answers."""
        return self.path / str(self.manifest["answers"])

    @property
    def judges(self) -> list[BlessedJudge]:
        """Those whose grades it has; of a panel each has a file of its own."""
        judge = self.manifest["judge"]
        each = judge.get("judges") or [{**judge, "judgments": self.manifest["judgments"]}]
        return [
            BlessedJudge(
                str(one["name"]),
                one["identity"] or {},
                None if (name := one["judgments"]) is None else self.path / str(name),
                one["served"],
            )
            for one in each
        ]

    @property
    def sha256(self) -> str:
        """Of all of it: the manifest holds the sha256 of every other file."""
        return str(self.manifest["sha256"])

    def verify(self) -> None:
        """Compares every file with what was blessed.

        Raises:
            FileError: For a file that was changed, is missing, or was added.
        """
        frozen: Mapping[str, str] = self.manifest["files"]
        for name, expected in frozen.items():
            path = self.path / name
            if not path.is_file():
                raise FileError(path, "missing", f"the file that was blessed as {self.name}")
            if file_digest(path) != expected:
                raise FileError(
                    path,
                    f"changed since it was blessed as {self.name}",
                    f"sha256 {expected[:12]}…; {_BLESS} blesses another run",
                )
        there = (path for path in sorted(self.path.rglob("*")) if path.is_file())
        for path in there:
            if path.relative_to(self.path).as_posix() not in {*frozen, MANIFEST}:
                raise FileError(path, f"not among the files blessed as {self.name}", "no other files there")

    def refuse_changed(self, questions: Sequence[Question]) -> None:
        """Looks for a question whose text is not the one that was answered.

        Raises:
            FileError: There is one.
        """
        asked = self._questions("text_sha256")
        changed = [
            question.question_id
            for question in questions
            if asked.get(question.question_id, question_digest(question)) != question_digest(question)
        ]
        if changed:
            named = ", ".join(map(str, changed[:5])) + (
                f" and {len(changed) - 5} more" if changed[5:] else ""
            )
            several = "s" if len(changed) > 1 else ""
            raise FileError(
                self.path / MANIFEST,
                f"the text of question{several} {named} was changed since {self.name} was blessed",
                f"the text that was answered, or a run to bless anew: {_BLESS}",
            )

    def judged_alike(self, question: Question) -> bool:
        """Whether what a judge may hold an answer against is what it was: references and checks."""
        return self._questions("judging_sha256").get(question.question_id) == judging_digest(question)

    def _questions(self, what: str) -> dict[QuestionId, str]:
        return {entry["question_id"]: entry[what] for entry in self.manifest["questions"]}


def question_facts(question: Question) -> dict[str, Any]:
    """What a question is known by later: digests of its text and of what an answer is held against."""
    return {
        "question_id": question.question_id,
        "text_sha256": question_digest(question),
        "judging_sha256": judging_digest(question),
    }


def judging_digest(question: Question) -> str:
    """What a judge holds an answer against besides the question's text."""
    return digest(question.reference, [[dict(check) for check in checks] for checks in question.checks])


def file_digest(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest with the sha256 of what it says; not of its text, which may be laid out otherwise."""
    said: dict[str, Any] = json.loads(json.dumps(manifest, default=str))
    return {**said, "sha256": digest(said)}


def read_blessed(folder: Path) -> Blessed:
    """Reads a blessed baseline's manifest; its files are compared by `Blessed.verify`.

    Raises:
        FileError: Where it cannot be read, was changed, or is another version's.
    """
    path, expected = folder / MANIFEST, f"a manifest as {_BLESS} writes it"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(path, (error.strerror or str(error)).lower(), expected) from None
    except (ValueError, RecursionError):
        raise FileError(path, "not JSON", expected) from None
    if not isinstance(manifest, dict) or "schema_version" not in manifest:
        raise FileError(path, "no manifest", expected)
    if (version := manifest["schema_version"]) != SCHEMA_VERSION:
        raise FileError(path, f"a manifest of version {version}", f"version {SCHEMA_VERSION}")
    seal = manifest.pop("sha256", None)
    if not manifest.keys() >= _KEYS or seal != digest(manifest):
        raise FileError(path, "changed since it was blessed", expected)
    return Blessed(folder, {**manifest, "sha256": seal})


def find_blessed(given: str, base: Path, root: Path) -> Path:
    """The folder of a blessed baseline: a name in a folder `snapshots/baselines`, or a path.

    Args:
        base: Where it was named: the shell's folder, or the ini file's.
        root: The project's: the ini file's folder, or pytest's root.

    Raises:
        SpecError: Where there is none.
    """
    folders = [root / HOME / given, base / HOME / given, base / Path(given).expanduser()]
    for folder in folders:
        if (folder / MANIFEST).is_file():
            return folder
    homes = dict.fromkeys([root / HOME, base / HOME])
    known = sorted({path.parent.name for home in homes for path in home.glob(f"*/{MANIFEST}")})
    problem = f"no {MANIFEST} in {' nor in '.join(map(str, dict.fromkeys(folders)))}"
    raise SpecError(f"blessed:{given}", problem, f"one of {', '.join(known)}" if known else f"{_BLESS} first")


class BlessedAnswers:
    """Answers that were frozen, all samples of them.

    Args:
        blessed: Their folder.
        name: The model's name; by default the one it was blessed with.
    """

    uses_device = False
    free = True

    def __init__(self, blessed: Blessed, name: str | None = None) -> None:
        self.blessed = blessed
        self.name = name or blessed.model
        self._samples = [RecordedAnswers(blessed.answers, choice=n) for n in range(blessed.samples)]

    @property
    def recorded_samples(self) -> int:
        """See `Sampled`."""
        return len(self._samples)

    def prepare(self, questions: Sequence[Question]) -> None:
        """Refuses a folder that was tampered with, another question's text, and what answers lack."""
        self.blessed.verify()
        self.blessed.refuse_changed(questions)
        for sample in self._samples:
            sample.prepare(questions)

    def identity(self) -> Mapping[str, Any]:
        """The digest of all that was frozen."""
        return {"kind": "blessed", "name": self.blessed.name, "sha256": self.blessed.sha256}

    def recorded(self, task: AnswerTask) -> Answer | AnswerFailure:
        """The answer to a task, of the sample that it asks for."""
        question_id = task.question.question_id
        replies = self._samples[task.sample - 1].replies(question_id)
        if replies is None:
            return AnswerFailure(question_id, self.name, f"{self.blessed.answers} has no answer to it")
        return Answer(question_id, self.name, replies, {"blessed": self.blessed.name})

    async def answer(self, tasks: Sequence[AnswerTask]) -> AsyncIterator[Answer | AnswerFailure]:
        """Yields the frozen answers in the order asked for."""
        for task in tasks:
            yield self.recorded(task)

    def close(self) -> None:
        """Nothing to free."""


def from_spec(spec: Spec) -> BlessedAnswers:
    """Builds the model for `blessed:NAME?name=MODEL`."""
    if not spec.value:
        raise spec.error("no name", "blessed:NAME")
    folder = find_blessed(spec.value, spec.base, spec.root)
    return BlessedAnswers(read_blessed(folder), **spec.read({"name": str}))
