using RftService.Grading.Formulas;

namespace RftService.Grading.Tests;

public sealed class FormulaTests
{
    [Theory]
    [InlineData("1 + 2 * 3", 7)]
    [InlineData("(1 + 2) * 3", 9)]
    [InlineData("8 - 3 - 2", 3)]
    [InlineData("8 / 4 / 2", 1)]
    [InlineData("2 ^ 3 ^ 2", 512)]
    [InlineData("2 ** 3 ** 2", 512)]
    [InlineData("-2 ^ 2", -4)]
    [InlineData("(-2) ^ 2", 4)]
    [InlineData("2 ^ -1", 0.5)]
    [InlineData("--2", 2)]
    [InlineData("2 * -3", -6)]
    [InlineData("7 % 4", 3)]
    [InlineData("-7 % 4", 1)] // the sign of the divisor: Python's rule
    [InlineData("7 % -4", -1)]
    [InlineData("min(3, 1, 2) + max(4, 9)", 10)]
    [InlineData("abs(-3) + floor(-1.5) + ceil(1.2)", 3)]
    [InlineData("exp(0) + sqrt(9) + log(1)", 4)]
    [InlineData("1.5e2 + .5", 150.5)]
    [InlineData("a + b_2", 5)]
    [InlineData("a*max(b_2,1)^2", 18)]
    public void Evaluate_Precedence_IsPythons(string text, double expected) => Assert.Equal(expected, Value(text)!.Value, 12);

    [Theory]
    [InlineData("1 / 0")]
    [InlineData("1 % 0")]
    [InlineData("log(0)")]
    [InlineData("sqrt(0 - 1)")]
    [InlineData("exp(1000)")]
    [InlineData("(-8) ^ (1/3)")]
    [InlineData("min(1, 1/0)")]
    [InlineData("0 * exp(1000)")]
    public void Evaluate_NoFiniteStep_HasNoValue(string text)
    {
        Assert.Null(Formula.Parse(text).Evaluate(_ => 0, out var fault));
        Assert.NotNull(fault);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("1 +", 3)]
    [InlineData("(1", 2)]
    [InlineData("1 2", 2)]
    [InlineData("a b", 2)]
    [InlineData("foo(1)", 0)]
    [InlineData("abs(1, 2)", 0)]
    [InlineData("abs()", 4)]
    [InlineData("min", 3)]
    [InlineData("1..2", 2)]
    [InlineData("1e", 0)]
    [InlineData("1e999", 0)]
    [InlineData("a.b", 1)]
    [InlineData("a;b", 1)]
    [InlineData("1\0 2", 1)]
    [InlineData("a if b else c", 2)]
    public void Parse_NoFormula_NamesThePlace(string text, int position) =>
        Assert.Equal(position, Assert.Throws<FormulaException>(() => Formula.Parse(text)).Position);

    [Fact]
    public void Parse_TooDeep_IsRefused()
    {
        Assert.Throws<FormulaException>(() => Formula.Parse(new string('(', 400) + "1" + new string(')', 400)));
        Assert.Throws<FormulaException>(() => Formula.Parse(new string('-', 1000) + "1"));
        Assert.Throws<FormulaException>(() => Formula.Parse(string.Concat(Enumerable.Repeat("2^", 500)) + "1"));
    }

    [Fact]
    public void RandomText_ParsesOrNamesAPlace_AndNeverGivesAnInfinity()
    {
        string[] pieces = ["a", "b_2", "1", "2.5", "1e3", "+", "-", "*", "/", "%", "^", "**", "(", ")", ",", " ", "min(", "max(", "abs(", "log(", "exp(", "sqrt(", "x", "\0", "é"];
        var random = new Random(20260201);
        var parsed = 0;
        for (var i = 0; i < 40_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 14)).Select(_ => pieces[random.Next(pieces.Length)]));
            try
            {
                var value = Formula.Parse(text).Evaluate(name => name.Length - 2.5, out var fault);
                Assert.True(value is { } number ? double.IsFinite(number) : fault is not null, text);
                parsed++;
            }
            catch (FormulaException fault)
            {
                Assert.InRange(fault.Position, 0, text.Length);
            }
        }

        Assert.InRange(parsed, 500, 39_500);
    }

    private static double? Value(string text) => Formula.Parse(text).Evaluate(name => name == "a" ? 2 : 3, out _);
}
