"""`mtbench init`: a small working suite, or one from recorded conversations."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mtbench_pytest.bench.languages import ENGLISH, common_language
from mtbench_pytest.bench.scaffold import suite_files, write_new
from mtbench_pytest.bench.scaffold.conversations import Conversation, read_conversations
from mtbench_pytest.core.errors import FileError, MTBenchError


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "init",
        help="a new suite, from scratch or from conversations",
        description="Writes a suite that runs: question.jsonl, bench.toml, judge_prompts.jsonl, a test "
        "module and a CI workflow. Without --from it has three questions to learn from. Nothing is "
        "overwritten.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder to make, such as suites/support")
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FILE",
        help="conversations to make questions of: .csv with columns turn_1, turn_2 … or conversation, role, "
        "content; or .jsonl with turns, messages or conversations (ShareGPT)",
    )
    parser.add_argument(
        "--references",
        action="store_true",
        help="keep the recorded answers as reference answers: only where a person has checked them",
    )
    parser.add_argument(
        "--language",
        metavar="CODE",
        help="of questions and judge prompts (default: that of the conversations)",
    )
    parser.set_defaults(run=_init)


def _init(arguments: argparse.Namespace) -> int:
    conversations = read_conversations(arguments.source) if arguments.source else []
    language = arguments.language or _language(conversations)
    if arguments.references and not conversations:
        raise MTBenchError("--references: no conversations; expected --from FILE too")
    if not conversations and language != "en":
        raise MTBenchError(
            f"--language {language}: the example questions are English; expected --from FILE too"
        )
    folder = arguments.folder.resolve()
    texts = suite_files(folder, language, conversations, references=arguments.references)
    try:
        write_new(texts)
    except OSError as error:
        raise FileError(error.filename or folder, error.strerror or str(error), "a place to write") from None
    for path in texts:
        print(_short(path))
    print(_next_steps(_short(folder), len(conversations)))
    return 0


def _language(conversations: Sequence[Conversation]) -> str:
    """That of what the users say; English where it cannot be told."""
    return common_language([turn for one in conversations for turn in one.turns]) or ENGLISH


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _next_steps(folder: Path, imported: int) -> str:
    made = f"\n{imported} conversations became questions.\n" if imported else ""
    made = "\n1 conversation became a question.\n" if imported == 1 else made
    judge = "openai:gpt-4o-mini" if imported else "checks"
    return f"""{made}
Next:
  mtbench lint {folder}
  pytest {folder} --mtbench-candidate demo --mtbench-baseline demo --mtbench-judge {judge}"""
