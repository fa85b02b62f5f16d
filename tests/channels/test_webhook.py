from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from alert_samples import NOW, alert, at
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from receiver import Receiver, listening

from heartbeat.channels.webhook.request import Webhook, WebhookSettings, seconds
from heartbeat.channels.webhook.template import Template
from heartbeat.errors import ChannelFailed
from heartbeat.outbound.addresses import Guard, public

OPEN = Guard(allow_private=True)


def send(url, *alerts, key="i/opened@hook", guard=OPEN, total=10.0, **settings):
    channel = Webhook("hook", WebhookSettings(url=url, **settings), guard=guard, total=total)
    return channel.send(alerts or [alert()], key=key, now=NOW, receipt="")


# What is sent


def test_the_body_says_everything(receiver):
    assert send(f"{receiver.url}/hook?a=1", alert(tags=("etl",), output="boom")) == ""
    (asked,) = receiver.asked
    assert (asked.method, asked.path) == ("POST", "/hook?a=1")
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["idempotency-key"] == "i/opened@hook"
    assert asked.headers["host"] == f"127.0.0.1:{receiver.server_port}"
    assert asked.json == {
        "schema_version": 1,
        "key": "i/opened@hook",
        "event": "missed",
        "severity": "critical",
        "summary": "MISSED daily-report (prod): expected 09:00 JST, nothing by 09:10, last success yesterday 09:02 JST",
        "count": 1,
        "omitted": 0,
        "alerts": [
            {
                "id": "daily-report/1/opened",
                "event": "missed",
                "severity": "critical",
                "headline": "MISSED daily-report (prod): expected 09:00 JST, nothing by 09:10, "
                "last success yesterday 09:02 JST",
                "incident": "daily-report/1",
                "job": "daily-report",
                "description": "",
                "environment": "prod",
                "owner": "data team",
                "runbook": "",
                "tags": ["etl"],
                "timezone": "Asia/Tokyo",
                "schedule": "at 09:00 every day, Asia/Tokyo",
                "verdict": "missed",
                "reason": "grace_ran_out",
                "at": "2026-11-22T00:10:00Z",
                "expected": "2026-11-22T00:00:00Z",
                "deadline": "2026-11-22T00:10:00Z",
                "opened_at": "2026-11-22T00:10:00Z",
                "last_success": "2026-11-21T00:02:00Z",
                "last_signal": "2026-11-21T00:02:00Z",
                "next_expected": "2026-11-23T00:00:00Z",
                "consecutive": 1,
                "reminders": 0,
                "exit_status": None,
                "run_id": "",
                "output": "boom",
                "hint": "",
                "text": "",
                "jobs": [],
                "silent_all": False,
                "triggered_at": None,
                "attempts": 0,
                "answer": "",
                "phase": None,
                "log_url": "",
            }
        ],
    }


def test_a_signature_that_the_receiver_can_check(receiver):
    send(f"{receiver.url}/", secret="s3cret")
    (asked,) = receiver.asked
    stamp, mac = (part.partition("=")[2] for part in asked.headers["heartbeat-signature"].split(","))
    assert int(stamp) == NOW // 1000
    assert mac == hmac.new(b"s3cret", stamp.encode() + b"." + asked.body, hashlib.sha256).hexdigest()


def test_without_a_secret_there_is_no_signature(receiver):
    send(receiver.url)
    assert "heartbeat-signature" not in receiver.asked[0].headers


def test_headers_and_method_are_the_user_s(receiver):
    send(receiver.url, method="PUT", headers={"authorization": "Bearer x", "X-Team": "ops", "Host": "inner.example"})
    (asked,) = receiver.asked
    assert asked.method == "PUT"
    assert (asked.headers["authorization"], asked.headers["x-team"]) == ("Bearer x", "ops")
    assert asked.headers["host"] == "inner.example"


def test_a_key_that_is_not_ascii_still_fits_a_header(receiver):
    send(receiver.url, key="日報/1@ops\r\nX: y")
    assert receiver.asked[0].headers["idempotency-key"] == r"\u65e5\u5831/1@ops\r\nX: y"


def test_a_template_cannot_be_broken_out_of(receiver):
    template = Template('{"title": "${headline}", "n": ${count}, "job": "${job}"}', "application/json")
    assert template.flaw() == ""
    send(receiver.url, alert('x", "admin": "yes'), template=template)
    assert receiver.asked[0].json == {
        "title": 'MISSED x", "admin": "yes (prod): expected 09:00 JST, nothing by 09:10, '
        "last success yesterday 09:02 JST",
        "n": 1,
        "job": 'x", "admin": "yes',
    }


def test_a_form_and_a_text_are_filled_in_their_own_way(receiver):
    form = Template("q=${job}&s=${severity}", "application/x-www-form-urlencoded")
    send(receiver.url, alert("a&b=c"), template=form, headers={"Content-Type": form.content_type})
    text = Template("${subject}\n${message}", "text/plain")
    send(receiver.url, alert("a"), alert("b"), template=text, headers={"Content-Type": "text/plain; charset=utf-8"})
    assert receiver.asked[0].body == b"q=a%26b%3Dc&s=critical"
    assert receiver.asked[1].body.decode().startswith("[MISSED] 2 jobs: a, b\nMISSED 2 jobs: a (prod), b (prod)")


