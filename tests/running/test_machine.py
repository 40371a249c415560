"""A run that is slow because of other programs knows it."""

from pathlib import Path

import pytest

from subliminal_bench.running.machine import Queue


def keep(folder: Path, thread: str, ran: float, waited: float) -> None:
    path = folder / "task" / thread / "schedstat"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{ran * 1e9:.0f} {waited * 1e9:.0f} 17\n")


def test_the_share_counts_all_threads_since_the_last_look(tmp_path: Path) -> None:
    keep(tmp_path, "1", 100, 100)
    queue = Queue(tmp_path)
    keep(tmp_path, "1", 103, 101)
    assert queue.share() == pytest.approx(0.25)
    # A second thread, which has begun meanwhile.
    keep(tmp_path, "1", 104, 101)
    keep(tmp_path, "2", 2, 1)
    assert queue.share() == pytest.approx(0.25)


def test_the_processes_that_it_has_started_count_too(tmp_path: Path) -> None:
    own, child = tmp_path / "10", tmp_path / "11"
    keep(own, "10", 0, 0)
    keep(child, "11", 0, 0)
    (own / "task" / "10" / "children").write_text("11 12 ")
    queue = Queue(own)
    keep(own, "10", 1, 1)
    keep(child, "11", 7, 1)
    assert queue.share() == pytest.approx(0.2)


def test_a_thread_that_ended_is_no_failure(tmp_path: Path) -> None:
    keep(tmp_path, "1", 1, 0)
    keep(tmp_path, "2", 1, 0)
    queue = Queue(tmp_path)
    (tmp_path / "task" / "2" / "schedstat").unlink()
    keep(tmp_path, "1", 2, 3)
    assert queue.share() == pytest.approx(0.75)


@pytest.mark.parametrize("text", ["", "nothing known", "1"])
def test_a_system_that_keeps_no_times_gives_no_answer(text: str, tmp_path: Path) -> None:
    assert Queue(tmp_path / "nowhere").share() is None
    (tmp_path / "task" / "1").mkdir(parents=True)
    (tmp_path / "task" / "1" / "schedstat").write_text(text)
    assert Queue(tmp_path).share() is None


def test_time_that_stood_still_gives_no_answer(tmp_path: Path) -> None:
    keep(tmp_path, "1", 1, 1)
    assert Queue(tmp_path).share() is None


def test_this_process_is_known_or_not_at_all() -> None:
    queue = Queue()
    sum(range(1_000_000))
    share = queue.share()
    assert share is None or 0 <= share <= 1
