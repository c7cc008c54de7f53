"""Certificates and signatures, judged by the openssl program on files."""
import functools
import hashlib
import pathlib
import re
import shutil
import subprocess
import tempfile

from .wire import Fault, require

OPENSSL = shutil.which("openssl")
ED25519 = bytes.fromhex("302a300506032b6570032100")  # a SubjectPublicKeyInfo up to its 32 bytes


def openssl(*arguments):
    result = subprocess.run([OPENSSL, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            errors="replace", check=False)
    if result.returncode != 0:
        raise Fault(f"openssl {' '.join(map(str, arguments))}: {result.stdout}{result.stderr}")
    return result.stdout


class Certificates:
    """What leads to one authority. Everything is judged once."""

    def __init__(self, authority):
        self.authority = pathlib.Path(authority)
        self.folder = tempfile.TemporaryDirectory(prefix="starling-reader-")
        self.count = 0
        self.holder = functools.lru_cache(None)(self._holder)
        self.verify = functools.lru_cache(None)(self._verify)
        self.verify_raw = functools.lru_cache(None)(self._verify_raw)
        self.key = functools.lru_cache(None)(self._key)
        self.key_digest = functools.lru_cache(None)(self._key_digest)

    def close(self):
        self.folder.cleanup()

    def _file(self, data):
        self.count += 1
        path = pathlib.Path(self.folder.name, str(self.count))
        path.write_bytes(data)
        return path

    def _pem(self, der):
        path = pathlib.Path(f"{self._file(der)}.pem")
        openssl("x509", "-inform", "DER", "-in", path.with_suffix(""), "-out", path)
        return path

    def _holder(self, chain, purpose):
        """(flock, node) of a chain of DER certificates that is good as a "client" or "server"."""
        files = [self._pem(der) for der in chain]
        untrusted = [word for file in files[1:] for word in ("-untrusted", file)]
        openssl("verify", "-x509_strict", "-purpose", f"ssl{purpose}", "-CAfile", self.authority, *untrusted, files[0])
        text = openssl("x509", "-in", files[0], "-noout", "-ext", "subjectAltName,extendedKeyUsage")
        usage = {"client": "TLS Web Client Authentication", "server": "TLS Web Server Authentication"}[purpose]
        require(usage in text, f"no extended key usage of a {purpose}")
        found = re.findall(r"URI:starling://([^/\s,]+)/([^/\s,]+)", text)
        require(len(found) == 1, "not exactly one SAN URI starling://FLOCK/NODE")
        return found[0]

    def _key(self, leaf):
        return self._file(openssl("x509", "-in", self._pem(leaf), "-noout", "-pubkey").encode())

    def _key_digest(self, leaf):
        """SHA-256 of the leaf's SubjectPublicKeyInfo."""
        out = self._file(b"")
        openssl("pkey", "-pubin", "-in", self.key(leaf), "-outform", "DER", "-out", out)
        return hashlib.sha256(out.read_bytes()).digest()

    def check_crl(self, der):
        """A list of revoked certificates, signed by the authority."""
        openssl("crl", "-inform", "DER", "-in", self._file(der), "-CAfile", self.authority, "-noout")

    def _verify_raw(self, key, message, signature):
        """Fails unless that Ed25519 public key's owner made that signature (RFC 8032; the key in DER: RFC 8410)."""
        public = self._file(ED25519 + key)
        openssl("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", public, "-rawin", "-in", self._file(message),
                "-sigfile", self._file(signature))

    def _verify(self, leaf, message, signature):
        """Fails unless the leaf's key made that signature: ECDSA with SHA-256."""
        openssl("dgst", "-sha256", "-verify", self.key(leaf), "-signature", self._file(signature), self._file(message))
