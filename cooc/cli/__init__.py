"""The command `cooc`: `main` is its entry point."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; leaves by `SystemExit`: 0, 1 (error of ours), 2 (bad usage) or 130 (Ctrl-C)."""
    from cooc.cli.app import app

    app(args=arguments, prog_name="cooc")
