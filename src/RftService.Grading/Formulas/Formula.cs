using System.Globalization;

namespace RftService.Grading.Formulas;

/// <summary>
/// An arithmetic expression over named grades, as OpenAI's `calculate_output`. From loose to tight: + and -; * / and %; unary - and +;
/// ^ (also **), which groups to the right and binds tighter than a minus before it, so that -2^2 is -4. Functions: min, max (one or more
/// values), abs, floor, ceil, exp, sqrt, log (natural). % has the sign of the divisor. A step that gives no finite number has no value.
/// </summary>
internal sealed class Formula
{
    /// <summary>Deepest nesting of parentheses, signs and powers.</summary>
    public const int MaxDepth = 64;

    private readonly FormulaNode _root;

    private Formula(FormulaNode root, IReadOnlyList<string> names) => (_root, Names) = (root, names);

    /// <summary>The names that it reads, each once.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <exception cref="FormulaException">The text is no formula.</exception>
    public static Formula Parse(string text)
    {
        var reader = new FormulaReader(text);
        return new Formula(reader.Read(), reader.Names);
    }

    /// <summary>The value; null when a step gave none, as a division by 0, and then <paramref name="fault"/> says which.</summary>
    public double? Evaluate(Func<string, double> valueOf, out string? fault)
    {
        try
        {
            fault = null;
            return _root.Evaluate(valueOf);
        }
        catch (NoValueException none)
        {
            fault = none.Message;
            return null;
        }
    }
}

/// <summary>A text that is no formula.</summary>
/// <param name="position">Offset into the text, from 0.</param>
/// <param name="message">What was expected and what was found.</param>
internal sealed class FormulaException(int position, string message) : FormatException(message)
{
    public int Position { get; } = position;
}

/// <summary>A step of a formula that gave no finite number.</summary>
internal sealed class NoValueException(string message) : Exception(message);

/// <summary>A node of a formula's tree.</summary>
internal abstract record FormulaNode
{
    public abstract double Evaluate(Func<string, double> valueOf);

    protected static double Finite(double value, string step) =>
        double.IsFinite(value) ? value : throw new NoValueException(string.Create(CultureInfo.InvariantCulture, $"{step} is {value}."));
}

internal sealed record NumberNode(double Value) : FormulaNode
{
    public override double Evaluate(Func<string, double> valueOf) => Value;
}

internal sealed record NameNode(string Name) : FormulaNode
{
    public override double Evaluate(Func<string, double> valueOf) => valueOf(Name);
}

internal sealed record NegationNode(FormulaNode Operand) : FormulaNode
{
    public override double Evaluate(Func<string, double> valueOf) => -Operand.Evaluate(valueOf);
}

internal sealed record OperatorNode(char Operator, FormulaNode Left, FormulaNode Right) : FormulaNode
{
    public override double Evaluate(Func<string, double> valueOf)
    {
        var (left, right) = (Left.Evaluate(valueOf), Right.Evaluate(valueOf));
        var value = Operator switch
        {
            '+' => left + right,
            '-' => left - right,
            '*' => left * right,
            '/' => right == 0 ? throw new NoValueException(Shown(left, right) + " divides by 0.") : left / right,
            '%' => right == 0 ? throw new NoValueException(Shown(left, right) + " divides by 0.") : left - (right * Math.Floor(left / right)),
            _ => Math.Pow(left, right),
        };
        return Finite(value, Shown(left, right));
    }

    private string Shown(double left, double right) => string.Create(CultureInfo.InvariantCulture, $"{left:R} {Operator} {right:R}");
}

internal sealed record CallNode(string Function, IReadOnlyList<FormulaNode> Arguments) : FormulaNode
{
    /// <summary>The functions; those of <see cref="Many"/> take one or more values, the others one.</summary>
    public static readonly IReadOnlySet<string> Known =
        new HashSet<string>(StringComparer.Ordinal) { "min", "max", "abs", "floor", "ceil", "exp", "sqrt", "log" };

    public static bool Many(string function) => function is "min" or "max";

    public override double Evaluate(Func<string, double> valueOf)
    {
        var values = Arguments.Select(argument => argument.Evaluate(valueOf)).ToArray();
        var value = Function switch
        {
            "min" => values.Min(),
            "max" => values.Max(),
            "abs" => Math.Abs(values[0]),
            "floor" => Math.Floor(values[0]),
            "ceil" => Math.Ceiling(values[0]),
            "exp" => Math.Exp(values[0]),
            "sqrt" => Math.Sqrt(values[0]),
            _ => Math.Log(values[0]),
        };
        return Finite(value, string.Create(CultureInfo.InvariantCulture, $"{Function}({values[0]:R})"));
    }
}
