"""The code blocks of README.md and docs/: run as a reader runs them, and filled from the demo.

A comment on the line before a block says what it is:

    <!-- not run: REASON -->      a block for the reader alone
    <!-- fails -->                commands of which the last fails
    <!-- demo: WORDS -->          the paragraph of the demo's output that begins with these words

A block of text that follows one that is run is its output: lines, or how they begin, in their order.
`python -m tests.pages indexes/demo` fills the blocks that come from the demo.

`run` has a shell or a Python of its own for a block, as a reader has. `run_here` runs the commands of cooc and the
Python of a block in this process, which saves starting it each time, and gives the rest to a shell.
"""

import contextlib
import glob
import io
import os
import re
import shlex
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "docs" / "guide.md"]
FILLED = [*PAGES, ROOT / "docs" / "choosing.md"]
"""Pages that show what the demo prints."""
BLOCK = re.compile(r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


@dataclass
class Block:
    """A fenced block: language, text, the comment before it, and the line of the page it is on."""

    language: str
    text: str
    mark: str
    line: int

    @property
    def runs(self) -> bool:
        return self.language in ("bash", "python") and not self.mark.startswith("not run")


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page in their order."""
    text = page.read_text("utf-8")
    return [
        Block(each["language"], each["text"], each["mark"] or "", text.count("\n", 0, each.start("language")) + 1)
        for each in BLOCK.finditer(text)
    ]


def run(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block in a folder, with the commands of this Python's environment first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = ["bash", "-euc"] if block.language == "bash" else [sys.executable, "-W", "error", "-c"]
    return subprocess.run(
        [*command, block.text], cwd=folder, env={**os.environ, "PATH": path}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip


SHELL = re.compile(r"[|;&$`*?~()]|<<")
"""What a command of cooc may not hold to be run in this process; quotes around it are looked at before."""


def run_here(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block in a folder: the commands of cooc and Python in this process, the rest by a shell."""
    printed: list[str] = []
    code = 0
    with contextlib.chdir(folder):
        for part in [block.text] if block.language == "python" else commands(block.text):
            code, said = _python_here(part) if block.language == "python" else _command_here(part)
            printed.append(said)
            if code:
                break
    return subprocess.CompletedProcess(block.text, code, "".join(printed))


def commands(text: str) -> Iterator[str]:
    """A script's commands, each with its here-document and its continued lines."""
    lines = iter(text.replace("\\\n", " ").splitlines())
    for line in lines:
        here = re.search(r"<<'(\w+)'", line)
        if here:
            line = "\n".join([line, *iter(lambda: next(lines), here[1]), here[1]])
        if line.strip():
            yield line


def _command_here(line: str) -> tuple[int, str]:
    words, _, file = line.partition(" > ")
    bare = re.sub(r"'[^']*'|\"[^\"$`]*\"", "", line.partition(" > ")[0])
    if not line.startswith("cooc ") or SHELL.search(bare.replace("*", "")) or "|" in file:
        done = run(Block("bash", line, "", 0), Path())
        return done.returncode, done.stdout
    given = [found for word, plain in _words(words) for found in (sorted(glob.glob(word)) if plain else ()) or [word]]
    code, out, err = _main_here(given[1:], together=not file)
    if file:
        Path(file.strip()).write_text(out, "utf-8")
    return code, err


def _words(line: str) -> list[tuple[str, bool]]:
    """Words of a command, and whether the shell would look for files of the name."""
    return [(word, "*" in word and f"'{word}'" not in line and f'"{word}"' not in line) for word in shlex.split(line)]


def _main_here(arguments: list[str], together: bool) -> tuple[int, str, str]:
    """Exit status, standard output and standard error; both are one where they go to one place."""
    from cooc.cli import main

    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    out = err if together else io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    return code, *((each.flush(), each.buffer.getvalue().decode())[1] for each in (out, err))


def _python_here(text: str) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            exec(compile(text, "block", "exec"), {"__name__": "__main__"})
        except Exception:
            return 1, out.getvalue() + traceback.format_exc()
    return 0, out.getvalue()


def missing(shown: str, printed: str) -> list[str]:
    """The lines shown that no printed line begins with, each looked for behind the one before."""
    rest = iter(printed.splitlines())
    return [line for line in shown.splitlines() if not any(each.startswith(line) for each in rest)]


def paragraph(words: str, output: str) -> str:
    """The paragraph of an output that begins with these words."""
    for each in re.split(r"\n{2,}", output):
        if each.startswith(words):
            return each.strip("\n") + "\n"
    raise AssertionError(f'no paragraph of the demo begins with "{words}"')


def filled(page: str, output: str) -> str:
    """The page with its blocks from the demo as the output has them."""

    def fill(match: re.Match[str]) -> str:
        mark = match["mark"] or ""
        if not mark.startswith("demo: "):
            return match[0]
        return f"<!-- {mark} -->\n```{match['language']}\n{paragraph(mark[6:], output)}```"

    return BLOCK.sub(fill, page)


def demo_output(index: Path) -> str:
    """What the demo says about its index, from a shell that finds cooc."""
    import cooc
    from cooc.demo import show
    from cooc.demo.answers import Answers
    from cooc.demo.run import folder_of

    answers = Answers(cooc.open(index), folder_of(index))
    return "\n\n".join("\n".join(section(answers)) for section in show.SECTIONS)


if __name__ == "__main__":
    said = demo_output(Path(sys.argv[1]))
    for page in FILLED:
        page.write_text(filled(page.read_text("utf-8"), said), "utf-8")
