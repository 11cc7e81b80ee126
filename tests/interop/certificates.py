"""Certificates as cameras have them, good and bad, made anew for each session by openssl."""
import subprocess
from datetime import UTC, datetime, timedelta

from namespaces import CAMERA

CONFIGURATION = """
[ca]
default_ca = test
[test]
database = index.txt
new_certs_dir = .
private_key = ca.key
certificate = ca.pem
rand_serial = yes
unique_subject = no
copy_extensions = copy
default_md = sha256
policy = any
[any]
commonName = supplied
"""


class Certificate:
    def __init__(self, folder, name):
        self.file = folder / f"{name}.pem"  # with its key
        said = subprocess.run(["openssl", "x509", "-in", self.file, "-noout", "-fingerprint", "-sha256"],
                              check=True, capture_output=True, text=True)
        self.fingerprint = said.stdout.strip().split("=")[1]


class Certificates:
    """One that is good for every camera here, by a CA of its own, and three that a client is to refuse."""

    def __init__(self, folder):
        self.folder, self.ca = folder, folder / "ca.pem"
        (folder / "ca.cnf").write_text(CONFIGURATION)
        (folder / "index.txt").touch()
        self._openssl("req", "-x509", *self._key("ca"), "-out", "ca.pem", "-days", "2", "-subj", "/CN=Throughline test CA")
        here = f"IP:127.0.0.1,IP:::1,IP:{CAMERA}"
        today = datetime.now(UTC)
        self.good = self._issue("good", here, today - timedelta(days=1), today + timedelta(days=1))
        self.expired = self._issue("expired", here, today - timedelta(days=30), today - timedelta(days=1))
        self.wrong_name = self._issue("wrong_name", "DNS:elsewhere.example", today - timedelta(days=1), today + timedelta(days=1))
        self.self_signed = self._self_signed("self_signed", here)

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    @staticmethod
    def _key(name):
        return "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key"

    def _issue(self, name, names, start, end):
        self._openssl("req", *self._key(name), "-out", f"{name}.csr", "-subj", "/CN=camera", "-addext", f"subjectAltName={names}")
        self._openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-in", f"{name}.csr", "-out", f"{name}.crt",
                      "-startdate", f"{start:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}")
        return self._with_key(name)

    def _self_signed(self, name, names):
        self._openssl("req", "-x509", *self._key(name), "-out", f"{name}.crt", "-days", "2", "-subj", "/CN=camera",
                      "-addext", f"subjectAltName={names}")
        return self._with_key(name)

    def _with_key(self, name):
        parts = [(self.folder / f"{name}.{part}").read_text() for part in ("crt", "key")]
        (self.folder / f"{name}.pem").write_text("".join(parts))
        return Certificate(self.folder, name)
