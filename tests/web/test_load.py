"""The API under many requests at once, and under requests made up from its description."""

import gc
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from mien.web.app import make_app

pytestmark = pytest.mark.slow

NUM_REQUESTS = 200
NUM_ROUNDS = 5
MOST_GROWTH = 30.0
"""Megabytes from the second round to the last: caches are full by then."""


def resident_megabytes():
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def ask(address, content, accept):
    files = {"picture": ("old.png", content)}
    answer = httpx.post(f"{address}/api/recover", files=files, headers={"Accept": accept}, timeout=120)
    return answer.status_code, answer.headers.get("retry-after"), len(answer.content)


def test_200_requests_at_once_are_all_answered_and_memory_stays(studio, settings, serve, make_picture):
    address = serve(make_app(studio, replace(settings, places=16, seconds=120.0)))
    content, megabytes = make_picture(360, 270), []
    with ThreadPoolExecutor(NUM_REQUESTS) as pool:
        for _ in range(NUM_ROUNDS):
            kinds = ["image/png", "application/json"] * (NUM_REQUESTS // 2)
            answers = [*pool.map(lambda kind: ask(address, content, kind), kinds)]
            statuses = Counter(status for status, _, _ in answers)
            assert set(statuses) == {200, 429}, statuses
            assert sum(statuses.values()) == NUM_REQUESTS
            assert statuses[200] >= 17, "all that had a place"
            assert all(int(retry) >= 1 for status, retry, _ in answers if status == 429)
            assert all(size > 200 for status, _, size in answers if status == 200)
            megabytes.append(resident_megabytes())
    assert megabytes[-1] - megabytes[1] < MOST_GROWTH, megabytes
    assert httpx.get(f"{address}/api/health").json()["working"] == 0
    assert ask(address, content, "image/png")[0] == 200


@pytest.mark.skipif(shutil.which("st", path=Path(sys.executable).parent) is None, reason="no schemathesis")
@pytest.mark.parametrize("token", [None, "secret"])
def test_requests_made_up_from_the_description(studio, settings, serve, tmp_path, token):
    del studio.models["slow"]
    address = serve(make_app(studio, replace(settings, token=token)))
    command = [
        Path(sys.executable).with_name("st"),
        "run",
        f"{address}/api/openapi.json",
        "--max-examples=25",
        "--seed=1",
        "--no-color",
        # a picture is more than a string of bytes, and which wishes a model can fulfil no schema says
        "--exclude-checks=positive_data_acceptance",
    ]
    if token is not None:
        command.append(f"--header=Authorization: Bearer {token}")
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
