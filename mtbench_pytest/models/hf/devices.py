"""Which device a model runs on, and in which dtype."""

from __future__ import annotations

import platform
from typing import Any

from mtbench_pytest.core.errors import ModelError
from mtbench_pytest.models.hf.checkpoint import require

DTYPES = ("float32", "bfloat16", "float16")


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
