"""What the tests' chat server says: it judges a judge prompt and chats otherwise, by the request alone."""

from __future__ import annotations

import re
from typing import Any

Body = dict[str, Any]

_SHOWN = re.compile(
    r"The Start of Assistant(?P<side> [AB])?'s.*?(?:\]|\|>)(?P<text>.*?)(?:\[|<\|)The End of Assistant",
    re.DOTALL | re.IGNORECASE,
)
# The same in the built-in prompts: the answer to judge of each side.
_OURS = re.compile(
    r"<<< (?:(?P<side>[AB]): answer \d+, to compare|answer of (?P<only>[AB])|answer(?: \d+,)? to grade)\n"
    r"(?P<text>.*?)\n>>>",
    re.DOTALL,
)


def completion(body: Body, reply: str | Body) -> Body:
    """Wraps a reply as a chat completion."""
    fields: Body = {"content": reply} if isinstance(reply, str) else dict(reply)
    if "choices" in fields or "error" in fields:
        return fields
    finish = fields.pop("finish_reason", "stop")
    prompt = sum(len(message["content"].split()) for message in body["messages"])
    words = len((fields.get("content") or "").split())
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "system_fingerprint": "fp_local",
        "choices": [{"index": 0, "message": {"role": "assistant", **fields}, "finish_reason": finish}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": words, "total_tokens": prompt + words},
    }


def default_reply(body: Body) -> str:
    """A judge's reply to a judge prompt, a chat model's to anything else."""
    texts = [message["content"] for message in body["messages"]]
    everything = "\n".join(texts)
    if "[[A]]" in everything and "[[B]]" in everything:
        return _judge_pair(texts[-1])
    if re.search(r"\[\[\w+\]\]", everything):
        return _judge_single(texts[-1])
    return chat(body["model"], texts[-1], sum(message["role"] == "user" for message in body["messages"]))


def chat(model: str, said: str, turn: int) -> str:
    """Echoes the user; a model with "weak" in its name echoes three words, over and over."""
    if "weak" in model:
        return " ".join(said.split()[:3] * 3)
    return f"{model}, turn {turn}: you said {said}"


def worth(text: str) -> int:
    """What the judge goes by: the number of different words, so that loops and stubs do badly."""
    return len(set(re.findall(r"\w+", text.lower())))


def grade_of(text: str) -> int:
    return 1 + min(9, worth(text) // 3)


def _answers(prompt: str) -> dict[str, str]:
    """The last turn of each answer shown, by side; a single answer's side is "" or "A"."""
    shown = {}
    for match in _OURS.finditer(prompt):
        shown[match["side"] or match["only"] or ""] = match["text"]
    for match in _SHOWN.finditer(prompt):
        last_turn = re.split(r"### Assistant(?: [AB])?:", match["text"])[-1]
        shown[(match["side"] or "").strip()] = last_turn
    return shown


def _judge_single(prompt: str) -> str:
    grade = grade_of(next(iter(_answers(prompt).values()), prompt))
    return f"Judged by its number of different words. Rating: [[{grade}]]"


def _judge_pair(prompt: str) -> str:
    shown = _answers(prompt)
    a, b = worth(shown.get("A", "")), worth(shown.get("B", ""))
    winner = "A" if a > b else "B" if b > a else "C"
    return f"A has {a} different words, B has {b}. [[{winner}]]"
