"""Reading formulas: bars, groups, quotes, calls."""

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from statsmodels_gllamm.exceptions import FormulaError
from statsmodels_gllamm.formula.grammar import one_sided, parse_formula, parse_group
from statsmodels_gllamm.formula.tokens import tokenize, usage


@pytest.mark.parametrize(
    "formula, plain, bars",
    [
        ("y ~ x + (1 | id)", "y ~ x", [("1", ["id"], True)]),
        ("y ~ (1|id)", "y ~ 1", [("1", ["id"], True)]),
        ("y ~ (1|id) + x", "y ~ x", [("1", ["id"], True)]),
        ("y ~ 0 + (x || a) + z", "y ~ 0 + z", [("x", ["a"], False)]),
        ("y ~ -1 + (0 + f | a / b)", "y ~ -1", [("0 + f", ["a", "a:b"], True)]),
        ("y ~ (1|g) - 1 + x", "y ~ -1 + x", [("1", ["g"], True)]),
        ("y~x+(1|a/b/c)", "y ~ x", [("1", ["a", "a:b", "a:b:c"], True)]),
        ("y~x+(1|a/b:c)", "y ~ x", [("1", ["a", "a:b:c"], True)]),
        ("y~x+(1|b:a)", "y ~ x", [("1", ["b:a"], True)]),
        ("log(y) ~ f(x | 3) + ((1 + x | g))", "log(y) ~ f(x | 3)", [("1 + x", ["g"], True)]),
        ("y ~ I(x | z) + (1 | g)", "y ~ I(x | z)", [("1", ["g"], True)]),
        ("y ~ C(k, levels=['a|b', '(']) + (1|g)", "y ~ C(k, levels=['a|b', '('])", None),
        ("y ~ (x + z)**2 + (1 | g)", "y ~ (x + z)**2", [("1", ["g"], True)]),
        ("a + b ~ x + (1 | `my g`/k)", "a + b ~ x", [("1", ["my g", "my g:k"], True)]),
        ("y ~ `my x` + (1 | Q('g'))", 'y ~ Q("my x")', [("1", ["g"], True)]),
        ("y ~ x+(f:x + z | g)+(1|h)", "y ~ x", [("f:x + z", ["g"], True), ("1", ["h"], True)]),
        ("y ~ x + z", "y ~ x + z", []),
        ("y ~ (1 |\n g) +\n x", "y ~ x", [("1", ["g"], True)]),
    ],
)
def test_formula(formula, plain, bars):
    parsed = parse_formula(formula)
    assert parsed.plain == plain
    assert parsed.text == formula
    if bars is not None:
        found = [(b.terms, [":".join(g) for g in b.groups], b.correlated) for b in parsed.bars]
        assert found == bars


@pytest.mark.parametrize(
    "formula, part",
    [
        ("y x", "one ~"),
        ("~ x", "one response"),
        ("y ~ ", "right side"),
        ("y ~ x ~ z", "one ~"),
        ("y ~ 1 | g", "of its own in parentheses"),
        ("y ~ x:(1 | g)", "of its own in parentheses"),
        ("y ~ x * (z + (1 | g))", "of its own in parentheses"),
        ("y ~ x - (1 | g)", "cannot be subtracted"),
        ("y ~ ( | g)", "needs terms on the left"),
        ("y ~ (1 | )", "needs terms on the left"),
        ("y ~ (1 | a | b)", "more than one bar"),
        ("y ~ (1 | a + b)", "bar for each further group"),
        ("y ~ (1 | f(a))", "columns joined by"),
        ("y ~ (1 | 1)", "columns joined by"),
        ("y ~ (1 | Q(g))", "columns joined by"),
        ("y ~ (1 | Q('g)'", "does not close"),
        ("y ~ (1 | a/)", "columns joined by"),
        ("y ~ (1 | a/a)", "'a' twice"),
        ("(1 | g) ~ x", "right side"),
        ("y ~ (x", "does not close"),
        ("y ~ x)", "opens nowhere"),
        ("y ~ f('x)", "does not close"),
    ],
)
def test_refused(formula, part):
    with pytest.raises(FormulaError, match=part):
        parse_formula(formula)


def test_not_a_string():
    with pytest.raises(TypeError, match="must be a string"):
        parse_formula(3)
    with pytest.raises(FormulaError, match="without left side"):
        one_sided("y ~ x")
    assert one_sided(" ~ 0 + x") == "0 + x"


def test_group_in_parentheses():
    assert parse_group("(a/b)") == (("a",), ("a", "b"))


def test_names_by_part():
    found = usage("x:f + C(item)*(z + w) + np.log(v | 3) + C(k, Treatment('x')) + Q('a b') - 1")
    assert found.bare == ("x", "f", "z", "w", "a b")
    assert found.coded == ("item", "k")
    assert found.inside == ("np", "v")
    assert found.called == ("np.log", "Treatment")
    assert not found.plain
    assert usage("0 + C(item):f").plain
    assert usage("C(x, levels=[1, 2])").inside == ("x",)
    assert usage("x.shift()").inside == ("x",)
    assert usage("[v for v in x][0]").inside == ("x",)


def test_text_is_not_searched():
    found = usage("items + C(item_2) + f('item') + g(item=3)")
    assert "item" not in found.names


def test_unreadable_term():
    with pytest.raises(FormulaError, match="cannot be read"):
        usage("x %in% z")


def test_depth_of_brackets():
    depths = {t.text: (t.depth, t.calls) for t in tokenize("f(a, (b)) + (c)")}
    assert depths["a"] == (1, 1) and depths["b"] == (2, 1) and depths["c"] == (1, 0)


PIECES = ["y", "x", "f(", "C(", "Q(", "(", ")", "[", "'", "`", "~", "+", "-", ":", "/", "|", "||",
          "**", " ", "1", "0.5", "=", ".", "{", "}", "\\", "é", "1e", "'a b'", "\n", "lambda", ","]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_any_text_is_read_or_refused(text):
    for formula in (text, f"y ~ {text}", f"y ~ x + ({text} | g)", f"y ~ (1 | {text})"):
        try:
            parsed = parse_formula(formula)
            usage(parsed.fixed)
            for bar in parsed.bars:
                usage(bar.terms)
        except FormulaError:
            pass
