namespace RftService.Testing.Fuzz;

/// <summary>Texts of pieces that readers of templates, numbers, LaTeX and formulas stumble over. The same seed gives the same text.</summary>
public static class RandomText
{
    private static readonly string[] Any =
    [
        "{{", "}}", "{", "}", "item.", "sample.output_text", ".", "[", "]", "0", "1", "42", ",", ",000", "/", "-", "+", "$", "%", "e", "E9", "####",
        "\\boxed{",
        "\\frac", "{1}", "{2}", "answer is", "=", "^", "_", " ", "\n", "½", "×", "10^", "\\times", "\\,", "{,}", "a", "é", "😀", "\ud800",
        "\udc00",
        "\0", "\u2212", "cat",
    ];

    private static readonly string[] Mathematics =
    [
        "\\frac{1}{2}", "\\frac", "\\dfrac12", "{", "}", "\\sqrt", "\\sqrt[3]{", "x", "y", "2", "-7", "0", "^", "^{10}", "^{99999}", "_", "_1", "+",
        "-", "\\cdot", "*", "/", "=", "\\pm", "\\pi",
        "e", "i", "\\infty", "(", ")", "[", "]", "\\left(", "\\right]", "\\{", "\\}", "\\cup", "\\in", "\\begin{pmatrix}", "\\end{pmatrix}", "&",
        "\\\\", ",", ";", "\\text{ cm}",
        "^\\circ", "\\%", "$", "\\boxed{", "1{,}000", "\\binom{5}{2}", "5!", "|", "\\leq", "<", " ", "\\,", "\\sin", "\\log_2", "\\ln", "3.14",
        "0.\\overline{3}", "\\mathrm{",
    ];

    private static readonly string[] Arithmetic =
    [
        "a", "b", "zz", "+", "-", "*", "/", "%", "^", "**", "(", ")", "min(", "max(", "abs(", "floor(", "ceil(", "exp(", "sqrt(", "log(", ",", "1",
        "0", "2.5", "1e308", "1e-9", "1e999", ".", " ",
    ];

    private static readonly string[] Patterns =
    [
        "a", "(", ")", "(?:", "(?=", "(?<!", "(?<n>", "|", "*", "+", "?", "{2,5}", "{9999}", "{", "[a-z", "]", "[^", "\\d", "\\w", "\\b", "\\1",
        "\\k<n>", "^", "$", ".", ".*", "\\", "\\p{L}", "(?i)", "é",
    ];

    /// <summary>Pieces of everything, up to but not that many.</summary>
    public static string Of(Random random, int pieces) => Join(random, Any, pieces);

    /// <summary>Something like LaTeX.</summary>
    public static string Latex(Random random, int pieces) => Join(random, Mathematics, pieces);

    /// <summary>Something like a formula over `a` and `b`.</summary>
    public static string Formula(Random random, int pieces) => Join(random, Arithmetic, pieces);

    /// <summary>Something like a regular expression.</summary>
    public static string Pattern(Random random, int pieces) => Join(random, Patterns, pieces);

    /// <summary>The text without what a body may not hold at all: NUL and halves of surrogate pairs.</summary>
    public static string Storable(string text) => string.Concat(text.Where(letter => letter != '\0' && !char.IsSurrogate(letter)));

    private static string Join(Random random, string[] from, int pieces) =>
        string.Concat(Enumerable.Range(0, random.Next(0, pieces)).Select(_ => from[random.Next(from.Length)]));
}
