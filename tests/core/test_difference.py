"""The first difference of two JSON values, and diffs that stay short."""

import pytest

from agentdyno.core.difference import ABSENT, first_difference, told, unified

NAMES = ("recorded", "now")


@pytest.mark.parametrize(("old", "new", "path", "pair"), [
    ({"a": 1}, {"a": 2}, "$.a", (1, 2)),
    ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "y"}]}, "$.a[1].b", ("x", "y")),
    ({"a": 1, "c": 1}, {"a": 1}, "$.c", (1, ABSENT)),
    ([1], [1, 2], "$[1]", (ABSENT, 2)),
    ({"not plain": 1}, {"not plain": 2}, '$["not plain"]', (1, 2)),
    ({"a": 0}, {"a": 0.0}, "$.a", (0, 0.0)),
    ({"a": 1}, {"a": True}, "$.a", (1, True)),
    ({"a": {}}, {"a": []}, "$.a", ({}, [])),
])
def test_the_first_difference_has_a_path_and_both_values(old, new, path, pair):
    found = first_difference(old, new)
    assert (found.path, found.old, found.new) == (path, *pair)


def test_equal_values_have_none():
    assert first_difference({"b": [1, {}], "a": None}, {"a": None, "b": [1, {}]}) is None


def test_long_values_are_cut_around_the_difference():
    found = first_difference({"t": "x" * 900 + "old"}, {"t": "x" * 900 + "new"})
    lines = told(found, NAMES)
    assert lines[0] == "$.t"
    assert lines[1].endswith('old"')
    assert lines[2].endswith('new"')
    assert max(map(len, lines)) < 200


def test_a_value_that_is_missing_is_told_so():
    assert told(first_difference({}, {"a": 1}), NAMES) == [
        "$.a", "  recorded: (nothing)", "  now:      1"]


def test_long_lines_of_a_diff_show_the_place_where_they_differ():
    lines = unified(["x" * 900 + "old" + "y" * 900], ["x" * 900 + "new" + "y" * 900], NAMES)
    assert any(line.startswith("-") and "old" in line for line in lines)
    assert any(line.startswith("+") and "new" in line for line in lines)
    assert max(map(len, lines)) < 210


def test_removed_and_added_lines_are_both_seen_where_much_changed():
    lines = unified([f"old {n}" for n in range(90)], [f"new {n}" for n in range(90)], NAMES)
    assert "-old 0" in lines
    assert "+new 0" in lines
    assert "-... and 78 more of these lines" in lines
    assert len(lines) < 40


def test_a_diff_of_many_lines_is_quick_and_numbers_them_as_they_stand():
    old = [f"line {n}" for n in range(400_000)]
    lines = unified(old, [*old[:300_000], "other", *old[300_001:]], NAMES)
    assert lines[2] == "@@ -299999,5 +299999,5 @@"
    assert lines[3:] == [" line 299998", " line 299999", "-line 300000", "+other",
                         " line 300001", " line 300002"]
