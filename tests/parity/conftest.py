"""In `make parity` nothing is skipped: where a library is missing, the test fails."""

from collections.abc import Generator

import pytest

Reports = Generator[None, pytest.TestReport, pytest.TestReport]


def _failed(report):
    if report.skipped:
        report.outcome, report.longrepr = "failed", f"skipped: {report.longrepr[2]}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Reports:
    return _failed((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Reports:
    return _failed((yield))
