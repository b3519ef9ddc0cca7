"""The command line: what a person may get wrong is a sentence, before anything is computed."""

import pytest

from compress_core.__main__ import main
from compress_core.studies import architectures as costs

WRONG = {
    "an option that it does not have": (["train", "--arch", "studentnet", "--option", "foo=1"], "has no option 'foo'"),
    "no such network": (["checkpoints", "--only", "zzz"], "begins with 'zzz'"),
    "a place that cannot be written": (["train", "--arch", "studentnet", "--out", "/proc/here"], "/proc/here"),
    "runs that cannot be written": (["train", "--arch", "studentnet", "--runs", "/proc/here"], "--runs"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_a_sentence_at_once(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("compress_core.__main__.train", None)  # nothing is trained for it
    arguments, says = WRONG[name]
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "out")]
    assert main([*arguments, *out]) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["-1", "1e30", "99999999999999999999999"])
def test_a_seed_is_a_whole_number(seed, capsys):
    with pytest.raises(SystemExit):
        main(["train", "--arch", "studentnet", "--seed", seed])
    assert "seed" in capsys.readouterr().err


def test_costs_are_written_where_one_says(tmp_path, capsys):
    before = costs.FILE.read_text()
    assert main(["costs", "--out", str(tmp_path / "here" / "costs.csv")]) == 0
    assert (tmp_path / "here" / "costs.csv").read_text() == before == costs.FILE.read_text()
