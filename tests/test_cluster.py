"""A build on a Ray cluster of two nodes, with a worker killed in the middle, gives the bytes of one machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cooc.create.pipeline import build
from cooc.errors import UsageError
from tests.corpora import write_jsonl
from tests.faults.disk import contents
from tests.test_build import some_documents

OPTIONS = "window=5, ngrams=2, min_count=2, terms=['w1 w2', 'w9'], memory='1GB'"

PROGRAM = f"""
import sys
from cooc.create.pipeline import build

if __name__ == "__main__":
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={{"num_cpus": 1}})
    nodes.add_node(num_cpus=1)
    build(sys.argv[2:], sys.argv[1], workers=2, scheduler="ray:" + nodes.address, {OPTIONS})
    nodes.shutdown()
"""


def running(name: str) -> list[int]:
    """Processes of this machine that run a task of ours."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(name.encode()):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_a_cluster_gives_the_bytes_of_one_machine_though_a_worker_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    documents = some_documents(4_000, seed=7)
    sources = [write_jsonl(tmp_path / f"{k}.jsonl", documents[k::4]) for k in range(4)]
    alone = build(
        sources, tmp_path / "alone", window=5, ngrams=2, min_count=2, terms=["w1 w2", "w9"], workers=1
    )
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with open(tmp_path / "said", "w") as said:
        driver = subprocess.Popen(
            [sys.executable, program, tmp_path / "together", *sources], stdout=said, stderr=said,
            env={**os.environ, "RAY_TMPDIR": "/tmp", "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        killed, end = 0, time.monotonic() + 240
        while driver.poll() is None and time.monotonic() < end:
            for pid in running("ray::perform_elsewhere") if killed < 2 else []:
                os.kill(pid, signal.SIGKILL)
                killed += 1
                break
            time.sleep(0.02)
        if driver.poll() is None:
            driver.kill()
    assert driver.wait() == 0, (tmp_path / "said").read_text()[-3000:]
    assert killed, "no worker was met while it ran a task"
    assert contents(tmp_path / "together") == contents(alone)


def test_without_ray_its_scheduler_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    source = write_jsonl(tmp_path / "a.jsonl", [["a", "b"]])
    with pytest.raises(UsageError, match=r"Ray is not installed\. pip install \"cooc\[ray\]\""):
        build([source], tmp_path / "index", scheduler="ray")
    with pytest.raises(UsageError, match=r'--scheduler "slurm": expected local, ray or ray:ADDRESS'):
        build([source], tmp_path / "index", scheduler="slurm")