@pytest.mark.parametrize(
    ("content_type", "filled"),
    [
        ("application/x-www-form-URLencoded", "%3C%21channel%3E+a%26b%3D%22c%22"),
        ("APPLICATION/X-WWW-FORM-URLENCODED; charset=utf-8", "%3C%21channel%3E+a%26b%3D%22c%22"),
        ("text/xml", "&lt;!channel&gt; a&amp;b=&quot;c&quot;"),
        ("Application/SOAP+XML; charset=utf-8", "&lt;!channel&gt; a&amp;b=&quot;c&quot;"),
        ("text/HTML", "&lt;!channel&gt; a&amp;b=&quot;c&quot;"),
        ("application/vnd.api+JSON", '<!channel> a&b=\\"c\\"'),
        ("text/plain", '<!channel> a&b="c"'),
    ],
)
def test_the_content_type_says_how_a_field_is_written_whatever_its_letters(content_type, filled):
    assert Template("${job}", content_type).fill({"job": '<!channel> a&b="c"'}) == filled


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": "${nme}"}', "names ${nme}, which does not exist; there are answer, at, "),
        ('{"a": "${env:TOKEN}"}', "names ${env:TOKEN}, which does not exist"),
        ('{"a": "${slug}"}', "names ${slug}, which does not exist; did you mean ${job}?; there are answer, at, "),
        ('{"a": ${job}}', "write JSON with the fields in quotes"),
        ('{"a": ${exit_status}}', "write JSON with the fields in quotes"),
        ('{"a": ${job} b}', "write JSON with the fields in quotes"),
    ],
)
def test_a_template_that_cannot_work_is_refused(text, problem):
    assert problem in Template(text, "application/json").flaw()


# What its answer means


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_taken(receiver, status):
    receiver.otherwise = (status, {}, b"")
    assert send(receiver.url) == ""


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(receiver, status):
    receiver.otherwise = (status, {"Retry-After": "120"}, b"")
    with pytest.raises(ChannelFailed, match=rf"127\.0\.0\.1 answered {status}") as failed:
        send(receiver.url)
    assert (failed.value.final, failed.value.retry_after) == (False, 120.0)


@pytest.mark.parametrize("status", [400, 405, 413, 422])
def test_what_will_not_pass_is_final(receiver, status):
    receiver.otherwise = (status, {"Retry-After": "120"}, b"")
    with pytest.raises(ChannelFailed) as failed:
        send(receiver.url)
    assert (failed.value.final, failed.value.refused, failed.value.retry_after) == (True, False, None)


@pytest.mark.parametrize("status", [401, 402, 403, 404, 407, 410, 421])
def test_what_a_person_can_mend_is_tried_again_slowly(receiver, status):
    receiver.otherwise = (status, {"Retry-After": "120"}, b"")
    with pytest.raises(ChannelFailed) as failed:
        send(receiver.url)
    assert (failed.value.final, failed.value.refused, failed.value.retry_after) == (False, True, None)


