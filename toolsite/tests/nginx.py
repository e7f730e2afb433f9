"""nginx on this machine with the configuration of ops/nginx.conf, its ports and folders replaced."""

import os
import shutil
import subprocess
from pathlib import Path

from ops.free_port import free_port
from ops.places import ROOT
from ops.process import spawn
from toolsite.tests.live_site import end

SITE_NAME = "localhost"
PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
MISSING = "NGINX IS NOT INSTALLED: ops/nginx.conf was not tested (Debian: apt install nginx-light)."


class Nginx:
    """One nginx before a web server. Everything it writes is in its folder."""

    def __init__(self, folder: Path, *, web_port: int) -> None:
        self.folder = folder
        self.http_port = free_port()
        self.https_port = free_port()
        self.configuration = folder / "nginx.conf"
        self.process: subprocess.Popen[bytes] | None = None
        folder.chmod(0o755)
        make_certificate(folder)
        self.configuration.write_text(self.adapted(web_port))

    def adapted(self, web_port: int) -> str:
        """Return the configuration as it is, but for what belongs to this machine."""
        text = (ROOT / "ops/nginx.conf").read_text()
        user = "user root;" if os.geteuid() == 0 else ""
        for shipped, here in [
            ("user www-data;", user),
            ("/run/nginx.pid", f"{self.folder}/nginx.pid"),
            ("/var/log/nginx", f"{self.folder}"),
            ("/etc/nginx/mime.types", f"{self.folder}/mime.types"),
            ("/etc/ssl/toolsite", f"{self.folder}"),
            ("127.0.0.1:8000", f"127.0.0.1:{web_port}"),
            ("listen 80 ", f"listen 127.0.0.1:{self.http_port} "),
            ("listen 443 ", f"listen 127.0.0.1:{self.https_port} "),
            ("tools.example.org", SITE_NAME),
            ("http {\n", "http {\n" + self.own_folders()),
        ]:
            assert shipped in text, shipped
            text = text.replace(shipped, here)
        (self.folder / "mime.types").write_text("types { text/html html; }\n")
        return text

    def own_folders(self) -> str:
        """Return where bodies and answers are buffered, which nginx was built with paths for."""
        kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        return "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in kinds)

    def command(self, *more: str) -> list[str | Path]:
        """Return nginx with this configuration."""
        return [
            PROGRAM or "nginx",
            "-c",
            self.configuration,
            "-e",
            self.folder / "error.log",
            *more,
        ]

    def check(self) -> subprocess.CompletedProcess[str]:
        """Ask nginx what it thinks of the configuration."""
        return subprocess.run(
            [str(part) for part in self.command("-t")],
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self) -> None:
        """Start it; it dies with us at the latest."""
        with (self.folder / "nginx.log").open("ab") as log:
            self.process = spawn(self.command("-g", "daemon off;"), log=log)

    def stop(self, how: int) -> None:
        """End it and its workers."""
        if self.process is not None:
            end(self.process, how)
            self.process = None

    def logs(self) -> str:
        """Return what it has complained about."""
        return (self.folder / "error.log").read_text()


def make_certificate(folder: Path) -> None:
    """Make a certificate for this machine."""
    key = "req -x509 -nodes -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
    name = f"-subj /CN={SITE_NAME} -addext subjectAltName=DNS:{SITE_NAME}"
    files = ["-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    command = ["openssl", *key.split(), *name.split(), *files]
    subprocess.run(command, capture_output=True, check=True)
