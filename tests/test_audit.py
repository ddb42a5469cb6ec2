import json

import audit
import pytest

FLAW = {"id": "CVE-2026-1", "fix_versions": ["1.1", "2.0"]}


@pytest.mark.parametrize(
    ("dependencies", "sentence", "good"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], "No known vulnerabilities in 1 req", True),
        (
            [{"name": "a", "version": "1", "vulns": [FLAW]}, {"name": "b", "skip_reason": "new"}],
            "a 1: CVE-2026-1, fixed in 1.1, 2.0",
            False,
        ),
        ([{"name": "a", "version": "1", "vulns": [FLAW | {"fix_versions": []}]}], "no vers", False),
        ([{"name": "a", "skip_reason": "not found"}], "not checked", True),
        (None, "cannot be reached", True),
    ],
)
def test_a_known_vulnerability_fails_the_lint_and_an_unreachable_database_is_said(
    dependencies, sentence, good
):
    report = "" if dependencies is None else json.dumps({"dependencies": dependencies})
    said, passed = audit.verdict(report)
    assert sentence in said
    assert passed == good
