"""A peer that is no starling: Python's ssl with whatever certificate, and a HELLO that says whatever it is told to."""
import contextlib
import hashlib
import re
import socket
import ssl
import subprocess
import time

from protocol_reader import signatures, wire

TIMEOUT = 30
ALERTS = {"UNKNOWN_CA": 48, "BAD_CERTIFICATE": 42, "UNSUPPORTED_CERTIFICATE": 43, "CERTIFICATE_REVOKED": 44,
          "CERTIFICATE_EXPIRED": 45, "CERTIFICATE_UNKNOWN": 46, "ACCESS_DENIED": 49, "DECRYPT_ERROR": 51,
          "INSUFFICIENT_SECURITY": 71, "INTERNAL_ERROR": 80, "CERTIFICATE_REQUIRED": 116, "HANDSHAKE_FAILURE": 40,
          "ILLEGAL_PARAMETER": 47, "DECODE_ERROR": 50, "PROTOCOL_VERSION": 70}


# ---- protobuf, the other way round ----

def varint(value):
    out = bytearray()
    while True:
        low, value = value & 0x7F, value >> 7
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def encode(fields, message):
    """The one encoding of a message whose fields are those of wire.MESSAGES."""
    out = b""
    for number, field in sorted(fields.items()):
        for value in message[field.name] if field.repeated else [message[field.name]]:
            if field.kind == "number":
                out += b"" if not value else varint(number << 3) + varint(value)
            elif field.kind == "fixed64":
                out += b"" if not value else varint(number << 3 | 1) + value.to_bytes(8, "little")
            else:
                value = value.encode() if isinstance(value, str) else value
                out += b"" if not value and not field.repeated else varint(number << 3 | 2) + varint(len(value)) + value
    return out


def frame(kind, payload):
    number = next(number for number, name in wire.TYPES.items() if name == kind)
    return wire.HEADER.pack(len(payload), number, 0, 0) + payload


def hello(like, **changes):
    """A HELLO frame as the other one's was, but for what changes."""
    return frame("HELLO", encode(wire.MESSAGES["HELLO"], {**like, **changes}))


# ---- what an accepter shows ----

DAY = 86400
DELEGATE = bytes(range(32))
NO_DELEGATION = {"delegate": DELEGATE, "delegation": bytes(64), "delegated_until": int(time.time()) + DAY,
                 "proof": bytes(64)}


def delegation(certificate, flock, node):
    """A true one, by the key of the certificate (ECDSA), to a key that nobody has."""
    public = subprocess.run([signatures.OPENSSL, "pkey", "-in", certificate.key, "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout
    said = (b"starling delegation 1\0" + flock.encode() + b"\0" + node.encode() + b"\0" + DELEGATE
            + hashlib.sha256(public).digest() + NO_DELEGATION["delegated_until"].to_bytes(8, "big"))
    signed = subprocess.run([signatures.OPENSSL, "dgst", "-sha256", "-sign", certificate.key], input=said, check=True,
                            capture_output=True).stdout
    return {**NO_DELEGATION, "delegation": signed}


# ---- TLS ----

def alert_text(problem):
    """What an ssl.SSLError says of the other side: "alert 48, unknown ca"."""
    match = re.search(r"ALERT_([A-Z_0-9]+)", problem.reason or "")
    if not match:
        return f"no alert: {problem}"
    name = match[1]
    number = ALERTS.get(name)
    return f"alert {number if number is not None else '?'}, {name.lower().replace('_', ' ')}"


def context(client, certificate):
    """Checks nothing of the other side, and shows what OpenSSL would rather not show."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if client else ssl.PROTOCOL_TLS_SERVER)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.set_ciphers("DEFAULT:@SECLEVEL=0")
    if certificate is not None:
        made.load_cert_chain(certificate.write_chain(certificate.pem.with_suffix(".chain")), certificate.key)
    return made


def listen(made, trusted=None):
    """A listener for the context; it asks for a client certificate, where `trusted` is what it takes."""
    if trusted is not None:
        made.load_verify_locations(trusted)
        made.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(TIMEOUT)
    return listener


def address(listener):
    return "{}:{}".format(*listener.getsockname())


class Heard:
    """What came back: bytes, and how it ended."""

    def __init__(self):
        self.bytes = b""
        self.end = "close"

    def frames(self):
        return list(wire.Frames().feed(self.bytes))

    def read(self, stream, until=lambda heard: False):
        """To the end, or until enough is there."""
        try:
            while not until(self) and (part := stream.recv(65536)):
                self.bytes += part
        except ssl.SSLError as problem:
            self.end = alert_text(problem) if problem.reason and "ALERT" in problem.reason else "close"
        except ConnectionResetError:
            self.end = "reset"
        return self


def goodbye(heard):
    """The reason of the GOODBYE that was heard, or None."""
    return next((message["reason"] for kind, message in heard.frames() if kind == "GOODBYE"), None)


def dial(where, certificate, say=None):
    """Connects as a client with this certificate, and hears what comes. say(hello): what it answers to HELLO."""
    host, port = where.rsplit(":", 1)
    heard = Heard()
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(socket.create_connection((host, int(port)), timeout=TIMEOUT))
        try:
            tls = stack.enter_context(context(True, certificate).wrap_socket(raw))
        except ssl.SSLError as problem:
            heard.end = alert_text(problem)
            return heard
        return converse(tls, heard, say)


def accept(listener, made, say=None):
    """The same as a server, for the first that comes."""
    heard = Heard()
    raw, _ = listener.accept()
    with contextlib.ExitStack() as stack:
        stack.enter_context(raw)
        raw.settimeout(TIMEOUT)
        try:
            tls = stack.enter_context(made.wrap_socket(raw, server_side=True))
        except ssl.SSLError as problem:
            heard.end = alert_text(problem)
            return heard
        except ConnectionResetError:
            heard.end = "reset"
            return heard
        return converse(tls, heard, say)


def converse(tls, heard, say):
    if say is not None:
        heard.read(tls, lambda heard: any(kind == "HELLO" for kind, _ in heard.frames()))
        said = [message for kind, message in heard.frames() if kind == "HELLO"]
        if not said:
            return heard
        tls.sendall(say(said[0]))
    return heard.read(tls)
