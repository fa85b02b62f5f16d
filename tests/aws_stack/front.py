"""Stands before AWS and Slack: their real addresses, `https://….lambda-url.….on.aws/` for one, lead to the tests'.

Callers that take a proxy and an authority from their environment need not know that they speak to somebody else. For
those that take no proxy, as alerts do, there is a network in which the same names lead to the same door.
"""

import http.client
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

OURS = {"connection", "transfer-encoding", "content-length", "server", "date"}
"""Headers that are not passed on with an answer."""


NETWORK = """import socket

ENDS, DOOR, ADDRESS = {ends!r}, {door!r}, "93.184.216.34"
resolve, connect = socket.getaddrinfo, socket.create_connection


def getaddrinfo(host, *rest, **more):
    return resolve(ADDRESS if isinstance(host, str) and host.endswith(ENDS) else host, *rest, **more)


def create_connection(address, *rest, **more):
    return connect(DOOR if address[0] == ADDRESS else address, *rest, **more)


socket.getaddrinfo, socket.create_connection = getaddrinfo, create_connection
"""
"""A `sitecustomize.py`: to programs that run with it, all of our names have one public address, which is our door."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self):
        host = self.path.rpartition(":")[0]
        self.target = self.server.front.target(host)
        if not self.target:
            self.send_error(403, "there is no way out of here")
            return
        self.send_response(200)
        self.end_headers()
        self.request = self.connection = self.server.front.context(host).wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.close_connection = False  # whatever version of HTTP asked for the tunnel

    def handle_expect_100(self):
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection(self.target, timeout=60)
        connection.request(self.command, self.path, body, {**self.headers, "X-Forwarded-Proto": "https"})
        try:
            answer = connection.getresponse()
            text = answer.read()
        except OSError:  # it hung up, and so do we
            self.close_connection = True
            return
        finally:
            connection.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in OURS:
                self.send_header(name, value)
        self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the same

    def finish(self):
        super().finish()
        self.connection.close()

    def log_message(self, *_):
        pass


class Direct(Handler):
    """TLS from the first byte; where it leads is in the name that the caller asks for."""

    def setup(self):
        self.request = self.server.front.any.wrap_socket(self.request, server_side=True)
        self.target = self.server.front.target(self.request.host)
        super().setup()


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # a caller that hangs up is what some stories are about


class Front:
    """ways: the URLs to which hosts lead, by the ends of their names; environ: the variables that lead to this door;
    network: those of a Python program that asks for no proxy.
    """

    def __init__(self, ways, folder):
        self.ways, self.folder = {end: urlsplit(url).netloc for end, url in ways.items()}, folder
        self.authority = folder / "authority.pem"
        self._key, self._contexts = ec.generate_private_key(ec.SECP256R1()), {}
        self._root = certificate("the tests", self._key, self._key, None)
        self.authority.write_bytes(self._root.public_bytes(serialization.Encoding.PEM))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.front = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        trust = dict.fromkeys(("SSL_CERT_FILE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE"), str(self.authority))
        ways = dict.fromkeys(("https_proxy", "HTTPS_PROXY"), self.url) | dict.fromkeys(
            ("no_proxy", "NO_PROXY"), "127.0.0.1"
        )
        self.environ = {**ways, **trust}
        self.any = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.any.sni_callback = self.introduce
        self.direct = Quiet(("127.0.0.1", 0), Direct)
        self.direct.front = self
        (folder / "network").mkdir()
        network = NETWORK.format(ends=tuple(self.ways), door=self.direct.server_address)
        (folder / "network" / "sitecustomize.py").write_text(network)
        self.network = {"PYTHONPATH": str(folder / "network")}
        for server in (self.server, self.direct):
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def introduce(self, wire, host, _context):
        """Be whom the caller asks for."""
        wire.host, wire.context = host, self.context(host)

    def target(self, host):
        """Where a host leads, None for nowhere."""
        return next((self.ways[end] for end in self.ways if host.endswith(end)), None)

    def context(self, host):
        """TLS as this host."""
        if host not in self._contexts:
            file = self.folder / f"{host}.pem"
            key = ec.generate_private_key(ec.SECP256R1())
            secret = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            signed = certificate(host, key, self._key, self._root.subject)
            file.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
            self._contexts[host] = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._contexts[host].load_cert_chain(file)
        return self._contexts[host]

    def close(self):
        for server in (self.server, self.direct):
            server.shutdown()
            server.server_close()


def usage(*, signs):
    """What a key is for. Python 3.13 trusts no authority that does not say that it signs (RFC 5280, 4.2.1.3)."""
    rest = (
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, **dict.fromkeys(rest, False))


def certificate(name, key, signer, issuer):
    """Of this name; an authority's own when nobody else issues it."""
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(usage(signs=issuer is None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if issuer:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return made.sign(signer, hashes.SHA256())
