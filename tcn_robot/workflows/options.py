"""Turns a typed function into a command: its signature is the options, its docstring the help.

tyro parses and writes the help. Its errors are boxes of several lines; here they become the one
line that every other fault of the command line gets, with the nearest option that exists.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
from collections.abc import Callable, Iterator
from typing import Any

import tyro

from tcn_robot.errors import UserError, unknown_name

_CONFIG = (
    tyro.conf.OmitArgPrefixes,
    tyro.conf.PositionalMetavarFromFieldName,
    tyro.conf.DisallowNone,
)
_HELP_OPTIONS = ("-h", "--help")
_BOX_EDGES = " │|"
_BOX_RULES = set("╭╮╰╯─-+ ")
# What Python and tyro say of a bad value, and what a person understands.
_PLAIN_WORDS = {
    r"invalid literal for int\(\) with base 10: (.*)": r"expected a whole number, found \1",
    r"no type matching (.*?) could be instantiated from \[(.*?)\]\..*": r"expected \1, found \2",
    r"Could not find valid parse for arguments: \[(.*)\]": r"cannot read the values \1",
    r"could not convert string to float: (.*)": r"expected a number, found \1",
}


def parse_and_run(command: Callable[..., Any], arguments: list[str], name: str = "") -> Any:
    """Parse the arguments by the function's signature and call it.

    Args:
        command: A function whose parameters are typed and documented.
        arguments: What stands on the command line behind the command's name.
        name: The command's name when it is not the function's.

    Raises:
        UserError: An option is unknown, missing or has a value that it cannot take.
        SystemExit: Code 0 after `--help`.
    """
    shown = name or command.__name__.replace("_", "-")
    positional, named = parse(command, arguments, f"tcn-robot {shown}")
    return command(*positional, **named)


def parse(
    command: Callable[..., Any], arguments: list[str], program: str
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and named values that the arguments give a function.

    The function itself is not called, so that what goes wrong inside it is never mistaken for
    a fault of the arguments.
    """

    @functools.wraps(command)
    def collect(*positional: Any, **named: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return positional, named

    if any(option in arguments for option in _HELP_OPTIONS):
        return tyro.cli(collect, prog=program, args=arguments, config=_CONFIG)
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint), _wide_console():
            return tyro.cli(collect, prog=program, args=arguments, config=_CONFIG)
    except SystemExit as stop:
        if not stop.code:
            raise
        raise _fault(collect, arguments, program, complaint.getvalue()) from None


def value_of(option: str, arguments: list[str]) -> str | None:
    """Return what stands behind an option on the command line, None where it is not given.

    For what decides which other options there are, before those are parsed.
    """
    for index, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name.replace("_", "-") == option and (value or arguments[index + 1 :]):
            return value or arguments[index + 1]
    return None


@contextlib.contextmanager
def _wide_console() -> Iterator[None]:
    """Keep tyro from breaking its messages into lines."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100000"
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def _option_names(command: Callable[..., Any]) -> list[str]:
    """Return the long options that a command knows, such as "--out", read off its help."""
    page = io.StringIO()
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(page), _wide_console():
        tyro.cli(command, args=["--help"], config=_CONFIG)
    names = []
    for line in page.getvalue().splitlines():
        # A long page has several columns; an option's help stands two columns off its name.
        for cell in re.split(r"[│|]+|\s{2,}", line):
            if re.match(r"\s?-\S", cell):
                names += re.findall(r"(?<!\S)--[a-zA-Z][\w-]*", cell)
    return names


def _fault(
    command: Callable[..., Any], arguments: list[str], program: str, complaint: str
) -> UserError:
    """Return the error for arguments that tyro refused; `complaint` is what tyro printed."""
    known = _option_names(command)
    before_terminator = arguments[: arguments.index("--")] if "--" in arguments else arguments
    for argument in before_terminator:
        option = argument.split("=", 1)[0].replace("_", "-")
        if re.match(r"--[a-zA-Z]", option) and option not in known:
            return unknown_name("option", option, known)
    sections = _sections(complaint)
    message = _message(sections[0])
    choice = re.match(r"invalid choice '(.*)' for argument '(.*?)'\. Expected one of (.*)", message)
    if choice:
        known = sorted(set(re.findall(r"'(.*?)'", choice[3])) - {"None"})
        return unknown_name(choice[2], choice[1], known)
    return UserError(f"{message}; see `{program} --help`")


def _sections(complaint: str) -> list[list[str]]:
    """Take the box off a message of tyro's: its lines, split where a rule was drawn."""
    sections: list[list[str]] = [[]]
    for line in complaint.splitlines():
        if re.match(r"[╭╰+]", line):  # the frame, which carries the title
            continue
        text = re.sub(r"^([│|] ?|  )", "", line).rstrip(_BOX_EDGES)
        if text and set(text) <= _BOX_RULES:
            sections.append([])
        elif text:
            sections[-1].append(text)
    sections = [section for section in sections if section]
    if len(sections) > 1 and not re.match(r"\s*[╭+]", complaint):
        del sections[0]  # where only ASCII can be shown there is no frame, and the title a section
    return sections or [[complaint.strip() or "bad arguments"]]


def _message(lines: list[str]) -> str:
    """Return the first section of a message of tyro's as one plain line."""
    if lines[0].startswith("Missing from"):
        # The names stand four columns in, their help eight.
        names = [line.strip() for line in lines[1:] if re.match(r" {4}\S", line)]
        return f"missing {', '.join(names)}"
    text = " ".join(line.strip() for line in lines).rstrip(".")
    text = re.sub(r"^Unrecognized options: ", "unexpected argument ", text)
    text = re.sub(r"^Error parsing ", "", text)
    text = re.sub(r"^Missing value for argument '(.*?)'\. Expected.*", r"\1 needs a value", text)
    for pattern, words in _PLAIN_WORDS.items():
        text = re.sub(pattern, words, text)
    return text
