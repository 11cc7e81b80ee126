import os
from pathlib import Path

import pytest

from certificates import Certificates
from harness import running
from rooms import LiveKitServer


@pytest.fixture(scope="session")
def livekit(tmp_path_factory):
    server = LiveKitServer(tmp_path_factory.mktemp("livekit"))
    with running(server.process):
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


def pytest_terminal_summary(terminalreporter):
    """What this machine cannot show, for the last lines of .ci/run."""
    if left_out := os.environ.get("THROUGHLINE_LEFT_OUT"):
        reasons = {report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", [])}
        Path(left_out).write_text("".join(f"left out: {reason}\n" for reason in sorted(reasons)))
