"""Certificates of every kind, good and faulty, made by the openssl program: nothing here is starling's own."""
import dataclasses
import pathlib
import shutil
import subprocess
import time

OPENSSL = shutil.which("openssl")
KEYS = {"ec": ("EC", "ec_paramgen_curve:P-256"), "rsa-1024": ("RSA", "rsa_keygen_bits:1024"),
        "rsa-2048": ("RSA", "rsa_keygen_bits:2048"), "rsa-3072": ("RSA", "rsa_keygen_bits:3072"),
        "rsa-4096": ("RSA", "rsa_keygen_bits:4096"), "ed25519": ("ED25519", None)}
CONFIGURATION = """\
[ca]
default_ca = this
[this]
database = {folder}/index.txt
serial = {folder}/serial
crlnumber = {folder}/crlnumber
new_certs_dir = {folder}/issued
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
[any]
organizationName = optional
commonName = supplied
"""


def openssl(*arguments, **options):
    result = subprocess.run([OPENSSL, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            errors="replace", check=False, **options)
    if result.returncode != 0:
        raise AssertionError(f"openssl {' '.join(map(str, arguments))}: {result.stderr}")
    return result.stdout


def day(days):
    """`days` from now, as openssl writes a moment."""
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400))


def make_key(path, kind):
    algorithm, option = KEYS[kind]
    openssl("genpkey", "-algorithm", algorithm, *(("-pkeyopt", option) if option else ()), "-out", path)
    path.chmod(0o600)
    return path


@dataclasses.dataclass
class Certificate:
    pem: pathlib.Path
    key: pathlib.Path
    issuers: tuple = ()  # files of those between it and the root

    def write_chain(self, path):
        """Leaf first."""
        path.write_text("".join(each.read_text(encoding="ascii") for each in (self.pem, *self.issuers)), encoding="ascii")
        return path

    def chain_der(self):
        return [subprocess.run([OPENSSL, "x509", "-in", each, "-outform", "DER"], capture_output=True, check=True).stdout
                for each in (self.pem, *self.issuers)]


class Authority:
    """Issues and revokes by `openssl ca`, in a folder of its own. `issuer` None: a root."""

    def __init__(self, folder, issuer=None, name="authority", key="ec", extensions=(), constraints="critical,CA:TRUE",
                 usage="critical,keyCertSign,cRLSign", organization="demo"):
        self.folder = pathlib.Path(folder)
        (self.folder / "issued").mkdir(parents=True)
        (self.folder / "index.txt").touch()
        for counter in ("serial", "crlnumber"):
            (self.folder / counter).write_text("1000\n", encoding="ascii")
        self.configuration = self.folder / "ca.conf"
        self.configuration.write_text(CONFIGURATION.format(folder=self.folder), encoding="utf-8")
        self.pem, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        own = (f"basicConstraints={constraints}", f"keyUsage={usage}", "subjectKeyIdentifier=hash", *extensions)
        subject = f"/O={organization}/CN={name}"
        if issuer is None:
            self.issuers = ()
            make_key(self.key, key)
            words = [word for line in own for word in ("-addext", line)]
            # Without a configuration of its own openssl would add what Debian's has.
            openssl("req", "-x509", "-new", "-config", self._empty(), "-key", self.key, "-days", 30, "-subj", subject,
                    *words, "-out", self.pem)
        else:
            made = issuer.issue(self.folder / "made", subject, own, key=key)
            shutil.copy(made.pem, self.pem)
            shutil.copy(made.key, self.key)
            self.issuers = (self.pem, *issuer.issuers)

    def _empty(self):
        path = self.folder / "empty.conf"
        path.write_text("[req]\ndistinguished_name = name\n[name]\n", encoding="ascii")
        return path

    def _ca(self, *arguments):
        return openssl("ca", "-config", self.configuration, "-batch", *arguments)

    def issue(self, stem, subject, extensions, key="ec", digest=None, start=None, end=None):
        """stem.pem and stem.key; start and end in days from now."""
        stem = pathlib.Path(stem)
        stem.parent.mkdir(parents=True, exist_ok=True)
        pem, request, file = stem.with_suffix(".pem"), stem.with_suffix(".csr"), stem.with_suffix(".ext")
        key = make_key(stem.with_suffix(".key"), key)
        openssl("req", "-new", "-config", self._empty(), "-key", key, "-subj", subject, "-out", request)
        file.write_text("\n".join(extensions) + "\n", encoding="utf-8")
        self._ca("-notext", "-in", request, "-extfile", file, "-out", pem, *(("-md", digest) if digest else ()),
                 *(("-startdate", day(start)) if start is not None else ()),
                 *(("-enddate", day(end)) if end is not None else ()))
        return Certificate(pem, key, self.issuers)

    def revoke(self, certificate):
        self._ca("-revoke", certificate.pem)

    def write_crl(self, path, last=None, until=None):
        """Its list as of now; last and until (its end) in days from now."""
        self._ca("-gencrl", "-out", path, *(("-crl_lastupdate", day(last)) if last is not None else ()),
                 *(("-crl_nextupdate", day(until)) if until is not None else ()))
        return pathlib.Path(path)


def node_extensions(side, *names, purpose=None, constraints="critical,CA:FALSE"):
    """Of a node's certificate as a "server" or "client"; purpose "": none."""
    purpose = f"{side}Auth" if purpose is None else purpose
    return [f"basicConstraints={constraints}", "keyUsage=critical,digitalSignature", "subjectKeyIdentifier=hash",
            *([f"extendedKeyUsage={purpose}"] if purpose else []),
            *([f"subjectAltName={','.join(names)}"] if names else [])]


def issue_node(authority, stem, side, node, flock="demo", hosts=("IP:127.0.0.1",), extra=(), names=None, **options):
    """A certificate as a member of the flock has it, but for what the options say. `names`: instead of the node's."""
    purpose, constraints = options.pop("purpose", None), options.pop("constraints", "critical,CA:FALSE")
    if names is None:
        names = (f"URI:starling://{flock}/{node}",)
    names = (*names, *(hosts if side == "server" else ()))
    extensions = [*node_extensions(side, *names, purpose=purpose, constraints=constraints), *extra]
    return authority.issue(stem, f"/O={flock}/CN={node}", extensions, **options)


class Self:
    """Its own issuer: what anybody makes at home."""

    def issue(self, stem, subject, extensions):
        stem = pathlib.Path(stem)
        stem.parent.mkdir(parents=True, exist_ok=True)
        pem, empty = stem.with_suffix(".pem"), stem.with_suffix(".conf")
        key = make_key(stem.with_suffix(".key"), "ec")
        empty.write_text("[req]\ndistinguished_name = name\n[name]\n", encoding="ascii")
        openssl("req", "-x509", "-new", "-config", empty, "-key", key, "-days", 30, "-subj", subject,
                *[word for line in extensions for word in ("-addext", line)], "-out", pem)
        return Certificate(pem, key)


def join_files(out, *files):
    out.write_text("".join(file.read_text(encoding="ascii") for file in files), encoding="ascii")
    return out
