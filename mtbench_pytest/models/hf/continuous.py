"""transformers' continuous batching: conversations come and go, none waits for the longest of its batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mtbench_pytest.core.errors import ModelError
from mtbench_pytest.models.hf.checkpoint import require
from mtbench_pytest.models.hf.conversation import Talk
from mtbench_pytest.models.hf.engine import Engine, quiet
from mtbench_pytest.models.hf.worker import check

if TYPE_CHECKING:
    from collections.abc import Iterator

_HARMLESS = {
    "bos_token_id", "eos_token_id", "pad_token_id", "do_sample", "use_cache", "transformers_version",
    "_from_model_config",
}  # fmt: skip
# Tokens of the units in which memory is given to a conversation.
_PAGE = 64
# Tokens of prompts read in one step.
_READ = 1024
_WAIT = 0.5  # seconds between two looks at `stop`


def can_be_continuous(model: Any) -> bool:
    """Whether its greedy answers are the argmax of its logits and nothing else ends them than end tokens.

    Continuous batching drops most logits processors, and reads no stop strings: so a generation config that
    says anything but which tokens are special is not for it.
    """
    return (
        hasattr(model, "init_continuous_batching")
        and model.generation_config.to_diff_dict().keys() <= _HARMLESS
        and model.config._attn_implementation in ("sdpa", "eager")
    )


def converse(
    name: str, engine: Engine, talks: Sequence[Talk], stop: threading.Event, told: Callable[[int], None]
) -> None:
    """Answers every turn of greedy conversations whose first question is asked.

    Raises:
        ModelError: Where generation fails, or `stop` is set meanwhile.
    """
    by_id = {f"{number}": talk for number, talk in enumerate(talks)}
    waiting = {key for key, talk in by_id.items() if talk.open}
    with quiet(), _manager(engine.model, talks) as manager:
        for key in sorted(waiting, key=int):
            _add(manager, key, by_id[key])
        while waiting:
            check(stop, name)
            done = manager.get_result(timeout=_WAIT)
            if done is None:
                if not manager.is_running():
                    raise ModelError(f"{name}: continuous batching ended early; expected ?batching=static")
                continue
            if not done.is_finished():
                continue
            if done.error is not None:
                raise ModelError(f"{name}: {done.error}; expected ?batching=static")
            talk = by_id[done.request_id]
            told(len(done.generated_tokens))
            talk.hear(engine, engine.until_end(list(done.generated_tokens)), len(talks))
            if talk.open:
                talk.ask(engine)
            if talk.open:
                _add(manager, done.request_id, talk)
            else:
                waiting.discard(done.request_id)


def _add(manager: Any, key: str, talk: Talk) -> None:
    manager.add_request(list(talk.asked.prompt), request_id=key, max_new_tokens=talk.asked.budget)


@contextmanager
def _manager(model: Any, talks: Sequence[Talk]) -> Iterator[Any]:
    """A running manager with memory for all of the conversations, as the plan has it."""
    pages = sum(talk.room // _PAGE + 2 for talk in talks)
    # Flash kernels would be fetched from the Hub; a test run fetches nothing that was not asked for.
    config = require("transformers").ContinuousBatchingConfig(
        page_size=_PAGE,
        num_blocks=pages,
        max_batch_tokens=_READ + len(talks),
        auto_switch_to_flash=False,
    )
    manager = model.init_continuous_batching(model.generation_config, config)
    manager.start()
    try:
        yield manager
    finally:
        manager.stop(block=True, timeout=5, hard_stop=True)
        manager.destroy()
