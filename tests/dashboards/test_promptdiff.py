"""Prompts side by side: what differs is seen, sentence by sentence."""

from agentdyno.dashboards.promptdiff import prompt_diff

_ONE = "You answer customers. Ask for the order number before you look anything up. Be brief."
_OTHER = "You answer customers. Look the order up at once; ask only when it is missing. Be brief."


def test_one_long_line_is_compared_sentence_by_sentence() -> None:
    found = prompt_diff(_ONE, _OTHER)
    assert found.lines == (
        "  You answer customers.",
        "- Ask for the order number before you look anything up.",
        "+ Look the order up at once;",
        "+ ask only when it is missing.",
        "  Be brief.",
    )
    assert (found.added, found.removed) == (2, 1)


def test_the_same_prompt_differs_in_nothing() -> None:
    found = prompt_diff(_ONE, _ONE)
    assert (found.text, found.note) == ("", "word for word the same")


def test_white_space_alone_is_told_where_no_line_can_show_it() -> None:
    assert "only white space" in prompt_diff("Be brief.", "Be brief.\n").note
    assert "only white space" in prompt_diff(_ONE, _ONE.replace(". ", ".  ")).note


def test_template_syntax_and_markup_are_text_like_any_other() -> None:
    found = prompt_diff("Hello {{ name }}", "Hello {% if x %}<script>alert(1)</script>{% endif %}")
    assert found.lines == (
        "- Hello {{ name }}", "+ Hello {% if x %}<script>alert(1)</script>{% endif %}"
    )


def test_lines_that_begin_with_signs_of_a_diff_are_counted_once() -> None:
    found = prompt_diff("- one\n+ two\n? three", "- one\n+ two\n? three\n? four")
    assert (found.added, found.removed) == (1, 0)
