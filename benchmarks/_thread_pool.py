"""The peer: a bare thread pool with openai's client, one script without a harness.

python benchmarks/_thread_pool.py BODIES.jsonl BASE_URL THREADS
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai


def main() -> int:
    """Sends every body of the file once; returns 1 where a reply had no text."""
    file, base_url, threads = sys.argv[1:]
    bodies = [json.loads(line) for line in Path(file).read_text("utf-8").splitlines()]
    client = openai.OpenAI(api_key="none", base_url=base_url, max_retries=6)

    def call(body: dict[str, Any]) -> bool:
        return bool(client.chat.completions.create(**body).choices[0].message.content)

    with ThreadPoolExecutor(int(threads)) as pool:
        return 0 if all(pool.map(call, bodies)) else 1


if __name__ == "__main__":
    sys.exit(main())
