from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from run_claude.config.yamlfile import read_document
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n\n  # comments", "   ", "---\n", "--- \n# x\n"])
def test_a_file_without_values_is_no_document(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text(text)
    assert read_document(tmp_path / "f") is None


def test_comments_alone_do_not_cost_the_import_of_yaml(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("# a: b\n" * 50)
    script = (
        "import sys, pathlib; from run_claude.config.yamlfile import read_document\n"
        "read_document(pathlib.Path(sys.argv[1])); print('yaml' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", script, tmp_path / "f"], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_each_key_and_item_knows_its_line(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("# one\na:\n  b: 1\n  c:\n    - x\n    - y\nd: {e: 2}\n")
    document = read_document(tmp_path / "f")
    assert document is not None
    assert document.data == {"a": {"b": 1, "c": ["x", "y"]}, "d": {"e": 2}}
    assert [document.line(*keys) for keys in (("a",), ("a", "b"), ("a", "c", 1), ("d", "e"))] == [2, 3, 6, 7]
    assert document.line("a", "b", "not", "there") == 3
    assert document.where("a", "b") == f"{tmp_path / 'f'}:3: a.b"


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), _PLAIN, min_size=1, max_size=4))
def test_it_reads_what_yaml_writes(tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]) -> None:
    path = tmp_path_factory.mktemp("yaml") / "f"
    path.write_bytes(yaml.safe_dump(data, encoding="utf-8"))
    document = read_document(path)
    assert document is not None
    assert document.data == data


def test_merged_mappings_are_filled_in_and_own_keys_win(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz:\n  <<: [*x, *y]\n  a: 5\n")
    document = read_document(tmp_path / "f")
    assert document is not None
    assert document.data["z"] == {"a": 5, "b": 2, "c": 4}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a: 1\nb: : 2\n", 2, id="syntax"),
        pytest.param("a: 1\nb: [1\n", 2, id="never closed"),
        pytest.param("a: 1\n\tb: 2\n", 2, id="tab"),
        pytest.param("a: 1\nb: 2\x07\n", 2, id="control character"),
        pytest.param("a: 1\nb:\n  c: 2\n  c: 3\n", 4, id="repeated key"),
        pytest.param("a: 1\n---\nb: 2\n", 2, id="two documents"),
        pytest.param("a: *no\n", 1, id="unknown alias"),
        pytest.param("a: 1\nb: !!python/object/apply:os.system [x]\n", 2, id="python object"),
        pytest.param("a: 2026-99-99\n", 1, id="no date"),
        pytest.param("a: !!timestamp x\n", 1, id="no timestamp"),
        pytest.param("a: !!int x\n", 1, id="no number"),
        pytest.param("? [a]\n: 1\n", 1, id="key that is no word"),
        pytest.param("<<: 3\n", 1, id="merge of a number"),
        pytest.param("a: &a [*a]\n", 1, id="contains itself"),
        pytest.param("<<: &a\n  <<: *a\n", 1, id="merges itself"),
        pytest.param("a: 1\nb: " + "[" * 100_000, 2, id="deep enough to overrun a stack"),
        pytest.param(
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(7)),
            6,
            id="billions of laughs",
        ),
    ],
)
def test_what_cannot_be_used_names_file_and_line(tmp_path: Path, text: str, line: int) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_document(path)
    assert raised.value.message.startswith(f"{path}:{line}: ")
    assert raised.value.facts["line"] == line
    assert raised.value.code == "yaml-invalid"
    assert len(raised.value.message) < 300
