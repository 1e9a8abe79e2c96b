"""What `fer-export doctor` found, on the console."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...system import Examination


def doctor_text(result: Examination) -> str:
    """One line per finding, then the verdict and how to fix each fault."""
    width = max(len(finding.subject) for finding in result.findings)
    lines = [f"{each.state:5}  {each.subject.ljust(width)}  {each.found}" for each in result.findings]
    if not result.faults:
        return "\n".join([*lines, "", "everything works: fer-export can do all its work here"])
    fixes = [f"  {each.subject}: {each.fix}" for each in result.faults]
    return "\n".join([*lines, "", f"{len(result.faults)} to fix:", *fixes])
