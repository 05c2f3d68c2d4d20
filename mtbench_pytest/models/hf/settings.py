"""The parameters of a spec `hf:…?key=val` or `demo?key=val`."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtbench_pytest.core.errors import ModelError
from mtbench_pytest.core.parsers import Parser, choice, json_object, truth, whole
from mtbench_pytest.core.specs import Spec
from mtbench_pytest.models.hf.checkpoint import require

DTYPES = ("float32", "bfloat16", "float16")


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
        template_kwargs: Given to the template, such as Qwen3's `enable_thinking`.
    """

    dtype: str = "auto"
    device: str = "auto"
    device_map: str | None = None
    batch_size: int | None = None
    batch_tokens: int | None = None
    batching: str = "static"
    system: str = ""
    chat_template: Path | None = None
    template_kwargs: Mapping[str, Any] = field(default_factory=dict)


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
    "template_kwargs": json_object,
    "enable_thinking": truth,
}


def read_settings(spec: Spec, own: Mapping[str, Parser] = {}) -> dict[str, Any]:
    """Reads the parameters that all models of this kind share: the fields of `Settings`, and `name`.

    Raises:
        SpecError: For a parameter that is unknown or means nothing, or two that exclude each other.
    """
    read = spec.read({**SETTINGS, "name": str, **own})
    if "chat_template" in read:
        read["chat_template"] = spec.base / read["chat_template"]
    if "enable_thinking" in read:
        thinking = {"enable_thinking": read.pop("enable_thinking")}
        read["template_kwargs"] = {**read.get("template_kwargs", {}), **thinking}
    if "device_map" in read and read.get("device", "auto") != "auto":
        raise spec.error("device and device_map together", "one of the two")
    return read


def pick_device(asked: str, given: str) -> str:
    """The torch device for `auto`, `cpu`, `mps`, `cuda` or `cuda:N`.

    Raises:
        ModelError: Where this machine has no such device.
    """
    torch = require("torch")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    apple = torch.backends.mps.is_available()
    if asked == "auto":
        return "cuda" if gpus else "mps" if apple else "cpu"
    kind, _, index = asked.partition(":")
    if kind == "cuda" and int(index or 0) >= gpus:
        raise ModelError(
            f"{given}: device={asked}, but torch sees {gpus} CUDA GPUs here; expected device=auto or cpu"
        )
    if kind == "mps" and not apple:
        raise ModelError(f"{given}: device=mps, but torch has no MPS here; expected device=auto or cpu")
    return asked


def lanes(asked: str) -> list[str]:
    """The devices that can work side by side: every visible GPU for `auto`, else the one asked for.

    Args:
        asked: As `pick_device` has checked it.
    """
    torch = require("torch")
    if asked == "auto" and torch.cuda.is_available():
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    device = pick_device(asked, "")
    return ["cuda:0" if device == "cuda" else device]


def pick_dtype(asked: str, device: str, config: Any) -> str:
    """The dtype's name for `auto`: the fastest in which the device computes natively.

    On a CPU that is bfloat16 where it has instructions for it, else float32, whatever the checkpoint
    declares. On a GPU it is the checkpoint's own, or float16 where the GPU has no bfloat16. A GGUF file
    declares none; bfloat16 stands in.
    """
    if asked != "auto":
        return asked
    if device == "cpu":
        return "bfloat16" if cpu_has_bfloat16() else "float32"
    declared = str(config.get_text_config().dtype or "bfloat16").removeprefix("torch.")
    torch = require("torch")
    if declared == "bfloat16" and device.startswith("cuda"):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return declared if native else "float16"
    return declared if declared in DTYPES else "bfloat16"


def cpu_has_bfloat16() -> bool:
    """Whether this CPU multiplies in bfloat16, and does not do so by way of float32."""
    torch = require("torch")
    if platform.machine().lower() in ("arm64", "aarch64"):
        return platform.system() == "Linux" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(check() for name in checks if (check := getattr(torch.cpu, name, None)))
