"""Faults of the network."""
import contextlib
import socket
import subprocess
import threading


@contextlib.contextmanager
def udp_blocked(port, verdict):
    """Nothing passes to or from that UDP port of this machine. `verdict`: drop, or reject as a closed port would."""
    table = f"throughline_{port}"
    rules = (f"table inet {table} {{ chain out {{ type filter hook output priority 0; "
             f"udp dport {port} {verdict}; udp sport {port} {verdict}; }}; }}\n")
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", table], check=True)


class TcpProxy:
    """Stands between a client and a TCP port, and can cut what runs through it."""

    def __init__(self, port):
        self.target, self.sockets = ("127.0.0.1", port), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self.target)
            self.sockets += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def cut(self):
        """Ends all connections; returns how many there were. New ones are taken as before."""
        cut, self.sockets = self.sockets, []
        for s in cut:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()
        return len(cut) // 2
