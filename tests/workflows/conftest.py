"""A pull request for each test."""

from pathlib import Path

import pytest

from tests.support.pull_requests import PullRequest


@pytest.fixture
def pull_request(tmp_path: Path) -> PullRequest:
    return PullRequest(tmp_path)
