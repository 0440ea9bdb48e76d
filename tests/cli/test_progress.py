"""Lines where nobody looks on, a bar where somebody does."""

import io

from mien.cli.inputs import Problem
from mien.cli.progress import Show


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines(capsys):
    with Show(2) as show:
        show.begin("a.jpg")
        show.say("a.jpg: animated")
        show.done("a.jpg: 1 face")
        show.fail(Problem("b.jpg", "is empty"))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "a.jpg: animated\na.jpg: 1 face\nb.jpg: error: is empty\n"
    assert show.status == 1


def test_a_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with Show(2) as show:
        show.begin("[b]a.jpg")
        show.done("a.jpg: 1 face")
        show.fail(Problem("[red]b.jpg", "is empty"))
        show.advance()
    shown = terminal.getvalue()
    assert "2/2" in shown
    assert "[b]a.jpg" in shown
    assert "a.jpg: 1 face" not in shown
    assert "[red]b.jpg: error: is empty" in shown


def test_a_long_name_leaves_room_for_the_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    with Show(2) as show:
        show.begin("/a/very/long/folder/" * 10 + "photo.jpg")
        show.advance()
    assert "1/2" in terminal.getvalue()
    assert "photo.jpg" in terminal.getvalue()


def test_all_done_is_0():
    with Show(0) as show:
        show.done("x")
    assert show.status == 0
