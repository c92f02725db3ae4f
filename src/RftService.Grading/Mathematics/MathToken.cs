namespace RftService.Grading.Mathematics;

/// <summary>What a piece of an answer is.</summary>
internal enum MathTokenKind
{
    End,
    Number,
    Variable,
    Function,
    Symbol,
}

/// <summary>A piece of an answer. Symbols are one character or the name of a LaTeX command, as `frac`.</summary>
internal readonly record struct MathToken(MathTokenKind Kind, string Text)
{
    public static readonly MathToken End = new(MathTokenKind.End, "");

    public bool Is(string symbol) => Kind == MathTokenKind.Symbol && Text == symbol;
}

/// <summary>An answer that cannot be read as mathematics.</summary>
internal sealed class MathSyntaxException(string message) : Exception(message);
