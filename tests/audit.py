"""Does a package in the lock have a known vulnerability? Part of ``make lint``; asks PyPI."""

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
NO_CONNECTION = ("requests.exceptions.", "Could not connect", "Connection")


def verdict(report, complaints):
    """What pip-audit has found, in a sentence, and whether it is good enough.

    Parameters
    ----------
    report : str
        Its JSON, empty if it came to no end.
    complaints : str
        What it wrote to stderr.
    """
    if not report:
        reason = (complaints.strip().splitlines() or ["no reason given"])[-1]
        if any(words in reason for words in NO_CONNECTION):
            return "Not checked for vulnerabilities: the database cannot be reached.", True
        return f"pip-audit failed: {reason}", False
    dependencies = json.loads(report)["dependencies"]
    checked = [one for one in dependencies if "skip_reason" not in one]
    found = [
        f"{one['name']} {one['version']}: {flaw['id']}, "
        f"fixed in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for one in checked
        for flaw in one["vulns"]
    ]
    if found:
        return "Known vulnerabilities:\n" + "\n".join(found), False
    unknown = len(dependencies) - len(checked)
    return (
        f"No known vulnerabilities in {len(checked)} packages; "
        f"of {unknown} this package index knows nothing.",
        True,
    )


if __name__ == "__main__":
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--requirement", LOCK, "--no-deps", "--disable-pip"]
    ended = subprocess.run(command, capture_output=True, text=True)
    sentence, good = verdict(ended.stdout, ended.stderr)
    print(sentence)
    sys.exit(not good)
