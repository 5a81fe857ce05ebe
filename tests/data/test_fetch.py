"""Fetching data sets from a server on this machine: resumed, verified, in their place whole or not at all."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bits.data import download as downloading
from bits.data import fetch as fetching
from bits.data.fetch import FETCHED, Archive, fetch
from bits.data.kind import Sizes, kind_of
from bits.errors import DatasetError

from . import official
from .test_official import dataset

USAGE = namedtuple("USAGE", "free")


class Server:
    """Serves one file, and notes what is asked for. break_after: bytes after which each connection ends; None: never.
    ranges: whether it can send a part."""

    def __init__(self, content: bytes) -> None:
        self.content, self.ranges, self.asked = content, True, list[str | None]()
        self.break_after: int | None = None
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                """Nothing on stderr."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/food-101.tar.gz"
        Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        asked = to.headers.get("Range")
        self.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges else 0
        if asked and start >= len(self.content):
            to.send_error(416)
            return
        to.send_response(206 if asked and self.ranges else 200)
        to.send_header("Content-Length", str(len(self.content) - start))
        to.end_headers()
        end = len(self.content) if self.break_after is None else start + self.break_after
        to.wfile.write(self.content[start:end])


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """food-101.tar.gz in miniature."""
    place = official.food101(tmp_path_factory.mktemp("packed"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(place / "food-101", "food-101")
    return buffer.getvalue()


@pytest.fixture
def server(packed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of that archive, from which food101 is fetched, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    serving = Server(packed)
    archive = Archive(serving.url, hashlib.md5(packed).hexdigest(), "food-101")
    monkeypatch.setattr(fetching, "FETCHED", {"food101": lambda: archive})
    yield serving
    serving.http.shutdown()
    serving.http.server_close()


def part() -> Path:
    return Path("data/.fetch/food-101.tar.gz.part")


def test_a_set_lies_in_its_place_and_nothing_else_is_left(server: Server) -> None:
    place = fetch("food101")
    assert place == Path("data/food101")
    of = dataset("food101")
    assert kind_of(of).sizes(of, str(place)) == Sizes(3, 2, 2)
    assert [path.name for path in Path("data/.fetch").iterdir()] == []
    assert fetch("food101") == place
    assert server.asked == [None], "what is there is not fetched again"


def test_it_lies_where_it_is_wanted(server: Server, tmp_path: Path) -> None:
    assert fetch("food101", tmp_path / "other/food") == tmp_path / "other/food"
    assert (tmp_path / "other/food/meta/train.txt").is_file()


def test_a_connection_that_breaks_is_taken_up_again(server: Server, packed: bytes) -> None:
    server.break_after = -(-len(packed) // 3)
    fetch("food101")
    step = server.break_after
    assert server.asked == [None, f"bytes={step}-", f"bytes={2 * step}-"]


def test_what_came_before_a_stop_is_not_fetched_again(server: Server, packed: bytes) -> None:
    official.write(part(), packed[:100])
    fetch("food101")
    assert server.asked == ["bytes=100-"]


def test_a_whole_part_is_taken(server: Server, packed: bytes) -> None:
    official.write(part(), packed)
    fetch("food101")
    assert server.asked == [f"bytes={len(packed)}-"]


def test_a_server_that_sends_no_parts_sends_all(server: Server, packed: bytes) -> None:
    server.ranges = False
    official.write(part(), packed[:100])
    fetch("food101")
    assert Path("data/food101/meta/test.txt").is_file()


def test_a_wrong_checksum_keeps_nothing_that_looks_whole(server: Server, packed: bytes) -> None:
    server.content = packed[:-1] + b"x"
    with pytest.raises(DatasetError, match=r"do not have the checksum .*, and were removed\.\nCall again"):
        fetch("food101")
    assert not Path("data/food101").exists() and list(Path("data/.fetch").iterdir()) == []
    server.content = packed
    assert fetch("food101").is_dir()


def test_a_part_of_another_file_is_found_out_and_fetched_anew(server: Server, packed: bytes) -> None:
    official.write(part(), b"x" * 100)
    with pytest.raises(DatasetError, match="do not have the checksum"):
        fetch("food101")
    assert fetch("food101").is_dir()
    assert server.asked == ["bytes=100-", None]


def test_a_connection_that_brings_nothing_more_is_given_up_and_its_part_kept(server: Server) -> None:
    server.break_after = 0
    with pytest.raises(DatasetError, match=r"the connection ends after 0 bytes\. Call again"):
        fetch("food101")
    server.break_after = 50
    official.write(part(), b"")
    server.content = server.content[:60]  # the archive's md5 is another one, which does not matter before it is whole
    with pytest.raises(DatasetError, match="do not have the checksum"):
        fetch("food101")


def test_a_server_that_is_not_there_is_said(server: Server) -> None:
    server.http.shutdown()
    server.http.server_close()
    official.write(part(), b"x")
    with pytest.raises(DatasetError, match=r"can't be reached: .*refused.*What came is kept in data/\.fetch/food-101"):
        fetch("food101")
    assert part().read_bytes() == b"x"


def test_an_address_that_is_gone_is_said(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "answer", lambda to: to.send_error(404))
    with pytest.raises(DatasetError, match="the server answers 404 Not Found"):
        fetch("food101")


def test_a_disk_that_is_too_small_is_said_before_anything_comes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda path: USAGE(free=10))
    with pytest.raises(DatasetError, match=r"0 MiB of disk are left, and .* --to FOLDER on another disk"):
        fetch("food101")
    assert not part().exists()


def test_an_archive_of_something_else_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive(server.url, hashlib.md5(server.content).hexdigest(), "imagenette2")
    monkeypatch.setattr(fetching, "FETCHED", {"food101": lambda: archive})
    with pytest.raises(DatasetError, match=r"holds no folder imagenette2"):
        fetch("food101")
    assert not Path("data/food101").exists()


def test_what_cannot_be_fetched_says_where_to_get_it() -> None:
    with pytest.raises(
        DatasetError, match=r"imagenet1k can't be fetched\. Get ILSVRC2012_img_train\.tar.* you register"
    ):
        fetch("imagenet1k")
    with pytest.raises(DatasetError, match=r"food102: no such data set to fetch; did you mean 'food101'"):
        fetch("food102")


def test_torchvision_knows_every_archive() -> None:
    found = {name: known() for name, known in FETCHED.items()}
    assert {name: archive.folder for name, archive in found.items()} == {
        "food101": "food-101",
        "inet10": "imagenette2",
        "voc2012": "VOCdevkit/VOC2012",
    }
    for archive in found.values():
        assert archive.url.startswith("http") and len(archive.md5) == 32
