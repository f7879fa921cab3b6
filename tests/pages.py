"""The code blocks of README.md and docs/: run as a reader runs them, and filled from the demo.

A comment on the line before a block says what it is:

    <!-- not run: REASON -->      a block for the reader alone
    <!-- fails -->                commands of which the last fails
    <!-- demo: WORDS -->          the paragraph of the demo's output that begins with these words

A block of text that follows one that is run is its output: lines, or how they begin, in their order.
`python -m tests.pages indexes/demo` fills the blocks that come from the demo.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "docs" / "guide.md"]
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

    return "\n\n".join("\n".join(section(cooc.open(index))) for section in show.SECTIONS)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text("utf-8"), demo_output(Path(sys.argv[1]))), "utf-8")
