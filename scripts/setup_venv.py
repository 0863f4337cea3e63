"""Make .venv with this package, llama.cpp and the developer's tools. Run by `scripts/setup`.

Ends at once when nothing changed since the last time; can be interrupted and run again. Uses the
standard library alone, and says every ten seconds what it is doing, since llama.cpp is compiled.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "setup.json"
LOG = VENV / "setup.log"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"

SAY_EVERY_S = 10
#: The first pip that knows dependency groups.
PIP = "pip>=25.1"
LLAMA = "llama-cpp-python"

_NINJA = re.compile(r"\[(\d+)/(\d+)\]")
_PERCENT = re.compile(r"\[ *(\d+)%\]")
_STEPS = (
    ("Collecting ", "fetching"),
    ("Downloading ", "fetching"),
    ("Using cached ", "taking from the cache"),
    ("Building wheel for ", "building"),
    ("Building editable for ", "building"),
    ("Installing collected packages", "installing"),
)


class SetupError(Exception):
    """Set-up cannot go on; the text says why and what to do."""


def main() -> int:
    """Exit status."""
    wanted = wanted_stamp()
    if is_done(wanted):
        return 0
    try:
        set_up(wanted)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: stopped; run it again to finish.", file=sys.stderr)
        return 130
    return 0


def wanted_stamp() -> dict[str, str]:
    """What the environment depends on."""
    return {
        "project": hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest(),
        # An environment that was copied or moved has the wrong paths in it.
        "place": str(VENV),
        "cmake_args": os.environ.get("CMAKE_ARGS", ""),
    }


def is_done(wanted: dict[str, str]) -> bool:
    """Whether the last set-up still holds; a CMAKE_ARGS that is not given is no wish."""
    found = read_stamp()
    same = all(found.get(key) == wanted[key] for key in ("project", "place"))
    same_build = wanted["cmake_args"] in ("", found.get("cmake_args"))
    return same and same_build and works()


def read_stamp() -> dict[str, str]:
    """What the last complete set-up was for."""
    try:
        found = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def works() -> bool:
    """Whether the environment's Python starts at all (the system's may have gone)."""
    try:
        done = subprocess.run([PYTHON, "-c", ""], capture_output=True, check=False)
    except OSError:
        return False
    return done.returncode == 0


def set_up(wanted: dict[str, str]) -> None:
    """Create or complete the environment; raises `SetupError`."""
    old = read_stamp()
    STAMP.unlink(missing_ok=True)
    if VENV.exists() and (old.get("place", str(VENV)) != str(VENV) or not works()):
        shutil.rmtree(VENV)
    started = time.monotonic()
    if not VENV.exists():
        version = ".".join(map(str, sys.version_info[:3]))
        print(f"setup: making .venv with Python {version} ({sys.executable})", flush=True)
        make_venv()
    print("setup: installing what is needed (llama.cpp is compiled once, which takes minutes)")
    print(f"setup: the whole output goes to {LOG.relative_to(ROOT)}", flush=True)
    LOG.write_text("")
    pip("install", "--upgrade", PIP)
    if wanted["cmake_args"] and wanted["cmake_args"] != old.get("cmake_args"):
        # pip's cache of wheels doesn't know with which arguments one was built.
        pip(
            "install",
            "--no-cache-dir",
            "--force-reinstall",
            "--no-deps",
            "--no-binary",
            LLAMA,
            LLAMA,
        )
    pip("install", "--editable", f"{ROOT}[llama]", "--group", f"{ROOT / 'pyproject.toml'}:dev")
    STAMP.write_text(json.dumps(wanted))
    print(f"setup: done in {spell_s(time.monotonic() - started)}", flush=True)


def make_venv() -> None:
    """An empty environment, or none at all."""
    done = subprocess.run(
        [sys.executable, "-m", "venv", VENV], capture_output=True, text=True, check=False
    )
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupError(
            f"{sys.executable} cannot make virtual environments:\n"
            f"{(done.stderr or done.stdout).strip()}\nOn Debian: apt install python3-venv"
        )


def pip(*arguments: str) -> None:
    """Run the environment's pip, with a line now and then; raises `SetupError`."""
    cores = str(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    environment = {
        "CMAKE_BUILD_PARALLEL_LEVEL": cores,
        **os.environ,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONUNBUFFERED": "1",
    }
    command = [str(PYTHON), "-m", "pip", arguments[0], "--verbose", *arguments[1:]]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        watch = Watch(process)
        watch.start()
        try:
            while True:
                try:
                    code = process.wait(SAY_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    print(f"setup: {watch.says()}", flush=True)
        except KeyboardInterrupt:
            # pip got the same Ctrl-C; let it clean up behind itself.
            process.wait()
            raise
        watch.join()
    if code:
        raise SetupError(explain(watch.tail))


class Watch(threading.Thread):
    """Reads pip's output: all into the log, the gist for `says`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._began = time.monotonic()
        self._step = "starting pip"
        self._share = ""
        self.tail: deque[str] = deque(maxlen=40)

    def run(self) -> None:
        """Until the output ends."""
        assert self._process.stdout is not None
        with LOG.open("a") as log:
            for line in self._process.stdout:
                log.write(line)
                log.flush()
                self.tail.append(line.rstrip())
                self._read(line.strip())

    def _read(self, line: str) -> None:
        if found := _NINJA.search(line):
            self._share = f", {found[1]} of {found[2]} files"
        elif found := _PERCENT.search(line):
            self._share = f", {found[1]}%"
        line = line.removeprefix("Running command ")
        for start, word in _STEPS:
            if line.startswith(start):
                rest = line.removeprefix(start) if start.endswith(" ") else ""
                name = re.split(r"[\s;(=<>~]", rest)[0].rsplit("/")[-1]
                self._step, self._share = f"{word} {name}".rstrip(), ""

    def says(self) -> str:
        """One line on how it goes."""
        return f"{spell_s(time.monotonic() - self._began):>7}  {self._step}{self._share}"


def explain(tail: deque[str]) -> str:
    """Why pip failed, as far as its output tells, and what to do."""
    text = "\n".join(tail)
    shown = "\n".join(f"    {line}" for line in list(tail)[-15:])
    advice = f"The whole output is in {LOG}."
    if re.search(
        r"NewConnectionError|name resolution|Could not fetch|timed out|No matching dist", text
    ):
        advice = f"Is the network there? {advice} Run it again when it is."
    elif not any(shutil.which(name) for name in ("c++", "g++", "clang++", "cl")):
        advice = (
            "There is no C++ compiler, which llama.cpp needs (Debian: apt install build-essential; "
            f"macOS: xcode-select --install). {advice}"
        )
    return f"pip failed:\n{shown}\n{advice}"


def spell_s(seconds: float) -> str:
    """85 s as 1m25s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


if __name__ == "__main__":
    sys.exit(main())
