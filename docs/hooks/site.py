"""What mkdocs needs beyond the pages: pages made of files that lie elsewhere, links that lead out of docs/, commands.

README.md, indexes/FORMAT.md, CHANGELOG.md and `cooc COMMAND --help` become pages. In the repository pages link to
files by paths from docs/; on the site, a link to a page goes there, and one to any other file becomes its name.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent.parent
ELSEWHERE = {"index.md": "README.md", "format.md": "indexes/FORMAT.md", "changes.md": "CHANGELOG.md"}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
MARK = re.compile(r"^<!--.*-->\n", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Leave pages out of the navigation that are not there (yet)."""
    made = {*ELSEWHERE, "commands.md"}

    def there(entry: Any) -> Any:
        ((title, where),) = entry.items()
        if isinstance(where, list):
            kept = [each for each in map(there, where) if each]
            return {title: kept} if kept else None
        return entry if where in made or (Path(config.docs_dir) / where).exists() else None

    config.nav = [each for each in map(there, config.nav) if each]
    return config


def on_files(files: Files, config: Any) -> Files:
    """The pages that are made."""
    for page, source in ELSEWHERE.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))
    files.append(File.generated(config, "commands.md", content=commands()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links as the site has them; comments that say how a block is tested are for the repository."""
    source = ROOT / ELSEWHERE.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    return MARK.sub("", LINK.sub(lambda link: site_link(link, source, page.file.src_uri), markdown))


def site_link(link: re.Match[str], source: Path, page: str) -> str:
    """One link of a page whose source is a file of the repository."""
    image, text, target = link.groups()
    path, _, anchor = target.partition("#")
    if not path or "://" in target or target.startswith("mailto:"):
        return link[0]
    lies = (source.parent / path).resolve()
    made = {(ROOT / each).resolve(): name for name, each in ELSEWHERE.items()}
    if lies in made:
        name = made[lies]
    elif lies.is_relative_to(ROOT / "docs") and lies.exists():
        name = lies.relative_to(ROOT / "docs").as_posix()
    else:
        return text if text.startswith("`") else f"{text} (`{lies.relative_to(ROOT)}`)"
    up = "../" * page.count("/")
    return f"{image}[{text}]({up}{name}{'#' + anchor if anchor else ''})"


def commands() -> str:
    """A section for each command: what `--help` says."""
    from typer.main import get_command

    from cooc.cli.app import app

    parts = ["# Commands", inspect.cleandoc(str(app.registered_callback.callback.__doc__))]
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        context = command.make_context(name, [], resilient_parsing=True, terminal_width=96, max_content_width=96)
        context.info_name = f"cooc {name}"
        parts.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```")
    return "\n\n".join(parts) + "\n"
