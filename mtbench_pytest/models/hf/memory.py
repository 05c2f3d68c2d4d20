"""How many tokens of conversation a device's memory holds."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench_pytest.models.hf.checkpoint import require

# What a model may take of a memory. A CPU's is shared with whatever else runs there.
_GPU_SHARE = 0.85
_CPU_SHARE = 0.5
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# A GGUF file has about half a byte a parameter.
_GGUF_BYTES = 0.5


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a model needs of a device's memory.

    Attributes:
        weights: Bytes, roughly.
        token: Bytes for each token of each conversation: its keys and values in all layers, and what one
            layer computes with while a prompt is read.
    """

    weights: int
    token: int


def footprint(config: Any, dtype: str, stored: int, *, gguf: bool) -> Footprint | None:
    """What a checkpoint will need.

    Args:
        config: The checkpoint's settings.
        dtype: What it will run in.
        stored: Size of its weight files in bytes.
        gguf: Whether that is a GGUF file.

    Returns:
        None for an architecture that does not say what it consists of.
    """
    text = config.get_text_config()
    layers, hidden = (getattr(text, name, None) for name in ("num_hidden_layers", "hidden_size"))
    if not layers or not hidden:
        return None
    heads = getattr(text, "num_attention_heads", None) or 1
    shared = getattr(text, "num_key_value_heads", None) or heads
    size = getattr(text, "head_dim", None) or hidden // heads
    between = getattr(text, "intermediate_size", None) or 4 * hidden
    a_number = _BYTES[dtype]
    declared = str(text.dtype or "float32").removeprefix("torch.")
    packed = _GGUF_BYTES if gguf else _BYTES.get(declared, a_number)
    token = (2 * layers * shared * size + 4 * hidden + 3 * between) * a_number
    return Footprint(round(stored * a_number / packed), token)


def budget(need: Footprint, total: int, device: str) -> int:
    """Most tokens of all conversations of a batch together, prompts and replies.

    Rounded down to a power of two, so that machines that are nearly alike plan alike.

    Args:
        total: The device's memory in bytes.
    """
    share = _CPU_SHARE if device == "cpu" else _GPU_SHARE
    tokens = int((share * total - need.weights) / need.token)
    return 1 << tokens.bit_length() - 1 if tokens > 0 else 1


def total_bytes(device: str) -> int:
    """The device's whole memory; for a CPU the machine's, or what its container may use."""
    torch = require("torch")
    if device.startswith("cuda"):
        return int(torch.cuda.get_device_properties(torch.device(device)).total_memory)
    if device == "mps":
        return int(torch.mps.recommended_max_memory())
    return machine_bytes()


def free_bytes(device: str) -> int | None:
    """What a batch could take now; None where that is not known."""
    torch = require("torch")
    if device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(torch.device(device))
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + unused)
    if device == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    known = [free for free in (_meminfo("MemAvailable"), _container_free()) if free is not None]
    return min(known, default=None)


def machine_bytes() -> int:
    """Main memory, or the container's limit where that is lower; reads files only."""
    known = [total for total in (_meminfo("MemTotal"), _container("memory.max")) if total is not None]
    return min(known, default=8 << 30)


def _meminfo(name: str) -> int | None:
    with contextlib.suppress(OSError):
        if match := re.search(rf"^{name}: +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE):
            return int(match.group(1)) << 10
    return None


def _container(name: str) -> int | None:
    """A figure of this process's control group, version 2; None for none or no limit."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        inside = Path("/proc/self/cgroup").read_text().splitlines()[-1].split("::")[1].lstrip("/")
        return int((Path("/sys/fs/cgroup") / inside / name).read_text())
    return None


def _container_free() -> int | None:
    most, used = _container("memory.max"), _container("memory.current")
    return None if most is None or used is None else most - used
