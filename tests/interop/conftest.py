import pytest

from harness import running
from rooms import LiveKitServer


@pytest.fixture(scope="session")
def livekit(tmp_path_factory):
    server = LiveKitServer(tmp_path_factory.mktemp("livekit"))
    with running(server.process):
        yield server
