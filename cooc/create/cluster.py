"""Tasks on a Ray cluster: the one door of `ray`, which schedules and moves nothing but names.

A task gets a call as JSON and gives its outcome as JSON; data go through the directory of the index, which all
nodes must see under one path. What is done is recorded there, so that a build whose driver or cluster died goes
on when the same command is run again, on Ray or not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from cooc.create.calls import Call, Outcome, Performer, result_of
from cooc.errors import BuildError, UsageError

MOST_RETRIES = 3
"""Times that Ray runs a task again whose worker or node died."""

LOOK_AFTER = 60.0
"""Seconds without a task that ended, after which it is asked whether any node can run one."""

_performer: Performer | None = None


def perform_elsewhere(message: bytes) -> bytes:
    """What a task of Ray runs: a call, encoded, to its outcome, encoded."""
    global _performer
    if _performer is None:
        _performer = Performer()
    return msgspec.json.encode(_performer.outcome(msgspec.json.decode(message, type=Call)))


class RayCrew:
    """Runs calls on the cluster at `address`, or on one that it starts on this machine for the build.

    Raises `UsageError` if Ray is not installed, and `BuildError` if there is no cluster at the address.
    """

    def __init__(self, address: str | None, workers: int | None) -> None:
        self._ray, self._ours = connect(address, workers)
        self.workers = workers or int(self._ray.cluster_resources().get("CPU", 1))
        self.memory = 0

    def run(self, calls: Sequence[Call]) -> Iterator[tuple[int, Any]]:
        """As `Crew.run`; Ray runs a task again whose worker died."""
        ray = self._ray
        # memory is a number that Ray adds up for each node, so that no more tasks run there than fit
        options = {"num_cpus": 1, "max_retries": MOST_RETRIES, "memory": self.memory, "retry_exceptions": False}
        task = ray.remote(**options)(perform_elsewhere)
        waiting, running = list(reversed(calls)), dict[Any, Call]()
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    call = waiting.pop()
                    running[task.remote(msgspec.json.encode(call))] = call
                ended, _ = ray.wait(list(running), num_returns=1, timeout=LOOK_AFTER)
                if not ended:
                    check_fits(ray.nodes(), self.memory)
                    continue
                call = running.pop(ended[0])
                outcome = msgspec.json.decode(self._get(ended[0], call), type=Outcome)
                yield outcome.number, result_of(outcome, call.stage)
        finally:
            for left in running:
                ray.cancel(left, force=True)

    def _get(self, reference: Any, call: Call) -> bytes:
        try:
            return self._ray.get(reference)  # type: ignore[no-any-return]
        except self._ray.exceptions.RayError as error:
            raise BuildError(
                f"stage {call.stage}, task {call.number}: Ray could not finish it in {1 + MOST_RETRIES} tries: "
                f"{str(error).splitlines()[0]} What is finished is kept; run the same command again."
            ) from error

    def close(self) -> None:
        """Stop the cluster if this build started it; otherwise let go of it."""
        if self._ours:
            self._ray.shutdown()


def check_fits(nodes: Sequence[dict[str, Any]], memory: int) -> None:
    """Raise `BuildError` where no node has a core and `memory` bytes in all: Ray would wait for one for ever."""
    held = [node.get("Resources", {}) for node in nodes if node.get("Alive")]
    room = [int(each.get("memory", 0)) for each in held if each.get("CPU", 0) >= 1]
    if max(room, default=-1) < memory:
        raise BuildError(
            f"--scheduler ray: a task wants a core and {memory:,} bytes of memory, and of {len(held)} nodes the "
            f"largest has {max(room, default=0):,}. Give less --memory, more --workers or larger nodes, and run the "
            "same command again."
        )


def connect(address: str | None, workers: int | None) -> tuple[Any, bool]:
    """The module `ray`, connected, and whether that is ours to end."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise UsageError('--scheduler ray: Ray is not installed. pip install "cooc[ray]"') from None
    if ray.is_initialized():
        return ray, False
    # a cluster of this machine alone is named by its loopback address
    place = {"num_cpus": workers, "_node_ip_address": "127.0.0.1"} if address is None else {"address": address}
    try:
        ray.init(**place, include_dashboard=False if address is None else None, log_to_driver=False,
                 configure_logging=False)  # fmt: skip
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise BuildError(f"--scheduler ray:{address or ''}: {str(error).splitlines()[0]}") from error
    return ray, True
