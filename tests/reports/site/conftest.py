"""One site of a small leaderboard, written once, and what it was made from."""

from pathlib import Path

import pytest

from subliminal_bench.reports.site.material import Material, read_material
from subliminal_bench.reports.site.pages import render_site
from subliminal_bench.reports.site.written import write_site
from tests.support.sites import make_documents, make_leaderboard


@pytest.fixture(scope="package")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_leaderboard(tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="package")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_documents(tmp_path_factory.mktemp("documents") / "docs")


@pytest.fixture(scope="package")
def material(board: Path) -> Material:
    return read_material(board)


@pytest.fixture(scope="package")
def pages(board: Path, documents: Path) -> dict[str, bytes]:
    return render_site(board, documents)


@pytest.fixture(scope="package")
def site(pages: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    write_site(folder, pages)
    return folder
