#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ANN001, ANN003, ANN201, D403, PLC0415, UP021, UP022, UP032
# An old Python must be able to read this file and say that it is too old.
"""From a clean checkout to a working one: uv, the locked Python packages in .venv, anvil and test peers in node_modules.

    python3 .ci/bootstrap.py

Needs Python's standard library only. What is up to date is left alone, so a second run costs milliseconds. uv comes from an
environment that has it, else through pip, else its wheel is fetched from the package index and unpacked. The index is pip's
configured one if there is one, else the one that uv.lock names.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".make"
VENV = ROOT / ".venv"
OLDEST, TOO_NEW = (3, 11), (3, 14)
UV = "uv>=0.9,<1"
UV_OLDEST = (0, 9)


class Failed(Exception):
    """Something a person has to do; the message says what."""


def main():
    """Bring the checkout up to date, or say what is missing."""
    try:
        check_python()
        STATE.mkdir(exist_ok=True)
        step("python", [ROOT / "uv.lock", ROOT / "pyproject.toml"], VENV / "bin" / "python", sync)
        step("node", [ROOT / "package.json", ROOT / "package-lock.json"], ROOT / "node_modules", install_node_packages)
    except Failed as error:
        sys.exit("\nGreenCore cannot be set up: {}".format(error))


def check_python():
    """Refuse an interpreter that the locked packages do not run on."""
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        raise Failed(
            "this is Python {}, but 3.11, 3.12 or 3.13 is needed; name one that you have: make PYTHON=/path/to/python3.12".format(
                platform.python_version()
            )
        )


def step(name, inputs, result, action):
    """Run an action unless its inputs are those of the last time and its result is still there."""
    digest = hashlib.sha256(sys.version.encode())
    for path in inputs:
        digest.update(path.read_bytes())
    stamp = STATE / (name + ".stamp")
    if result.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    action()
    stamp.write_text(digest.hexdigest())


def sync():
    """Install exactly the locked packages into .venv."""
    uv = find_uv()
    say("installing the locked Python packages (about 1 GB unpacked; a minute on a cold cache)")
    command = [str(uv), "sync", "--locked", "--quiet", "--python", sys.executable]
    first = run(command)
    if first.returncode and "certificate" in first.stderr.lower() and "UV_SYSTEM_CERTS" not in os.environ:
        first = run(command, UV_SYSTEM_CERTS="1")  # a private authority that only the system knows
    if first.returncode:
        raise Failed("uv could not install the packages:\n" + first.stderr)


def install_node_packages():
    """Fetch anvil, and the Modbus peers of the tests, with the npm of the nodejs wheel.

    The peers are what the tests can do without: where they cannot be had, those tests skip and say so. Not `npm ci`: it
    refuses a lock without every platform's optional package, and a registry need not carry them all.
    """
    say("fetching anvil, the chain of the demo and the tests")
    extra = {"PATH": str(VENV / "bin") + os.pathsep + os.environ.get("PATH", "")}
    if "SSL_CERT_FILE" in os.environ and "NODE_EXTRA_CA_CERTS" not in os.environ:
        # behind a private authority Node asks for it under a name of its own, and retries for minutes without it
        extra["NODE_EXTRA_CA_CERTS"] = os.environ["SSL_CERT_FILE"]
    command = [str(VENV / "bin" / "npm"), "install", "--no-save", "--no-progress", "--loglevel=error"]
    result = run(command, **extra)
    if result.returncode:
        say("again without the Modbus peers of the tests, which cannot be had here")
        result = run([*command, "--omit=dev"], **extra)
    if result.returncode:
        raise Failed("npm could not fetch anvil:\n" + result.stdout + result.stderr)


def find_uv():
    """A uv that can read our lock: on the path, or in .make/uv, fetched there if need be."""
    ours = STATE / "uv" / "bin" / "uv"
    for candidate in (shutil.which("uv"), ours):
        if candidate and version_of(candidate) >= UV_OLDEST:
            return candidate
    say("fetching uv, the installer")
    shutil.rmtree(str(STATE / "uv"), ignore_errors=True)
    problems = []
    for way in (uv_through_venv, uv_through_pip, uv_by_hand):
        try:
            way(STATE / "uv")
        except (Failed, OSError) as error:
            problems.append("{}: {}".format(way.__doc__, error))
            shutil.rmtree(str(STATE / "uv"), ignore_errors=True)
            continue
        if version_of(ours) >= UV_OLDEST:
            return ours
        problems.append("{}: what came does not run here".format(way.__doc__))
    raise Failed("no uv could be fetched; is the network there?\n" + "\n".join(problems))


def uv_through_venv(folder):
    """pip of a fresh environment"""
    checked(run([sys.executable, "-m", "venv", "--clear", str(folder)]))
    checked(run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", UV]))


def uv_through_pip(folder):
    """pip of this Python"""
    checked(run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), UV]))


def uv_by_hand(folder):
    """the wheel from the package index"""
    from urllib.parse import urldefrag, urljoin
    from urllib.request import urlopen

    page_url = package_index().rstrip("/") + "/uv/"
    with urlopen(page_url, timeout=60) as answer:
        page = answer.read().decode()
    wheels = []
    for href in re.findall(r'href="([^"]+)"', page):
        address, fragment = urldefrag(urljoin(page_url, href.replace("&amp;", "&")))
        match = re.search(r"/uv-(\d+)\.(\d+)\.(\d+)-py3-none-([^/]+)\.whl$", address)
        if match and (1, 0) > (int(match[1]), int(match[2])) >= UV_OLDEST and fits(match[4]):
            wheels.append((int(match[1]), int(match[2]), int(match[3]), address, fragment))
    if not wheels:
        raise Failed("the index has no uv for {} {}".format(sys.platform, platform.machine()))
    address, fragment = max(wheels)[3:]
    folder.mkdir(parents=True)
    wheel = folder / "uv.whl"
    with urlopen(address, timeout=300) as answer:
        wheel.write_bytes(answer.read())
    if fragment.startswith("sha256=") and hashlib.sha256(wheel.read_bytes()).hexdigest() != fragment[7:]:
        raise Failed("the wheel is not what the index promised")
    (folder / "bin").mkdir()
    with zipfile.ZipFile(str(wheel)) as archive:
        for name in archive.namelist():
            if name.endswith(".data/scripts/uv"):
                (folder / "bin" / "uv").write_bytes(archive.read(name))
                (folder / "bin" / "uv").chmod(0o755)
    wheel.unlink()


def fits(tag):
    """Whether a wheel's platform is this machine's."""
    machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    if sys.platform == "darwin":
        return tag.startswith("macosx") and tag.endswith({"aarch64": "arm64"}.get(machine, machine))
    if not tag.endswith(machine):
        return False
    return tag.startswith("manylinux") if platform.libc_ver()[0] == "glibc" else tag.startswith("musllinux")


def package_index():
    """pip's index by its environment or its configuration files, else the one that the lock names."""
    if os.environ.get("PIP_INDEX_URL"):
        return os.environ["PIP_INDEX_URL"]
    for path in (os.environ.get("PIP_CONFIG_FILE"), "~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf"):
        if path and os.path.isfile(os.path.expanduser(path)):
            with open(os.path.expanduser(path)) as file:
                found = re.search(r"^\s*index-url\s*=\s*(\S+)", file.read(), re.MULTILINE)
            if found:
                return found.group(1)
    found = re.search(r'registry = "([^"]+)"', (ROOT / "uv.lock").read_text())
    if not found:
        raise Failed("uv.lock names no package index")
    return found.group(1)


def version_of(uv):
    """uv's version as numbers; (0,) for one that does not run."""
    try:
        result = run([str(uv), "--version"])
    except OSError:
        return (0,)
    found = re.match(r"uv (\d+)\.(\d+)", result.stdout)
    return (int(found.group(1)), int(found.group(2))) if found and not result.returncode else (0,)


def run(command, **environment):
    """Run a command in the project and keep what it says."""
    return subprocess.run(
        command,
        cwd=str(ROOT),
        env=dict(os.environ, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        check=False,
    )


def checked(result):
    """Raise Failed with the last line that a failed command wrote."""
    if result.returncode:
        raise Failed((result.stderr.strip() or result.stdout.strip() or "no reason given").splitlines()[-1])


def say(text):
    """One line of progress."""
    print("· " + text, flush=True)


if __name__ == "__main__":
    main()
