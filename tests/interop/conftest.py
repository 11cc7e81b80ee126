import pytest

from certificates import Certificates
from harness import running
from network import Network
from rooms import LiveKitServer


@pytest.fixture(scope="session")
def livekit(tmp_path_factory):
    server = LiveKitServer(tmp_path_factory.mktemp("livekit"))
    with running(server.process):
        yield server


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def network():
    if not Network.possible():
        pytest.skip("what needs a network of its own (no namespaces on this machine)")
    made = Network()
    yield made
    made.remove()
