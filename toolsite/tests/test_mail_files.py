"""Mail as files: theirs alone who run the demo."""

import stat
from pathlib import Path

from django.core.mail import EmailMessage
from django.test import override_settings


def send_into(folder: Path) -> Path:
    backend = "toolsite.mail_files.EmailBackend"
    with override_settings(EMAIL_BACKEND=backend, EMAIL_FILE_PATH=str(folder)):
        EmailMessage("Subject", "the code", to=["alice@example.com"]).send()
    [file] = folder.glob("*.log")
    return file


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_read_a_mail(tmp_path: Path) -> None:
    file = send_into(tmp_path / "mail")

    assert "the code" in file.read_text()
    assert (rights(file), rights(file.parent)) == (0o600, 0o700)


def test_a_folder_of_an_older_release_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    send_into(tmp_path)

    assert rights(tmp_path) == 0o700
