"""A listing is text whose columns stand below each other, whatever the cells hold."""

from starbolt.verbs.listing import aligned, show


def test_columns_of_numbers_stand_at_the_right_and_others_at_the_left():
    lines = aligned(("name", "count", "share"), [("u", "5", "2.5%"), ("longer name", "1200", "")])
    assert lines == [
        "name         count  share",
        "u                5   2.5%",
        "longer name   1200",
    ]


def test_a_terminal_gets_the_same_cells_and_brackets_are_no_markup(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show(("column", "n"), [("flux [bold]", "-1.5e-07")], title="what")
    out = capsys.readouterr().out
    assert "flux [bold]" in out
    assert "-1.5e-07" in out
    assert "what" in out
