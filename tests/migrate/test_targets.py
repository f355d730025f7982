"""From TARGET to repositories."""

from __future__ import annotations

from pathlib import Path

import pytest
from regrad.migrate.targets import BadTarget, sources

from .repositories import git, repository


def test_a_repository_a_folder_in_it_and_a_plain_folder(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": "", "sub/b.py": ""})
    (tmp_path / "loose").mkdir()
    whole, part, loose = sources([str(top), str(top / "sub"), str(tmp_path / "loose")])
    assert (whole.kind, whole.name, whole.within, whole.checkout) == ("git", "models", "", str(top))
    assert (part.kind, part.name, part.within) == ("git", "sub", "sub/")
    assert (loose.kind, loose.name, loose.checkout) == ("folder", "loose", None)


def test_bare_repositories_and_histories(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": ""})
    git(tmp_path, "clone", "-q", "--bare", str(top), "copy.git")
    bare, history = sources([str(tmp_path / "copy.git"), str(top / ".git")])
    assert (bare.kind, bare.name, bare.checkout) == ("git", "copy", None)
    assert (history.kind, history.name) == ("git", "models")


def test_urls() -> None:
    urls = ["https://example.org/team/models.git", "git@example.org:team/other.git", "ssh://example.org/models"]
    assert [(each.kind, each.name, each.place) for each in sources(urls)] == [
        ("url", "models", urls[0]),
        ("url", "other", urls[1]),
        ("url", "models-2", urls[2]),
    ]


def test_a_list_of_targets(tmp_path: Path) -> None:
    top = repository(tmp_path / "models", {"a.py": ""})
    listed = tmp_path / "targets.txt"
    listed.write_text(f"# ours\nmodels  # by its path beside the list\n\n{top}\nhttps://example.org/models\n")
    assert [each.name for each in sources([str(listed)])] == ["models", "models-2"]
    listed.write_text("models\nnowhere\n")
    with pytest.raises(BadTarget, match=r"targets\.txt:2: 'nowhere'"):
        sources([str(listed)])
    listed.write_bytes(b"\xff\xfe")
    with pytest.raises(BadTarget, match="not a list"):
        sources([str(listed)])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere", "no such folder"),
        ("ext::sh -c touch% pwned", "fetched by https"),
        ("--upload-pack=touch pwned", "not a target"),
        ("ftp://example.org/a.git", "fetched by https"),
    ],
)
def test_what_is_no_target(target: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadTarget, match=message):
        sources([target])
    assert not list(tmp_path.iterdir())


def test_a_program_is_for_the_fix_command(tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    with pytest.raises(BadTarget) as caught:
        sources([str(tmp_path / "train.py")])
    assert "regrad fix" in caught.value.hint


def test_names_are_fit_for_files(tmp_path: Path) -> None:
    strange = tmp_path / "a b\n..é"
    strange.mkdir()
    other = tmp_path / "A-B"
    other.mkdir()
    first, second = sources([str(strange), str(other)])
    assert (first.name, second.name) == ("a-b", "A-B-2")
