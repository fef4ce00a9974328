"""What one caller asks for keeps nobody else from a source."""

from __future__ import annotations

import pytest

from tests.houses import AUDITOR, Desk

LONG = "x" * 900


@pytest.mark.parametrize(
    ("attack", "honest"),
    [
        (f'{{ budgetLine(code: "{LONG}") {{ code }} }}', '{ budgetLine(code: "2025-KEC-000") { code } }'),
        (
            "{ schools(where: " + "{not: " * 60 + "{}" + "}" * 60 + ") { nodes { code } } }",
            '{ school(code: "KEC-00001") { code } }',
        ),
        ('{ school(code: "\\u0000") { code } }', '{ school(code: "KEC-00001") { code } }'),
    ],
    ids=["a value the service does not take", "a filter no database takes", "a character no database takes"],
)  # fmt: skip
async def test_requests_a_source_would_refuse_do_not_make_it_look_down(attack: str, honest: str, desk: Desk) -> None:
    for _ in range(10):
        refused = await desk.ask(attack, AUDITOR)
        assert refused["errors"]
        assert "cannot be reached" not in refused["errors"][0]["message"]
    assert all((await desk.data(honest, AUDITOR)).values())
