"""The parameters of a spec `hf:…?key=val` or `demo?key=val`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench_pytest.core.specs import Parser, Spec, choice, whole
from mtbench_pytest.models.hf.devices import DTYPES


@dataclass(frozen=True, slots=True)
class Settings:
    """How a checkpoint is run.

    Attributes:
        dtype: float32, bfloat16, float16, or auto: see `devices.pick_dtype`.
        device: auto, cpu, mps, cuda or cuda:N.
        device_map: For models that span GPUs, as accelerate has it: auto, balanced …; `device` is then auto.
        batch_size: Most conversations generated together; None for what suits the device.
        batch_tokens: Most tokens of a batch, conversations times the longest one with all its turns and
            replies; None for what the device's memory holds.
        batching: static, or continuous for greedy conversations where transformers can do that.
        system: A system prompt put first in each conversation, or none.
        chat_template: A file with a Jinja template that replaces the checkpoint's.
    """

    dtype: str = "auto"
    device: str = "auto"
    device_map: str | None = None
    batch_size: int | None = None
    batch_tokens: int | None = None
    batching: str = "static"
    system: str = ""
    chat_template: Path | None = None


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", text):
        raise ValueError("auto, cpu, mps, cuda or cuda:N")
    return text


SETTINGS: Mapping[str, Parser] = {
    "dtype": choice("auto", *DTYPES),
    "device": _device,
    "device_map": choice("auto", "balanced", "balanced_low_0", "sequential"),
    "batch_size": whole(1),
    "batch_tokens": whole(1),
    "batching": choice("static", "continuous"),
    "system": str,
    "chat_template": lambda text: Path(text).expanduser(),
}


def read_settings(spec: Spec, own: Mapping[str, Parser] = {}) -> dict[str, Any]:
    """Reads the parameters that all models of this kind share: the fields of `Settings`, and `name`.

    Raises:
        SpecError: For a parameter that is unknown or means nothing, or two that exclude each other.
    """
    read = spec.read({**SETTINGS, "name": str, **own})
    if "chat_template" in read:
        read["chat_template"] = spec.base / read["chat_template"]
    if "device_map" in read and read.get("device", "auto") != "auto":
        raise spec.error("device and device_map together", "one of the two")
    return read
