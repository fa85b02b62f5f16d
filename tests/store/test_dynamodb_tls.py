"""The signing way to DynamoDB over TLS: who it trusts, and what a connection costs."""

import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zlib import crc32

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from heartbeat.store.dynamodb.call import Refused
from heartbeat.store.dynamodb.signed_call import signed_call


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"Item":{}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amz-crc32", str(crc32(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def certificate(key):
    """Of localhost, and its own authority: all that Python 3.13 asks of one is said."""
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    rest = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign")
    never = dict.fromkeys((*rest, "encipher_only", "decipher_only"), False)
    usage = x509.KeyUsage(digital_signature=True, key_cert_sign=True, **never)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    for extension, critical in (
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (usage, True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.SubjectAlternativeName([x509.DNSName("localhost")]), False),
    ):
        made = made.add_extension(extension, critical)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A file: the certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path_factory.mktemp("tls") / "authority.pem"
    file.write_bytes(key.private_bytes(*form) + certificate(key))
    return file


@pytest.fixture
def server(authority):
    """Its port."""
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    made.handle_error = lambda *_: None  # a handshake that the caller broke off
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority)
    made.socket = context.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made.server_address[1]
    made.shutdown()
    made.server_close()


def call_to(host, port):
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1"}
    return signed_call({**keys, "AWS_ENDPOINT_URL": f"https://{host}:{port}"}, lambda: 1_795_000_000)


def test_an_authority_that_is_trusted_is_spoken_to(server, authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    call = call_to("localhost", server)
    assert [call("GetItem", {}), call("GetItem", {})] == [{"Item": {}}, {"Item": {}}]
    call.close()


def test_the_authorities_are_read_once_for_all_connections(server, authority, monkeypatch):
    """Reading them takes longer than anything else about a connection."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    call = call_to("localhost", server)
    monkeypatch.setenv("SSL_CERT_FILE", "/dev/null")
    assert call("GetItem", {}) == {"Item": {}}
    call.close()
    assert call("GetItem", {}) == {"Item": {}}
    call.close()


def test_an_authority_that_nobody_trusts_gets_no_request(server):
    with pytest.raises(Refused, match="CERTIFICATE_VERIFY_FAILED"):
        call_to("localhost", server)("GetItem", {})


def test_a_certificate_of_another_name_is_refused(server, authority, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with pytest.raises(Refused, match=r"not valid for '127\.0\.0\.1'"):
        call_to("127.0.0.1", server)("GetItem", {})
