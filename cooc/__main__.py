"""`python -m cooc` is the command `cooc`."""

from cooc.cli import main

if __name__ == "__main__":
    main()
