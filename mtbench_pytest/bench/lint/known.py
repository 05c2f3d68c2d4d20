"""Published reference answers that are known to be wrong, by the digest of their text.

Source: FastChat pull request 3158, which corrects 13 of the 30 references that GPT-4 wrote for MT-bench
(lm-sys/FastChat, fastchat/llm_judge/data/mt_bench/reference_answer/gpt-4.jsonl).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

# The first 16 hexadecimal digits of sha256 over the turns, parted by a NUL.
_WRONG = frozenset(
    {
        "00a8ef62da09ca59",  # 104
        "86b1f00f711ba753",  # 105
        "ecda58c624452b67",  # 109
        "ecf2db94b4b8633b",  # 111
        "40585793d7092c7c",  # 113
        "86eb90e425890f6e",  # 114
        "06f1a1973596202e",  # 120
        "7deea74bc69bf041",  # 122
        "ae0057e27aaa7c24",  # 124
        "fd568bc78020683b",  # 125
        "930c168477c91809",  # 126
        "2d5fae33e8a8060e",  # 128
        "074d912e5a24e130",  # 130
    }
)


def known_to_be_wrong(reference: Sequence[str]) -> bool:
    """Whether these are the turns of a published reference that is wrong."""
    return hashlib.sha256("\0".join(reference).encode()).hexdigest()[:16] in _WRONG
