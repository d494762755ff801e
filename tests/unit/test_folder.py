"""The data folder: one user at a time, closed to others, passwords made once."""

import os
import stat
import subprocess
import sys

import pytest

from city.errors import StackError
from city.folder import data_option, default_data
from sdot.account import Account, service_account
from sdot.folder import PASSWORDS, DataFolder, write_private

NOBODY = Account("nobody", 65534, 65534)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can try as another account")


def test_a_second_one_on_the_same_folder_is_refused_with_who_has_it(tmp_path):
    first = DataFolder(tmp_path / "data")
    first.prepare()
    with pytest.raises(
        StackError, match=rf"process {os.getpid()}\) uses {tmp_path}/data; stop it, or give another"
    ):
        DataFolder(tmp_path / "data").prepare()
    first.release()
    again = DataFolder(tmp_path / "data")
    again.prepare()
    again.release()


def test_a_killed_holder_lets_go(tmp_path):
    code = (
        "import os, sys, pathlib; from sdot.folder import DataFolder\n"
        "DataFolder(pathlib.Path(sys.argv[1])).prepare(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    folder = DataFolder(tmp_path)
    folder.prepare()
    folder.release()


def test_passwords_are_made_once_for_every_role_and_only_we_read_them(tmp_path):
    passwords = DataFolder(tmp_path).passwords()
    assert DataFolder(tmp_path).passwords() == passwords
    assert set(passwords) == set(PASSWORDS)
    assert len(set(passwords.values())) == len(PASSWORDS)
    assert stat.S_IMODE((tmp_path / "passwords.json").stat().st_mode) == 0o600


def test_a_private_file_replaces_a_link_instead_of_following_it(tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "file").symlink_to(tmp_path / "victim")
    (tmp_path / "file.part").symlink_to(tmp_path / "victim")
    write_private(tmp_path / "file", "new")
    assert (tmp_path / "victim").read_text() == "mine"
    assert (tmp_path / "file").read_text() == "new"


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match="cannot be used: Not a directory; give another with --data"):
        DataFolder(tmp_path / "file" / "data").prepare()


@needs_root
def test_the_account_is_told_which_folder_it_cannot_enter(tmp_path):
    tmp_path.chmod(0o755)
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    opened = [parent for parent in tmp_path.parents if not NOBODY.may("-x", parent)]
    blocked = opened[-1] if opened else closed
    with pytest.raises(
        StackError, match=rf"nobody, which PostgreSQL runs as, cannot enter {blocked}; allow it"
    ):
        DataFolder(closed / "data").admit(NOBODY)


@needs_root
def test_root_gives_servers_to_the_owner_of_what_is_there(tmp_path):
    owned = tmp_path / "cluster"
    owned.mkdir()
    candidate = service_account(owned)
    assert candidate is not None
    assert candidate.uid != 0
    os.chown(owned, 4242, 4242)
    assert service_account(owned) == Account("4242", 4242, 4242)


def test_a_command_names_the_folder_only_where_it_is_not_the_usual_one(tmp_path):
    assert data_option(None) == ""
    assert data_option(default_data()) == ""
    folder = tmp_path / "a city"
    assert data_option(folder) == f" --data '{folder}'"
