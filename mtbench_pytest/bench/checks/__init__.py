"""What can be verified of a reply without an LLM: the vocabulary of a question's `checks`.

A check is a JSON object with one name and, for some, options: `{"contains": "Paris"}`,
`{"number": 42, "tolerance": 0.5, "in": "last line"}`. docs/checks.md lists them all. Nothing here runs
code that a model wrote.
"""

from mtbench_pytest.bench.checks.examination import Examined, examine
from mtbench_pytest.bench.checks.loops import find_loop
from mtbench_pytest.bench.checks.outcome import Outcome
from mtbench_pytest.bench.checks.reading import numbers
from mtbench_pytest.bench.checks.sanity import Fault, degenerate, fault
from mtbench_pytest.bench.checks.vocabulary import VERSION, run, validate

__all__ = [
    "VERSION",
    "Examined",
    "Fault",
    "Outcome",
    "degenerate",
    "examine",
    "fault",
    "find_loop",
    "numbers",
    "run",
    "validate",
]
