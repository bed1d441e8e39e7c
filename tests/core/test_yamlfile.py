"""YAML files: core-schema values, positions, and every problem at once."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from agentdyno.core.errors import InputError, Problem
from agentdyno.core.noun import Noun
from agentdyno.core.yamlfile import load_yaml, parse_yaml, validate_model


class Cat(Noun):
    type: Literal["cat"] = "cat"
    lives: int = 9


class Dog(Noun):
    type: Literal["dog"] = "dog"
    name: str
    size: Literal["small", "large"] = "small"


class Zoo(Noun):
    title: str
    animals: tuple[Annotated[Cat | Dog, Field(discriminator="type")], ...] = ()
    rooms: dict[str, Dog] = Field(default_factory=dict)
    fee: float | None = None


def problems(text: str) -> list[tuple[int, str, str]]:
    with pytest.raises(InputError) as caught:
        validate_model(parse_yaml(text, "zoo.yaml"), Zoo)
    assert {problem.file for problem in caught.value.problems} == {"zoo.yaml"}
    return [(p.line, p.key, p.message) for p in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("y", "y"), ("true", True), ("False", False), ("~", None),
        ("", None), ("null", None), ("2004-01-01", "2004-01-01"), ("12:30:45", "12:30:45"),
        ("017", 17), ("0o17", 15), ("0x1F", 31), ("1_000", "1_000"), ("-3", -3), ("1e3", 1000.0),
        (".5", 0.5), ("2.", 2.0), (".inf", ".inf"), (".nan", ".nan"), ("'5'", "5"), ("-", [None]),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    data = parse_yaml(f"key: {text}" if text != "-" else "key:\n  -", "f").data["key"]
    assert data == value
    assert type(data) is type(value)


def test_keys_are_text_as_written() -> None:
    assert parse_yaml("no: 1\n2004: 2\n1.50: 3\n<<: 4", "f").data == {
        "no": 1, "2004": 2, "1.50": 3, "<<": 4,
    }


def test_a_line_is_that_of_the_key_or_of_the_nearest_ancestor() -> None:
    document = parse_yaml("a:\n  b:\n  - x\n  - c: 1\n    d: 2\n", "f")
    assert document.line(("a", "b", 1, "d")) == 5
    assert document.line(("a", "b", 1)) == 4
    assert document.line(("a", "b")) == 2
    assert document.line(("a", "b", 7, "z")) == 2
    assert document.line(()) == 1


def test_an_aliased_value_is_shared_and_has_a_line() -> None:
    document = parse_yaml("a: &x {k: 1}\nb: *x\n", "f")
    assert document.data == {"a": {"k": 1}, "b": {"k": 1}}
    assert document.line(("b",)) == 2


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: 1\n\tb: 2\n", 2, "a tab indents this line"),
        ("a: [1, 2\nb: 3\n", 2, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "single document"),
        ("", 1, "empty"),
        ("a: 1\nb: \x07\n", 2, "forbids"),
        ("a: 1\nb: !!python/name:os.system x\n", 2, "tag"),
        ("a: &x\n  b: *x\n", 1, "alias"),
        ("? [1]\n: 2\n", 1, "a key must be text"),
        ("a: !!int x\n", 1, "'x' is no int"),
        ("a: 1e999\n", 1, "too large"),
        ("a: 1\nb: " + "9" * 5000, 2, "too large"),
        ('a: "\\ud800"\n', 1, ""),
        ('"\\ud800": 1\n', 1, ""),
        ("[" * 500 + "]" * 500, 1, "nested too deeply"),
    ],
)
def test_what_is_not_one_plain_document_is_refused_with_its_line(
    text: str, line: int, part: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "f")
    assert [problem.line for problem in caught.value.problems] == [line]
    assert part in caught.value.problems[0].message


def test_every_duplicate_key_is_named() -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml("a:\n  x: 1\n  x: 2\nb: 1\nb: 2\n", "f")
    assert [(p.line, p.key) for p in caught.value.problems] == [(3, "a.x"), (5, "b")]


def test_a_file_that_is_not_there_or_not_utf8_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.yaml:1: cannot be read: No such file"):
        load_yaml(tmp_path / "gone.yaml", "gone.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe9\n")
    with pytest.raises(InputError, match=r"latin.yaml:2: is not UTF-8"):
        load_yaml(tmp_path / "latin.yaml", "latin.yaml")


def test_a_good_file_becomes_the_model(tmp_path: Path) -> None:
    (tmp_path / "zoo.yaml").write_text("title: 'no'\nanimals: [{type: cat}]\nfee: 5\n")
    zoo = validate_model(load_yaml(tmp_path / "zoo.yaml"), Zoo)
    assert zoo == Zoo(title="no", animals=(Cat(),), fee=5.0)


def test_all_problems_of_a_file_are_reported_at_once() -> None:
    text = (
        "titel: x\n"
        "animals:\n"
        "- type: cat\n"
        "  lives: '9'\n"
        "- type: dog\n"
        "  nmae: Rex\n"
        "- type: cta\n"
        "- lives: 3\n"
        "- {type: dog, name: A, size: smal}\n"
        "rooms:\n"
        "  a:\n"
        "    name: [1]\n"
    )
    assert problems(text) == [
        (1, "titel", "unknown key (did you mean 'title'?)"),
        (1, "title", "this key is required"),
        (4, "animals.0.lives", "Input should be a valid integer, not text"),
        (5, "animals.1.name", "this key is required"),
        (6, "animals.1.nmae", "unknown key (did you mean 'name'?)"),
        (7, "animals.2.type", "'cta' is none of cat, dog (did you mean 'cat'?)"),
        (8, "animals.3.type", "this key is required: one of cat, dog"),
        (9, "animals.4.size",
         "Input should be 'small' or 'large', not 'smal' (did you mean 'small'?)"),
        (12, "rooms.a.name", "Input should be a valid string, not a list"),
    ]


def test_a_key_unlike_any_other_lists_the_known_ones() -> None:
    [(_, _, message)] = problems("title: x\nqqq: 1\n")
    assert message == "unknown key (known keys: animals, fee, rooms, title)"


def test_a_file_that_is_no_mapping_is_refused() -> None:
    [(line, key, message)] = problems("- 1\n")
    assert (line, key) == (1, "")
    assert "object" in message
    assert message.endswith("not a list")


def test_problems_found_elsewhere_are_reported_together() -> None:
    document = parse_yaml("title: 1\nfee: 2\n", "f")
    other: Problem = document.problem(("fee",), "too high")
    with pytest.raises(InputError) as caught:
        validate_model(document, Zoo, extra_problems=[other])
    assert [p.key for p in caught.value.problems] == ["title", "fee"]
