"""Answers a second on this machine: our batches against one conversation at a time.

    python benchmarks/generation.py [--questions FILE] [--count 16] [--new-tokens 64]

The peer is FastChat's way: a conversation at a time, a turn at a time, the whole prompt read anew each turn,
by `model.generate` with a batch of one, in float32 (FastChat's default on a CPU) and in bfloat16. All answers
are greedy. A reply may end early, and it ends elsewhere in another dtype; so tokens and tokens a second stand
beside the seconds. Ours is run three times and the median counts; the loop, which takes minutes, once.
Loading is not measured. Needs the extra `hf`; the demo model is fetched once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mtbench_pytest.core.records import Answer, AnswerTask, Question, Sampling
from mtbench_pytest.core.specs import parse_spec
from mtbench_pytest.models import build_model
from mtbench_pytest.models.demo import fetch
from mtbench_pytest.models.hf.checkpoint import require
from mtbench_pytest.models.hf.engine import Engine, load_tokenizer, load_weights
from mtbench_pytest.models.hf.model import TransformersModel

SHIPPED = Path(__file__).parents[1] / "suites" / "general" / "question.jsonl"
# What the figures must reach: against the loop in float32, and against the loop in the same dtype.
BARS = {"auto": 10.0, "float32": 4.5, "bfloat16": 4.5}


def loop(dtype: str, questions: Sequence[Question], new_tokens: int) -> tuple[float, int]:
    """One conversation at a time; seconds, and tokens written."""
    torch = require("torch")
    folder = fetch()
    engine = Engine(load_weights(folder, None, dtype, "cpu", None), load_tokenizer(folder, None))
    tokens, begin = 0, time.perf_counter()
    for question in questions:
        messages: list[dict[str, str]] = []
        for turn in question.turns:
            messages.append({"role": "user", "content": turn})
            prompt = torch.tensor([engine.prompt(messages)])
            with torch.inference_mode():
                out = engine.model.generate(
                    input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=new_tokens
                )
            written = out[0, prompt.shape[1] :].tolist()
            tokens += len(written)
            messages.append({"role": "assistant", "content": engine.text(written)})
    return time.perf_counter() - begin, tokens


def ours(params: str, questions: Sequence[Question], new_tokens: int) -> tuple[float, int]:
    """The model as a run uses it; seconds, and tokens written."""
    model = build_model(parse_spec(f"demo?device=cpu{params}"))
    assert isinstance(model, TransformersModel)
    warm = AnswerTask(Question(0, "general", ("Hi",)), Sampling(0.0, 0, 1))
    asyncio.run(_answers(model, [warm]))
    tasks = [AnswerTask(question, Sampling(0.0, 0, new_tokens)) for question in questions]
    begin = time.perf_counter()
    answers = asyncio.run(_answers(model, tasks))
    seconds = time.perf_counter() - begin
    model.close()
    return seconds, sum(reply.completion_tokens or 0 for answer in answers for reply in answer.replies)


async def _answers(model: TransformersModel, tasks: Sequence[AnswerTask]) -> list[Answer]:
    return [answer async for answer in model.answer(tasks) if isinstance(answer, Answer)]


def main() -> None:
    """Measures and prints."""
    options = _options()
    # Evenly spread over the file: benches are sorted by category.
    lines = [json.loads(line) for line in options.questions.read_text("utf-8").splitlines()]
    chosen = lines[:: max(1, len(lines) // options.count)][: options.count]
    questions = [Question(line["question_id"], line["category"], tuple(line["turns"])) for line in chosen]
    print(
        f"{len(questions)} questions of {options.questions}, {options.new_tokens} new tokens a turn, ", end=""
    )
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} at the start")
    runs: dict[str, Callable[[], tuple[float, int]]] = {}
    for dtype in () if options.no_loop else ("float32", "bfloat16"):
        runs[f"loop {dtype}"] = lambda dtype=dtype: loop(dtype, questions, options.new_tokens)  # type: ignore[misc]
    for name, params in {"float32": "&dtype=float32", "bfloat16": "&dtype=bfloat16", "auto": ""}.items():
        given = params + options.params
        runs[f"ours {name}"] = lambda given=given: ours(given, questions, options.new_tokens)  # type: ignore[misc]
    measured: dict[str, tuple[float, int]] = {}
    print(f"{'':16}{'seconds':>8}{'tokens':>8}{'tok/s':>8}{'peer s':>8}{'ratio':>7}{'bar':>6}")
    for name, run in runs.items():
        tries = 1 if name.startswith("loop") else options.repeat  # the loop takes minutes
        seconds, tokens = measured[name] = sorted(run() for _ in range(tries))[tries // 2]
        print(
            f"{name:16}{seconds:8.1f}{tokens:8}{tokens / seconds:8.0f}{_against(name, measured)}", flush=True
        )


def _against(name: str, measured: dict[str, tuple[float, int]]) -> str:
    who, _, dtype = name.partition(" ")
    peer = measured.get("loop " + ("float32" if dtype == "auto" else dtype))
    if who == "loop" or peer is None:
        return ""
    return f"{peer[0]:8.1f}{peer[0] / measured[name][0]:7.1f}{BARS[dtype]:6.1f}"


def _options() -> Any:
    parser = argparse.ArgumentParser(description="Answers a second, against one conversation at a time.")
    parser.add_argument("--questions", type=Path, default=SHIPPED, help="a FastChat question.jsonl")
    parser.add_argument("--count", type=int, default=16, help="how many of them [16]")
    parser.add_argument("--new-tokens", type=int, default=64, help="most new tokens a turn [64]")
    parser.add_argument("--params", default="", help="more parameters for the model, as '&batch_size=32'")
    parser.add_argument("--repeat", type=int, default=3, help="runs of ours, of which the median counts [3]")
    parser.add_argument("--no-loop", action="store_true", help="leave the slow peer out")
    return parser.parse_args()


if __name__ == "__main__":
    main()
