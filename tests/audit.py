"""Do the requirements have known vulnerabilities? Part of ``make lint``; asks PyPI."""

import json
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"


def verdict(report):
    """What pip-audit's JSON says, in a sentence, and whether it is good enough."""
    if not report:
        return "Requirements not checked for vulnerabilities: the database cannot be reached.", True
    checked = [one for one in json.loads(report)["dependencies"] if "skip_reason" not in one]
    if not checked:
        return "Requirements not checked for vulnerabilities: this index knows of none.", True
    found = [
        f"{one['name']} {one['version']}: {flaw['id']}, "
        f"fixed in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for one in checked
        for flaw in one["vulns"]
    ]
    if found:
        return "Known vulnerabilities:\n" + "\n".join(found), False
    return f"No known vulnerabilities in {len(checked)} requirements.", True


if __name__ == "__main__":
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--requirement", REQUIREMENTS, "--no-deps", "--disable-pip"]
    sentence, good = verdict(subprocess.run(command, capture_output=True, text=True).stdout)
    print(sentence)
    sys.exit(not good)
