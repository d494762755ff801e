"""Programs under supervision: restarted, stopped in order, never outliving their parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sdot import supervisor
from sdot.process import identify
from sdot.supervisor import Child, Program, Supervisor, last_sentence, pause_s
from tests.waiting import until


def program(folder: Path, script: str, name: str = "one", rank: int = 0, **more: object) -> Program:
    return Program(name, ["/bin/sh", "-c", script], folder, folder / f"{name}.log", rank, **more)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def watched(told: list[str]):
    made = Supervisor(told.append)
    yield made
    made.stop()


def test_pauses_double_up_to_the_longest():
    assert [pause_s(n) for n in (1, 2, 3, 4)] == [0.1, 0.2, 0.4, 0.8]
    assert pause_s(500) == supervisor.LONGEST_PAUSE_S


def test_a_dead_program_is_told_with_its_last_sentence_and_started_again(tmp_path, watched, told):
    script = "echo no port; while [ ! -e go ]; do sleep 0.01; done; rm go; exit 3"
    child = watched.start(program(tmp_path, script))
    first = until(lambda: child.process, "the first process")
    (tmp_path / "go").touch()
    until(watched.tick, "the restart")
    assert child.process != first
    assert told == [f"one ended (status 3): no port (log: {tmp_path / 'one.log'}); starting it again"]


def test_last_words_of_a_killed_program_are_not_taken_for_the_cause(tmp_path, watched, told):
    child = watched.start(program(tmp_path, "echo all is well; exec sleep 600"))
    until(lambda: last_sentence(tmp_path / "one.log"), "its sentence")
    os.kill(child.process.pid, signal.SIGKILL)
    until(watched.tick, "the restart")
    assert told == ["one ended (killed by SIGKILL); starting it again"]


def test_the_second_restart_waits_longer_and_a_steady_run_forgives(tmp_path):
    child = Child(program(tmp_path, "exit 3"))
    child.start()
    now = child._started
    child.failed(now + 1)
    assert child.due == now + 1 + 0.1
    child.failed(now + 1)
    assert child.due == now + 1 + 0.2
    child.failed(now + supervisor.STEADY_S + 1)
    assert child.due == now + supervisor.STEADY_S + 1 + 0.1
    until(lambda: not child.running, "its end")


def test_what_fails_for_ever_is_told_thrice_and_then_rarely(tmp_path, watched, told):
    child = watched.start(program(tmp_path, "exit 3"))
    for turn in range(1, 13):
        until(lambda: not child.running, "its end")
        watched.tick(child._started)
        watched.tick(child._started + 100.0)
        assert child.failures == turn
    assert len(told) == supervisor.TOLD_FAILURES + 1


def test_stops_from_the_highest_rank_down(tmp_path, watched):
    script = "trap 'echo {0} >> order; exit 0' TERM; echo up > {0}; while :; do sleep 0.05; done"
    for rank, name in enumerate(("database", "broker", "ingest")):
        watched.start(program(tmp_path, script.format(name), name, rank))
        until((tmp_path / name).exists, name)
    watched.stop()
    assert (tmp_path / "order").read_text().split() == ["ingest", "broker", "database"]


def test_a_deaf_program_is_killed_and_hurry_does_so_at_once(tmp_path, watched):
    child = watched.start(
        program(tmp_path, "trap '' TERM; echo up; while :; do sleep 0.05; done", patience_s=1e9)
    )
    until(lambda: last_sentence(tmp_path / "one.log"), "the trap")
    watched.stop(hurry=lambda: True)
    assert child.status == -signal.SIGKILL


def test_a_program_run_once_gives_its_status_and_ends_when_interrupted(tmp_path, watched):
    assert watched.run(program(tmp_path, "exit 4"), lambda: None) == 4

    def interrupt() -> None:
        raise KeyboardInterrupt

    task = program(tmp_path, "echo $$ > pid; exec sleep 600")
    with pytest.raises(KeyboardInterrupt):
        watched.run(task, lambda: (tmp_path / "pid").exists() and interrupt())
    assert identify(int((tmp_path / "pid").read_text())) is None


def test_children_die_with_a_killed_parent(tmp_path):
    parent = (
        "import pathlib, sys, time\n"
        "from sdot.supervisor import Program, Supervisor\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "child = Supervisor(print).start(Program('c', ['/bin/sleep', '600'], folder, folder / 'log', 0))\n"
        "while not child.process or b'sleep' not in pathlib.Path(f'/proc/{child.process.pid}/cmdline').read_bytes()[:12]:\n"
        "    time.sleep(0.01)\n"
        "print(child.process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", parent, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    child = identify(int(run.stdout.readline()))
    assert child is not None
    run.kill()
    run.wait()
    run.stdout.close()
    until(lambda: not child.alive, "the child's end")


def test_a_program_that_is_not_there_is_told_in_words(tmp_path, watched):
    child = watched.start(Program("one", ["/nowhere/program"], tmp_path, tmp_path / "one.log", 0))
    until(lambda: not child.running, "its end")
    assert "cannot start /nowhere/program: No such file or directory" in child.ending()


def test_logs_stay_small(tmp_path, monkeypatch, watched):
    monkeypatch.setattr(supervisor, "LOG_BYTES", 1000)
    watched.start(program(tmp_path, "echo early; while :; do echo 0123456789; sleep 0.001; done"))
    until(lambda: watched.tick() or (tmp_path / "one.log.1").exists(), "the log before")
    assert (tmp_path / "one.log.1").read_text().startswith("early")
    assert (tmp_path / "one.log").stat().st_size < (tmp_path / "one.log.1").stat().st_size + 1000


def test_last_sentence_skips_empty_lines_and_shortens(tmp_path):
    log = tmp_path / "log"
    log.write_text("first\n" + "x" * 5000 + "\n\n  \n")
    assert last_sentence(log) == "x" * supervisor.SENTENCE
    assert last_sentence(tmp_path / "none") == ""
    assert last_sentence(None) == ""
