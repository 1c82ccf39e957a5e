"""Every `tcn-robot …` of the README and the documents is one that the command takes.

Lines of code blocks are parsed by the real parsers, without anything being run. In running text
commands are abbreviated: there the command, its kind and its options have to exist.
"""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tcn_robot.cli import COMMANDS, run_command
from tcn_robot.errors import UserError
from tcn_robot.workflows import bench, options, plot
from tests.support.source_files import ROOT

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "tcn_robot" / "zoo").rglob("*.md")),
    ROOT / "recordings" / "README.md",
]
FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```", re.S | re.M)
# What a code block leaves to the reader: such lines are read as running text is.
ABBREVIATED = re.compile(r"…|\[")
KINDS = {"bench": bench.KINDS, "plot": plot.KINDS}


class ParsedError(Exception):
    """The arguments were read; nothing is done with them."""


def commands_in_blocks(text: str) -> Iterator[str]:
    """Yield what stands behind `tcn-robot` in code blocks, shell variables put in."""
    for block in FENCE.findall(text):
        lines = re.sub(r"\\\n\s*", " ", block)
        for name, value in re.findall(r'^(\w+)="(.*)"$', lines, re.M):
            lines = lines.replace(f"${name}", value)
        for line in lines.splitlines():
            command = re.match(r"(?:.*&& |torchrun .*-m )?(?:tcn-robot|tcn_robot) +(.*)", line)
            if command:
                yield command[1]


def commands_in_text(text: str) -> Iterator[str]:
    """Yield what stands behind `tcn-robot` in inline code, and in abbreviated lines of blocks."""
    yield from re.findall(r"`tcn-robot +([^`]+)`", re.sub(r"\s+", " ", FENCE.sub("", text)))
    yield from filter(ABBREVIATED.search, commands_in_blocks(text))


@functools.cache
def complaint(command: str) -> str:
    """Return what the command line says against a command; empty where it reads it."""
    name, *arguments = shlex.split(command, comments=True)
    with pytest.MonkeyPatch.context() as patch:
        real = options.parse

        def parse_only(*given: Any) -> Any:
            real(*given)
            raise ParsedError

        patch.setattr(options, "parse", parse_only)
        try:
            run_command(name, arguments)
        except ParsedError:
            return ""
        except UserError as error:
            return str(error)
    return "it ran, without its arguments being parsed"


@functools.cache
def options_of(command: str) -> frozenset[str]:
    """Return the options of a command such as "bench alignment", read off its help."""
    name, *arguments = command.split()
    found: set[str] = set()

    def read(function: Any, *_: Any) -> Any:
        found.update(options._option_names(function))
        raise ParsedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(options, "parse", read)
        with pytest.raises(ParsedError):
            run_command(name, arguments)
    return frozenset(found)


def unknown_parts(command: str) -> list[str]:
    """Return the command, kind and options of an abbreviated command that do not exist."""
    name, *rest = command.split()
    if re.fullmatch(r"--help|--version|COMMAND|…", name):
        return []
    if name not in COMMANDS:
        return [name]
    kind = rest[0] if name in KINDS and rest and re.fullmatch(r"[a-z-]+", rest[0]) else ""
    if kind and kind not in KINDS[name]:
        return [f"{name} {kind}"]
    given = set(re.findall(r"(?<!\S)--[a-z-]+", " ".join(rest))) - {"--help"}
    if not given or name in ("edit", "train", "import-weights") or (name in KINDS and not kind):
        return []  # which options there are depends on other arguments
    return sorted(given - options_of(f"{name} {kind}".strip()))


def relative_name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative_name)
def test_code_blocks_parse(document: Path) -> None:
    commands = [
        command
        for command in commands_in_blocks(document.read_text("utf-8"))
        if not ABBREVIATED.search(command.split("#")[0])
    ]
    complaints = {command: complaint(command) for command in commands}
    assert not {command: words for command, words in complaints.items() if words}


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative_name)
def test_commands_in_running_text_exist(document: Path) -> None:
    commands = commands_in_text(document.read_text("utf-8"))
    unknown = {command: unknown_parts(command) for command in commands}
    assert not {command: parts for command, parts in unknown.items() if parts}


def test_something_is_found() -> None:
    texts = [document.read_text("utf-8") for document in DOCUMENTS]
    found = {command.split()[0] for text in texts for command in commands_in_blocks(text)}
    assert found >= {"record", "train", "bench", "plot"}


def test_what_is_wrong_is_found() -> None:
    block = '```sh\nV="--sed 1"\ntcn-robot bench alignment a \\\n  b $V\n```'
    (command,) = commands_in_blocks(block)
    assert command.split() == ["bench", "alignment", "a", "b", "--sed", "1"]
    assert "--seed" in complaint(command)
    assert unknown_parts("bench recogniton RUN DIR") == ["bench recogniton"]
    assert unknown_parts("bench alignment RUN … --pictures P") == ["--pictures"]
    assert unknown_parts("bake") == ["bake"]
