"""`mtbench agreement`: how often a judge and people name the same winner."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from mtbench_pytest.cli.agreement.table import AUTHORS, Agreement, agreement
from mtbench_pytest.core.errors import FileError, SpecError
from mtbench_pytest.core.records import QuestionId


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "agreement",
        help="how often a judge agrees with people",
        description="Compares a judge's verdicts on pairs of answers with people's votes on the same pairs, "
        "and people with one another: by turn, ties in and out, as table 5 of Zheng et al. 2023 counts "
        "them; and Cohen's kappa with an interval over questions, by category where a bench is given. Both "
        "files hold labels, {judge, model_a, model_b, question_id, turn, winner} a line, as `mtbench fetch "
        "human-judgments` writes them; the judge's may also be FastChat's JUDGE_pair.jsonl, as a run's "
        "report has it.",
    )
    parser.add_argument("--human", type=Path, required=True, metavar="FILE", help="people's votes")
    parser.add_argument(
        "--judge",
        type=Path,
        required=True,
        metavar="FILE_OR_DIR",
        help="the judge's verdicts, or a folder of them such as mtbench-report/model_judgment",
    )
    parser.add_argument(
        "--judge-name", metavar="NAME", help="whose verdicts, where the file holds several judges'"
    )
    parser.add_argument(
        "--bench",
        type=Path,
        metavar="DIR|NAME",
        help="the bench that was voted on, for the categories; votes on other questions are left out",
    )
    parser.add_argument(
        "--set-aside",
        default=AUTHORS,
        metavar="PREFIX",
        help=f"leave out people whose name begins so: the paper leaves out its authors (default: {AUTHORS}; "
        "'' for nobody)",
    )
    parser.add_argument(
        "--seed", type=_seed, default=0, metavar="N", help="seeds the draws of the intervals (default: 0)"
    )
    parser.add_argument("--json", action="store_true", help="print the same figures as JSON")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="BENCH",
        help="record them in BENCH/agreement/JUDGE.json too: runs on that bench then say how far their "
        "judge agrees with people",
    )
    parser.add_argument(
        "--as", dest="known_as", metavar="NAME", help="with --write: what runs call this judge"
    )
    parser.set_defaults(run=_agreement)


def _agreement(arguments: argparse.Namespace) -> int:
    from mtbench_pytest.cli.agreement.text import agreement_lines, agreement_result
    from mtbench_pytest.cli.agreement.votes import read_votes, votes_of_judge

    bench = arguments.write or arguments.bench
    if arguments.write is not None and not arguments.write.is_dir():
        problem = "no such folder"
        raise SpecError(f"--write {arguments.write}", problem, "a bench folder that is yours to write")
    if arguments.known_as is not None and arguments.write is None:
        raise SpecError(f"--as {arguments.known_as}", "nothing is written", "--write BENCH beside it")
    found = agreement(
        votes_of_judge(arguments.judge, read_votes(arguments.judge), arguments.judge_name),
        read_votes(arguments.human),
        None if bench is None else _categories(bench),
        aside=arguments.set_aside,
        seed=arguments.seed,
    )
    result = agreement_result(found)
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False, indent=1))
    else:
        print("\n".join(agreement_lines(found)))
    if arguments.write is not None:
        path = _write(found, arguments)
        if not arguments.json:
            print(f"\nwritten: {path}")
    return 0


def _categories(bench: Path) -> Mapping[QuestionId, str]:
    from mtbench_pytest.bench.bench import load_bench
    from mtbench_pytest.bench.locate import find_bench

    return {question.question_id: question.category for question in load_bench(find_bench(bench)).questions}


def _write(found: Agreement, arguments: argparse.Namespace) -> Path:
    from mtbench_pytest.cli.agreement.text import agreement_result
    from mtbench_pytest.findings.calibration import Calibration, calibration_path, write_calibration

    accord, people = found.overall, found.people
    calibration = Calibration(
        judge=arguments.known_as or found.judge,
        agree=accord.count.agree,
        n=accord.count.n,
        questions=accord.questions,
        kappa=accord.kappa,
        lower=accord.lower,
        upper=accord.upper,
        people_agree=people.count.agree,
        people_n=people.count.n,
        human_sha256=_sha256(arguments.human),
        date=datetime.now(UTC).date().isoformat(),
    )
    path = calibration_path(arguments.write, calibration.judge)
    write_calibration(path, calibration, agreement_result(found))
    return path


def _sha256(path: Path) -> str:
    """Of a file; of a folder, over the files that were read, in their order."""
    digest = hashlib.sha256()
    for file in sorted(path.glob("*.jsonl")) if path.is_dir() else [path]:
        try:
            digest.update(file.read_bytes())
        except OSError as error:
            raise FileError(file, (error.strerror or str(error)).lower(), "the votes") from None
    return digest.hexdigest()


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number from 0 up")
    return int(text)
