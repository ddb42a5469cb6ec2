import subprocess
import sys

import pytest

from aetutor.files import replacing


def test_a_file_appears_whole_with_its_folder(tmp_path):
    path = tmp_path / "new folder" / "file"
    with replacing(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"earlier")
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_drive_without_permissions_takes_the_file_all_the_same(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError

    monkeypatch.setattr("os.chmod", refuse)
    with replacing(tmp_path / "file") as file:
        file.write(b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"


def test_a_file_that_cannot_be_replaced_stays_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "file"
    path.mkdir()  # a folder in the way
    with pytest.raises(OSError), replacing(path) as file:
        file.write(b"whole")
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_killed_while_writing_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"earlier")
    code = f"""
from aetutor.files import replacing
with replacing({str(path)!r}) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    input()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        assert process.stdout.readline().strip() == b"writing"
        process.kill()
    assert path.read_bytes() == b"earlier"


def test_a_disk_that_takes_no_more_leaves_the_earlier_file(tmp_path, no_room):
    path = tmp_path / "file"
    with no_room(tmp_path):
        path.write_bytes(b"earlier")
        with pytest.raises(OSError), replacing(path) as file:
            file.write(bytes(1_000_000))
        assert path.read_bytes() == b"earlier"
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a Unix system")
def test_everybody_may_read_what_was_written(tmp_path):
    with replacing(tmp_path / "file") as file:
        file.write(b"content")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
