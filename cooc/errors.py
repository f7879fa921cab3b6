"""The errors cooc raises; all are `CoocError`, none shadows a built-in.

    CoocError
    ├── UsageError            an option or argument that makes no sense, found before any work
    ├── SourceError           a corpus file that can't be read as what it claims to be
    │   └── BadRecord         one record of it, with file, line and reason
    ├── BuildError            a build that can't go on: directory taken, parameters changed, disk full
    ├── IndexFault            a directory that can't be opened as an index
    │   ├── NotAnIndex        there is no manifest
    │   ├── UnfinishedIndex   a build of it has begun and not ended
    │   ├── LaterFormat       a newer cooc wrote it
    │   └── DamagedIndex      a file is missing, has the wrong length, or its digest differs
    └── UnknownTerm           a term the index can't answer for, with near misses

A message says what, where, what was found and expected, and what to do.
"""


class CoocError(Exception):
    """Any error that is not a bug in cooc."""


class UsageError(CoocError):
    """An option or argument that makes no sense; raised before any work is done."""


class SourceError(CoocError):
    """A corpus file that can't be read as what it claims to be."""


class BadRecord(SourceError):
    """One record of a corpus file that is no document; `where` is file and line, `reason` a short name."""

    def __init__(self, where: str, reason: str, detail: str = "") -> None:
        self.where, self.reason, self.detail = where, reason, detail
        super().__init__(f"{where}: {detail or reason}")

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.where, self.reason, self.detail)


class BuildError(CoocError):
    """A build that can't go on; what was finished is kept."""


class IndexFault(CoocError):
    """A directory that can't be opened as an index."""


class NotAnIndex(IndexFault):
    """There is no manifest in the directory."""


class UnfinishedIndex(IndexFault):
    """A build of this index has begun and not ended."""


class LaterFormat(IndexFault):
    """The index was written in a format newer than this cooc knows."""


class DamagedIndex(IndexFault):
    """A file of the index is missing, has the wrong length, or differs from its digest."""


class UnknownTerm(CoocError):
    """A term the index can't answer for; the message names the nearest terms it has."""
