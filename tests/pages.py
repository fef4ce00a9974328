"""Runs the ``console`` blocks of a Markdown page and compares what they print; ``...`` stands for any text."""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a console block and what it must print."""

    command: str
    output: str


def blocks(page: Path, kind: str) -> list[str]:
    """The fenced blocks of one kind."""
    return [text for found, text in BLOCK.findall(page.read_text()) if found == kind]


def steps(block: str) -> list[Step]:
    """The commands of a console block: ``$ `` starts one, a line ending in a backslash or inside quotes goes on."""
    found: list[tuple[list[str], list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif found and not found[-1][1] and _unfinished(found[-1][0]):
            found[-1][0].append(line)
        else:
            found[-1][1].append(line)
    return [Step("\n".join(command), "\n".join(output)) for command, output in found]


def _unfinished(command: list[str]) -> bool:
    return command[-1].endswith("\\") or "\n".join(command).count("'") % 2 == 1


def run(
    commands: list[str], environment: Mapping[str, str], replaced: Mapping[str, str], root: Path = ROOT
) -> list[str]:
    """What each command prints, run one after the other in one shell at the project's root. ``replaced``: what a page
    says -> what it is here."""
    mark = uuid.uuid4().hex
    script = "".join(f"{_swap(command, replaced)}\necho {mark}\n" for command in commands)
    done = subprocess.run(
        ["bash", "-c", script], cwd=root, env={**os.environ, **environment}, text=True, timeout=120,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    back = {here: said for said, here in replaced.items()}
    return [_swap(part, back).strip("\n") for part in done.stdout.split(f"{mark}\n")[:-1]]


def _swap(text: str, replaced: Mapping[str, str]) -> str:
    for old, new in replaced.items():
        text = text.replace(old, new)
    return text


def matches(expected: str, found: str) -> bool:
    """Whether ``found`` is as expected, ``...`` standing for anything."""
    pattern = ".*?".join(re.escape(part) for part in expected.strip("\n").split("..."))
    return re.fullmatch(pattern, found, re.DOTALL) is not None


def moved_settings(legacy: Path, state: Path) -> str:
    """The demo's settings with its systems at ``legacy`` and everything the gateway writes at ``state``."""
    text = (ROOT / "demo.toml").read_text()
    for said, here in (("var/legacy/demo", str(legacy)), ("var/", f"{state}/")):
        text = text.replace(f'"{said}', f'"{here}').replace(f"sqlite:///{said}", f"sqlite:///{here}")
    return text


def wait_for(url: str) -> None:
    """Waits half a minute at most for a server to answer."""
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=30).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the gateway did not start")


def rewrite(page: Path, outputs: list[str]) -> None:
    """Writes what was printed into the page, where it no longer matches."""
    remaining = iter(outputs)

    def block(match: re.Match[str]) -> str:
        if match.group(1) != "console":
            return match.group(0)
        lines = []
        for step in steps(match.group(2)):
            found = next(remaining)
            kept = step.output if matches(step.output, found) else found
            lines.append(f"$ {step.command}" + (f"\n{kept.rstrip()}" if kept.strip() else ""))
        return "```console\n" + "\n".join(lines) + "\n```"

    page.write_text(BLOCK.sub(block, page.read_text()))


def check(page: Path, environment: Mapping[str, str], replaced: Mapping[str, str], root: Path = ROOT) -> None:
    """Every command of the page prints what the page says; with GATEWAY_UPDATE_GOLDENS the page is written anew."""
    wanted = [step for block in blocks(page, "console") for step in steps(block)]
    if not wanted:
        return
    found = run([step.command for step in wanted], environment, replaced, root)
    if os.environ.get("GATEWAY_UPDATE_GOLDENS"):
        rewrite(page, found)
        return
    assert len(found) == len(wanted)
    for step, printed in zip(wanted, found, strict=True):
        assert matches(step.output, printed), f"$ {step.command}\n{printed}"
