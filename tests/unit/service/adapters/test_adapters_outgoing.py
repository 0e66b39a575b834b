"""F40: receivers that are down, slow, redirecting, endless, or inside. The way out never leads in."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fakes.receiver import Receiver

from bpkd_core.errors import InvalidInput
from service.adapters.outgoing import ANSWER_BYTES, HttpOutgoing
from service.domain.deliveries import Attempt
from service.domain.destinations import Destinations

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOOPBACK = Destinations(("127.0.0.1",))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def post(outgoing: HttpOutgoing, url: str) -> Attempt:
    return asyncio.run(outgoing.post(url, b"{}", {"content-type": "application/json"}, at=AT))


class Names:
    """A resolver that answers as it was told, and counts."""

    def __init__(self, *addresses: str) -> None:
        self.addresses, self.asked = addresses, 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.addresses


def test_a_request_arrives_as_it_was_given(receiver: Receiver) -> None:
    # the body is what was signed, and the host is the one of the URL
    receiver.status, receiver.body = 202, b"thanks"
    attempt = post(HttpOutgoing(LOOPBACK), receiver.url + "?room=4")
    assert (attempt.at, attempt.status, attempt.answer, attempt.error) == (AT, 202, "thanks", None)
    assert attempt.duration_ms > 0
    (got,) = receiver.received
    assert (got.path, got.body) == ("/hook?room=4", b"{}")
    assert got.headers["Host"] == receiver.url.split("/")[2]


def test_a_receiver_that_is_down_is_a_failed_attempt() -> None:
    # and no exception that ends the courier
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    attempt = post(HttpOutgoing(LOOPBACK), f"http://127.0.0.1:{port}/")
    assert attempt.status is None
    assert attempt.error
    assert not attempt.succeeded


def test_a_name_that_nobody_knows_is_a_failed_attempt() -> None:
    # as above
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert "not known" in (post(HttpOutgoing(Destinations(), resolve=unknown), "https://example.org/").error or "")


def test_a_receiver_that_never_answers_is_given_up() -> None:
    # its sender is needed elsewhere
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        attempt = post(HttpOutgoing(LOOPBACK, total_s=0.2), url)
    assert attempt.error == "it took longer than 0.2 s"


def test_a_receiver_that_drips_is_given_up() -> None:
    # each byte comes in time, and the answer never ends
    def drip(listener: socket.socket, stop: threading.Event) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n")
            while not stop.wait(0.02):
                connection.sendall(b"x")

    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener, stop))
        thread.start()
        attempt = post(HttpOutgoing(LOOPBACK, total_s=0.3), f"http://127.0.0.1:{listener.getsockname()[1]}/")
        stop.set()
        thread.join()
    assert (attempt.status, attempt.error) == (None, "it took longer than 0.3 s")


def test_a_redirect_is_an_answer_and_not_followed(receiver: Receiver) -> None:
    # it could lead where the URL itself could not
    receiver.status, receiver.headers = 307, {"location": "http://169.254.169.254/latest/meta-data"}
    attempt = post(HttpOutgoing(LOOPBACK), receiver.url)
    assert (attempt.status, attempt.succeeded, len(receiver.received)) == (307, False, 1)


def test_only_the_beginning_of_an_answer_is_read(receiver: Receiver) -> None:
    # packed or not, and whatever it claims to be
    receiver.body, receiver.headers = b"\x1f\x8b\x00\n" + b"x" * 5_000_000, {"content-encoding": "gzip"}
    receiver.status = 200
    attempt = post(HttpOutgoing(LOOPBACK), receiver.url)
    assert (attempt.status, len(attempt.answer)) == (200, ANSWER_BYTES)
    assert attempt.answer.startswith("\N{REPLACEMENT CHARACTER}" * 3 + "\n")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
    ],
)
def test_a_public_name_that_leads_inside_is_not_asked(receiver: Receiver, address: str) -> None:
    # who owns a name decides where it leads; one such address among good ones is enough
    names = Names("93.184.215.14", address)
    attempt = post(HttpOutgoing(Destinations(), resolve=names), receiver.url.replace("127.0.0.1", "hooks.example.org"))
    assert "which is private" in (attempt.error or "")
    assert receiver.received == []
    assert names.asked == 1


def test_what_was_checked_is_connected_to(receiver: Receiver) -> None:
    # a name that answers differently the second time gets no second time
    names = Names("127.0.0.1")
    url = receiver.url.replace("127.0.0.1", "hooks.internal")
    assert post(HttpOutgoing(LOOPBACK, resolve=names), url).status == 204
    assert names.asked == 1
    assert receiver.received[0].headers["Host"].startswith("hooks.internal:")


def test_the_next_address_is_tried_when_one_does_not_answer(receiver: Receiver) -> None:
    # a name with two addresses of which one is down is a name that answers
    names = Names("127.0.0.2", "127.0.0.1")
    outgoing = HttpOutgoing(Destinations(("127.0.0.0/8",)), resolve=names)
    assert post(outgoing, receiver.url.replace("127.0.0.1", "hooks.internal")).status == 204


@pytest.mark.parametrize("allowed", ["10.0.0.0/8", "10.0.0.7", "hooks.internal", "HOOKS.internal"])
def test_private_places_are_reached_where_they_are_allowed(allowed: str) -> None:
    # most receivers stand in the same building
    assert Destinations((allowed,)).allows("hooks.internal", ip_address("10.0.0.7"))
    assert not Destinations((allowed,)).allows("other.internal", ip_address("192.168.0.7"))


def test_plain_http_is_for_allowed_hosts_only() -> None:
    # what is told of jobs is nobody else's business on the way
    Destinations(("hooks.internal",)).check_url("http://hooks.internal:8080/x")
    Destinations().check_url("https://example.org:8443/x?y=z")
    with pytest.raises(InvalidInput, match="expected https"):
        Destinations().check_url("http://example.org/")


def test_the_certificate_is_compared_with_the_name_and_not_with_the_address(tmp_path: Path) -> None:
    # connecting to the checked address must not mean trusting whoever sits there
    trusted = write_certificate(tmp_path, "hooks.example.org")
    with Receiver(tls=tmp_path / "server.pem") as receiver:
        ours = HttpOutgoing(LOOPBACK, resolve=Names("127.0.0.1"), authorities=trusted)
        right = receiver.url.replace("http://127.0.0.1", "https://hooks.example.org")
        assert post(ours, right).status == 204
        wrong = post(ours, right.replace("hooks.", "other."))
        stranger = post(HttpOutgoing(LOOPBACK, resolve=Names("127.0.0.1")), right)
    for refused in (wrong, stranger):
        assert (refused.status, "CERTIFICATE_VERIFY_FAILED" in (refused.error or "")) == (None, True)
    assert len(receiver.received) == 1


def write_certificate(folder: Path, name: str) -> str:
    """A key and a certificate that vouches for itself, in one file; the certificate alone is returned."""
    key, subject = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]),
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(key.private_bytes(*plain) + pem)
    return pem.decode()
