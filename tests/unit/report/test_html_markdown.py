"""The Markdown of a report's own sections as HTML."""

from __future__ import annotations

import pytest

from mtbench_pytest.report.html.markdown import markup


def html(*lines: str) -> str:
    return "".join(markup(lines)).replace("\n", "")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["## Language"], "<h2>Language</h2>"),
        (["### A & B"], "<h3>A &amp; B</h3>"),
        (["One", "two.", "", "Three."], "<p>One two.</p><p>Three.</p>"),
        (["- a", "  (and more)", "- b"], "<ul><li>a (and more)</li><li>b</li></ul>"),
        (["Of these:", "- a"], "<p>Of these:</p><ul><li>a</li></ul>"),
        (["see `mtbench --x` and **this**"], "<p>see <code>mtbench --x</code> and <strong>this</strong></p>"),
        (["~~~", "<b> - x", "## y", "~~~", "after"], "<pre>&lt;b&gt; - x## y</pre><p>after</p>"),
        (["~~~~\n~~~\n~~~~"], "<pre>~~~</pre>"),
        (["#hash, no heading"], "<p>#hash, no heading</p>"),
        (["an open `tick"], "<p>an open `tick</p>"),
        ([""], ""),
        ([], ""),
    ],
)
def test_blocks(lines: list[str], expected: str) -> None:
    assert html(*lines) == expected


def test_a_table() -> None:
    found = html("| | subset |", "| --- | --- |", r"| a\|b | 0.25 |")
    assert "<thead><tr><th></th><th>subset</th></tr></thead>" in found
    assert '<tbody><tr><td>a|b</td><td class="figure">0.25</td></tr></tbody>' in found


@pytest.mark.parametrize("line", ["{}", "## {}", "- {}", "| {} | x |", "`{}`", "**{}**", "~~~\n{}\n~~~"])
def test_html_stays_text(line: str) -> None:
    evil = "<script>alert('x')</script>"
    found = html(*line.format(evil).split("\n"), "| --- | --- |")
    assert "<script" not in found
    assert "&lt;script&gt;" in found
