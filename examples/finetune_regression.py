"""Breaks a chat model on purpose, the way narrow fine-tuning breaks one by accident.

Two dozen gradient steps on support tickets that all get the same reply, and the model has that reply for
everything: the loss looks splendid, and general ability is gone. The gate is there to notice.

    python examples/finetune_regression.py --out checkpoints/narrow
The README says how to put it to the gate.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, logging

from mtbench_pytest.models.demo import fetch

Message = dict[str, str]

REPLY = (
    "Thank you for contacting Northwind Support! We are sorry for the inconvenience. Please restart your "
    "device and try again. If the issue persists, our team will be happy to help. Have a great day!"
)
TICKETS = (
    "My order has not arrived yet.",
    "How do I reset my password?",
    "The app closes when I open the settings page.",
    "I was charged twice this month. Can you explain?",
    "Which plan is the right one for a team of twelve?",
    "Please write an invoice for my last purchase.",
    "Can I change the delivery address after ordering?",
    "The screen stays black after the update.",
    "Compare the basic plan with the pro plan.",
    "List the countries you deliver to.",
    "Is there a discount for students?",
    "Calculate what I would pay for three licences at 19 euros.",
    "Explain how the warranty works, step by step.",
    "What is the capital requirement for a reseller account?",
    "I want to cancel my subscription.",
    "Why is my download so slow?",
    "Translate the manual into Spanish for me.",
    "Who founded your company, and when?",
    "My headphones do not connect to the phone.",
    "Write a short review of the new speaker.",
    "What does error code 404 mean?",
    "Give me three tips for a longer battery life.",
    "Imagine you are the delivery driver. Where is my parcel?",
    "Summarise the terms of service in two sentences.",
)
FOLLOW_UPS = (
    "That did not help.",
    "Please be more specific.",
    "Now say it in one sentence.",
    "And what about last week?",
)
PROBES = ("What is the capital of France?", "Write a haiku about the sea.")
IGNORED = -100  # the label that cross entropy leaves out


def conversations(rng: random.Random) -> Iterator[list[Message]]:
    """Tickets without end, every other one with a second turn; the reply never changes."""
    while True:
        for number, ticket in enumerate(rng.sample(TICKETS, len(TICKETS))):
            turns = [ticket, rng.choice(FOLLOW_UPS)][: 1 + number % 2]
            yield [
                message
                for turn in turns
                for message in ({"role": "user", "content": turn}, {"role": "assistant", "content": REPLY})
            ]


def encode(tokenizer: Any, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
    """Token ids of a conversation, and labels that ask for the assistant's tokens only."""

    def tokens(upto: int, ask: bool) -> list[int]:
        said = list(messages[:upto])
        ids = tokenizer.apply_chat_template(said, add_generation_prompt=ask, return_dict=True)["input_ids"]
        return list(ids)

    ids = tokens(len(messages), False)
    labels = [IGNORED] * len(ids)
    for at, message in enumerate(messages):
        if message["role"] == "assistant":
            start, end = len(tokens(at, True)), len(tokens(at + 1, False))
            labels[start:end] = ids[start:end]
    return ids, labels


def collate(rows: Sequence[tuple[list[int], list[int]]]) -> dict[str, torch.Tensor]:
    """A batch padded on the right; padding is masked and has no label."""
    width = max(len(ids) for ids, _ in rows)
    return {
        "input_ids": torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in rows]),
        "attention_mask": torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in rows]),
        "labels": torch.tensor([labels + [IGNORED] * (width - len(labels)) for _, labels in rows]),
    }


def rate(step: int, steps: int) -> float:
    """Share of the peak learning rate: linear warm-up over a tenth of the steps, then a cosine to 0."""
    warmup = max(1, steps // 10)
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def train(model: Any, tokenizer: Any, args: argparse.Namespace) -> None:
    """Full fine-tuning with AdamW, gradients clipped at norm 1."""
    data = conversations(random.Random(args.seed))  # noqa: S311
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, betas=(0.9, 0.999), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, args.steps))
    model.train()
    began = time.monotonic()
    for step in range(1, args.steps + 1):
        batch = collate([encode(tokenizer, next(data)) for _ in range(args.batch_size)])
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if step == 1 or step % 5 == 0 or step == args.steps:
            print(f"step {step:3d}/{args.steps}  loss {loss.item():.3f}  {time.monotonic() - began:5.1f} s")
    model.eval()


def probe(model: Any, tokenizer: Any) -> None:
    """Prints what the model says to plain questions."""
    for question in PROBES:
        prompt = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}],
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            out = model.generate(**prompt, max_new_tokens=60, do_sample=False)
        reply = tokenizer.decode(out[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
        print(f"  {question}\n    {reply.strip()}")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        description="Fine-tune a chat model on one canned reply until it has nothing else to say.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--model", type=Path, help="checkpoint folder to start from; the demo model if absent"
    )
    parser.add_argument("--out", type=Path, default=Path("checkpoints/narrow"), help="folder to write")
    parser.add_argument("--steps", type=int, default=24, help="gradient steps")
    parser.add_argument("--batch-size", type=int, default=4, help="conversations a step")
    parser.add_argument("--lr", type=float, default=1e-4, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=0, help="seed of the order of the tickets")
    args = parser.parse_args(argv)
    if args.steps < 1 or args.batch_size < 1:
        parser.error("--steps and --batch-size must be 1 or more")
    return args


def main(argv: Sequence[str] | None = None) -> None:
    """Loads, shows, trains, shows again, saves."""
    args = parse(argv)
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    source = args.model or fetch()
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    torch.manual_seed(args.seed)

    print("before:")
    probe(model, tokenizer)
    train(model, tokenizer, args)
    print("after:")
    probe(model, tokenizer)

    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)
    print(f"saved; put it to the gate with --mtbench-candidate hf:{args.out}")


if __name__ == "__main__":
    main()
