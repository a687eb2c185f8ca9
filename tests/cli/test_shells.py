"""TAB in bash, zsh and fish as people press it: a real shell on a terminal, and what it runs in the end."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
START = {"bash": ["bash", "--norc"], "zsh": ["zsh", "-f"], "fish": ["fish"]}
LOAD = {
    "bash": "source <(promobot completion bash)",
    "zsh": "autoload -Uz compinit && compinit -u && source <(promobot completion zsh)",
    "fish": "promobot completion fish | source",
}
# It answers the shell as promobot does, and else only tells what it was called with.
COMMAND = """\
#!/bin/sh
if [ -n "$_ARGCOMPLETE" ] || [ "$1" = completion ]; then exec {python} -m bot "$@"; fi
printf '%s\\n' "$@" > "$CALLED.new" && mv "$CALLED.new" "$CALLED"
"""
CONFIG = """\
forges: {work: {type: local, path: git}}
registries: {e2e: {url: registry.example.com/e2e}}
environments:
  - {name: e2e, repository: {forge: work, project: g/e2e}, paths: ["{service}/values.yaml"], registry: e2e}
  - {name: prod, from: e2e, repository: {forge: work, project: g/prod}, paths: ["{service}/values.yaml"], registry: e2e}
services: [{match: "pay-*", group: payments}]
"""
PATIENCE = 120.0


@dataclass
class Shell:
    """A shell on a terminal; `said` is all that it wrote there."""

    terminal: int
    called: Path
    said: bytes = b""

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def wait(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not until():
            assert time.monotonic() < deadline, self.said.decode(errors="replace")
            if select.select([self.terminal], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.said += os.read(self.terminal, 1 << 16)

    def runs(self, line: str) -> list[str]:
        """What promobot is called with when somebody types this and presses Enter."""
        self.called.unlink(missing_ok=True)
        self.type(f"{line}\r")
        self.wait(self.called.exists)
        return self.called.read_text(encoding="utf-8").splitlines()


def furnish(tmp_path: Path) -> dict[str, str]:
    """A configuration, manifests and a command, and the environment that has it."""
    work = tmp_path / "work"
    for folder in ("apps", "my apps"):
        (work / folder).mkdir(parents=True)
        (work / folder / "values.yaml").write_text('image: o/a:1\n"a b": {image: o/b:1}\n', encoding="utf-8")
    (work / "promobot.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "home" / "stuff").mkdir(parents=True)
    (tmp_path / "home" / "stuff" / "x.yaml").touch()
    command = tmp_path / "bin" / "promobot"
    command.parent.mkdir()
    command.write_text(COMMAND.format(python=sys.executable), encoding="utf-8")
    command.chmod(0o755)
    return {
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "HOME": str(tmp_path / "home"),
        "CALLED": str(tmp_path / "called"),
        "TERM": "xterm",
        "LANG": "C.UTF-8",
    }


@pytest.fixture(params=START, scope="module")
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Each shell that is here, in a folder with a configuration and manifests."""
    name = str(request.param)
    if not shutil.which(name) or not shutil.which("setsid"):
        pytest.skip(f"no {name} here: apt-get install {name} util-linux")
    tmp_path = tmp_path_factory.mktemp(name)
    environ = furnish(tmp_path)
    ours, theirs = pty.openpty()
    # With a session of its own the terminal is the shell's, as it is for people.
    process = subprocess.Popen(
        ["setsid", "--ctty", *START[name]],  # noqa: S607
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=tmp_path / "work",
        env=environ,
        start_new_session=False,
    )
    os.close(theirs)
    shell = Shell(ours, tmp_path / "called")
    try:
        shell.type(f"{LOAD[name]}; printf 'is %s\\n' ready\r")
        shell.wait(lambda: b"is ready" in shell.said)
        yield shell
    finally:
        os.close(ours)
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize(
    ("line", "called"),
    [
        ("promobot set\t", ["set-image"]),
        ("promobot images --st\t", ["images", "--strict"]),
        ("promobot plan --to p\t", ["plan", "--to", "prod"]),
        ("promobot plan --to=p\t", ["plan", "--to=prod"]),
        ("promobot plan paym\t", ["plan", "payments"]),
        ("promobot images ap\tv\t", ["images", "apps/values.yaml"]),
        ("promobot images my\tv\t", ["images", "my apps/values.yaml"]),
        ("promobot images ~/st\tx\t", ["images", "{home}/stuff/x.yaml"]),
        ("promobot images $HOME/st\tx\t", ["images", "{home}/stuff/x.yaml"]),
        ("promobot plan --output-file ap\tv\t", ["plan", "--output-file", "apps/values.yaml"]),
        ("promobot set-image apps/values.yaml 0:/i\t", ["set-image", "apps/values.yaml", "0:/image"]),
        ("promobot set-image apps/values.yaml 0:/a\t", ["set-image", "apps/values.yaml", "0:/a b/image"]),
        ("promobot tags reg\tx", ["tags", "registry.example.com/e2e/x"]),
        ("promobot mr merge \t", ["mr", "merge"]),
        ("true; promobot plan --to p\t", ["plan", "--to", "prod"]),
        ("PROMOBOT_CONFIG=promobot.yaml promobot plan --to p\t", ["plan", "--to", "prod"]),
    ],
)
def test_what_is_run_after_tab(shell: Shell, line: str, called: list[str]) -> None:
    home = shell.called.parent / "home"
    assert shell.runs(line) == [word.replace("{home}", str(home)) for word in called]


def test_a_list_is_shown_where_there_are_several(shell: Shell) -> None:
    shell.said = b""
    shell.type("promobot plan --to \t\t")
    shell.wait(lambda: b"e2e" in shell.said and b"prod" in shell.said)
    shell.type("\x03")  # leave the line
    assert b"None" not in shell.said
    assert b" -- " not in shell.said.partition(b"--to ")[2]


def test_an_alias_is_completed_by_what_printed_the_lines(tmp_path: Path) -> None:
    """Bash has no word of it where it runs `promobot` itself; nor has zsh with `complete_aliases`."""
    program = tmp_path / "my tools" / "promobot"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n" + f'exec {sys.executable} {tmp_path}/run.py "$@"\n', encoding="utf-8")
    start = f"import sys\nsys.argv[0] = {str(program)!r}\nfrom bot.__main__ import run\nrun()\n"
    (tmp_path / "run.py").write_text(start, encoding="utf-8")
    program.chmod(0o755)
    lines = (
        "shopt -s expand_aliases",
        f"alias promobot='{program} -v'",
        f"source <('{program}' completion bash)",
        "COMP_LINE='promobot set' COMP_POINT=12",
        "_promobot promobot",
        'printf "%s." "${COMPREPLY[@]}"',
    )
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    done = subprocess.run(["bash", "-c", "\n".join(lines)], env=environ, capture_output=True, text=True, check=True)  # noqa: S607
    assert done.stdout.split(".") == ["set-image", ""]
