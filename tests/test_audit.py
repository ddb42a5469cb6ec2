import json

import audit
import pytest

FLAW = {"id": "CVE-2026-1", "fix_versions": ["1.1", "2.0"]}
UNREACHABLE = "Traceback\nrequests.exceptions.ConnectionError: Max retries exceeded"


@pytest.mark.parametrize(
    ("dependencies", "sentence", "good"),
    [
        ([{"name": "a", "version": "1", "vulns": []}], "in 1 packages; of 0", True),
        (
            [{"name": "a", "version": "1", "vulns": [FLAW]}, {"name": "b", "skip_reason": "new"}],
            "a 1: CVE-2026-1, fixed in 1.1, 2.0",
            False,
        ),
        ([{"name": "a", "version": "1", "vulns": [FLAW | {"fix_versions": []}]}], "no vers", False),
        ([{"name": "a", "skip_reason": "not found"}], "in 0 packages; of 1", True),
    ],
)
def test_a_known_vulnerability_is_named_and_fails_the_lint(dependencies, sentence, good):
    said, passed = audit.verdict(json.dumps({"dependencies": dependencies}), "")
    assert sentence in said
    assert passed == good


@pytest.mark.parametrize(
    ("complaints", "sentence", "good"),
    [
        (UNREACHABLE, "cannot be reached", True),
        ("No module named pip_audit", "failed: No module named pip_audit", False),
        ("", "no reason given", False),
    ],
)
def test_only_an_unreachable_database_is_an_excuse(complaints, sentence, good):
    said, passed = audit.verdict("", complaints)
    assert sentence in said
    assert passed == good