@pytest.mark.parametrize(
    ("status", "unsent"), [(408, True), (429, True), (403, True), (400, True), (302, True), (500, False), (503, False)]
)
def test_what_the_receiver_refused_did_not_arrive(receiver, status, unsent):
    receiver.otherwise = (status, {}, b"")
    with pytest.raises(ChannelFailed) as failed:
        send(receiver.url)
    assert failed.value.unsent is unsent


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(receiver, status):
    receiver.otherwise = (status, {"Location": f"{receiver.url}/elsewhere"}, b"")
    with pytest.raises(ChannelFailed, match="redirects are not followed, give the final URL") as failed:
        send(receiver.url)
    assert (failed.value.final, failed.value.refused) == (False, True)
    assert len(receiver.asked) == 1


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("17", 17.0),
        ("Sun, 22 Nov 2026 00:31:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 00:31:30 -0000", 30.0),
        ("Sat, 21 Nov 2026 00:31:30 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("\u00b2", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, wanted):
    assert seconds(header, at("2026-11-22T00:31:00+00:00")) == wanted


def test_a_receiver_that_is_away_may_come_back(caplog):
    caplog.set_level(logging.DEBUG)
    with listening(Receiver()) as gone:
        url = f"{gone.url}/secret-path"
    with pytest.raises(ChannelFailed, match=r"127\.0\.0\.1:\d+ cannot be reached \(ConnectionRefusedError\)") as failed:
        send(url)
    assert (failed.value.final, failed.value.unsent) == (False, True)
    assert "secret-path" not in f"{failed.value}{caplog.text}"


def test_a_name_without_an_address_may_come_back():
    with pytest.raises(ChannelFailed, match=r"no-such-host\.invalid has no address") as failed:
        send("http://no-such-host.invalid/")
    assert not failed.value.final


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 ", b"nonsense\r\n\r\n"])
def test_a_receiver_that_talks_nonsense_or_hangs_is_left_in_time(answer):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        over = threading.Event()
        thread = threading.Thread(target=drip, args=(server, answer, over))
        thread.start()
        start = time.monotonic()
        with pytest.raises(ChannelFailed, match="did not answer") as failed:
            send(f"http://127.0.0.1:{port}/", total=0.3)
        over.set()
        thread.join()
    assert time.monotonic() - start < 2
    assert (failed.value.final, failed.value.unsent) == (False, False)


def drip(server, answer, over):
    """Answer a few bytes, then one now and then: no single read ever takes long."""
    wire, _ = server.accept()
    with wire:
        wire.recv(100_000)
        try:
            wire.sendall(answer)
            while not over.wait(0.05):
                wire.sendall(b"x" if answer else b"")
        except OSError:
            pass


# Where it may go


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "10.0.0.8",
        "172.16.3.4",
        "192.168.1.1",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[fec0::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[ff02::1]",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_private_addresses_are_refused_however_they_are_written(receiver, host):
    with pytest.raises(ChannelFailed, match="not a public address; allow it with allow_private: true") as failed:
        send(f"http://{host}:{receiver.server_port}/", guard=Guard())
    assert (failed.value.final, failed.value.refused) == (False, True)
    assert receiver.asked == []


@pytest.mark.parametrize("guard", [Guard(), OPEN], ids=["public", "private too"])
@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "169.254.170.2",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::169.254.169.254]",
        "100.100.100.200",
        "168.63.129.16",
    ],
)
def test_where_a_machine_s_credentials_are_told_nothing_is_sent_whatever_is_allowed(host, guard):
    with pytest.raises(ChannelFailed, match="where clouds keep a machine's credentials: it is never called") as failed:
        send(f"http://{host}/latest/meta-data/", guard=guard)
    assert failed.value.refused


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"])
def test_public_addresses_are_not(address):
    assert public(address)


def test_one_private_address_among_public_ones_is_enough_to_refuse(receiver):
    guard = Guard(resolver=lambda *_: ["93.184.216.34", "127.0.0.1"])
    with pytest.raises(ChannelFailed, match=r"rebind\.example is at 127\.0\.0\.1, which is not a public address"):
        send(f"http://rebind.example:{receiver.server_port}/", guard=guard)


def test_the_name_is_asked_once_and_the_answer_is_where_it_goes(receiver):
    asked = []

    def resolver(host, port):
        asked.append((host, port))
        return ["127.0.0.1"]

    send(f"http://hook.example:{receiver.server_port}/", guard=Guard(allow_private=True, resolver=resolver))
    assert asked == [("hook.example", receiver.server_port)]
    assert receiver.asked[0].headers["host"] == f"hook.example:{receiver.server_port}"


def test_the_next_address_is_tried_when_the_first_is_down(receiver):
    guard = Guard(allow_private=True, resolver=lambda *_: ["127.0.0.2", "127.0.0.1"])
    send(f"http://hook.example:{receiver.server_port}/", guard=guard)
    assert len(receiver.asked) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for hook.example, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hook.example")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key(), serial_number=1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hook.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def secure(certificate):
    server = Receiver()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with listening(server):
        yield server


def trusting(certificate):
    return Guard(
        allow_private=True, resolver=lambda *_: ["127.0.0.1"], tls=ssl.create_default_context(cafile=certificate)
    )


def test_tls_goes_to_the_checked_address_and_verifies_the_name(secure, certificate):
    send(f"https://hook.example:{secure.server_port}/", guard=trusting(certificate))
    assert secure.asked[0].headers["host"] == f"hook.example:{secure.server_port}"


def test_tls_with_another_name_is_refused(secure, certificate):
    with pytest.raises(ChannelFailed, match=r"TLS with other\.example failed \(Hostname mismatch"):
        send(f"https://other.example:{secure.server_port}/", guard=trusting(certificate))
    assert secure.asked == []


def test_tls_with_an_unknown_issuer_is_refused(secure):
    guard = Guard(allow_private=True, resolver=lambda *_: ["127.0.0.1"])
    with pytest.raises(ChannelFailed, match="self-signed certificate") as failed:
        send(f"https://hook.example:{secure.server_port}/", guard=guard)
    assert not failed.value.final


# Size


def test_a_huge_group_loses_outputs_first_and_then_the_tail(receiver):
    many = [alert(f"job{n}", output="x" * 10_000, description="y" * 200) for n in range(1200)]
    send(receiver.url, *many)
    (asked,) = receiver.asked
    assert len(asked.body) <= 1024 * 1024
    assert asked.json["count"] == 1200
    assert asked.json["omitted"] + len(asked.json["alerts"]) == 1200
    assert json.loads(asked.body)["alerts"][0]["output"] == ""
