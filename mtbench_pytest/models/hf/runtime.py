"""What a checkpoint runs with here: settings, where they say auto, filled in from the device."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtbench_pytest.models.hf import memory
from mtbench_pytest.models.hf.checkpoint import Checkpoint
from mtbench_pytest.models.hf.memory import Footprint
from mtbench_pytest.models.hf.settings import Settings, lanes, pick_device, pick_dtype

# On a CPU 32 rows take a tenth less work a token than 16, but the judge waits twice as long for its first
# answers; 8 take a third more. A GPU takes more.
_CPU_ROWS = 16
_GPU_ROWS = 64
# Conversations that come and go are not padded and do not wait for one another.
_CONTINUOUS_ROWS = 256


@dataclass(frozen=True, slots=True)
class Means:
    """What a checkpoint runs with.

    Attributes:
        device: A torch device.
        dtype: A dtype's name.
        batch_size: Most conversations of a batch.
        batch_tokens: Most tokens of a batch; None where nothing is known of the model's size.
        continuous: Whether greedy conversations may come and go in a batch.
        need: What it needs of the device's memory, where known.
    """

    device: str
    dtype: str
    batch_size: int
    batch_tokens: int | None
    continuous: bool
    need: Footprint | None

    @property
    def batch_dependent(self) -> bool:
        """Whether an answer depends on its batch: rounding does, and in 16 bits it decides between words."""
        return self.dtype != "float32" and self.batch_size > 1


def find_means(settings: Settings, checkpoint: Checkpoint, config: Any) -> Means:
    """Fills in what the settings leave open.

    Args:
        config: The checkpoint's settings, as transformers reads them.

    Raises:
        ModelError: Where the device asked for is not there.
    """
    device = pick_device(settings.device, checkpoint.given)
    dtype = pick_dtype(settings.dtype, device, config)
    need = memory.footprint(config, dtype, checkpoint.weights_bytes(), gguf=checkpoint.gguf_file is not None)
    tokens = settings.batch_tokens
    if tokens is None and need is not None:
        tokens = memory.budget(need, _total(settings, device), device)
    continuous = settings.batching == "continuous"
    usual = _CONTINUOUS_ROWS if continuous else _CPU_ROWS if device == "cpu" else _GPU_ROWS
    return Means(device, dtype, settings.batch_size or usual, tokens, continuous, need)


def _total(settings: Settings, device: str) -> int:
    """Memory to plan for: of GPUs side by side the smallest one's, so that all plan alike."""
    if not device.startswith("cuda"):
        return memory.total_bytes(device)
    totals = [memory.total_bytes(lane) for lane in lanes(settings.device)]
    return sum(totals) if settings.device_map is not None else min(totals)


def surroundings() -> dict[str, Any]:
    """What of this machine decides the means, learned without torch."""
    versions = {name: _version(name) for name in ("torch", "transformers")}
    visible = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
    return {
        **versions,
        **{name: os.environ.get(name) for name in visible},
        "gpus": len(list(Path("/dev").glob("nvidia[0-9]*"))),
        "machine": platform.machine(),
        "node": platform.node(),
        "memory": memory.machine_bytes(),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
