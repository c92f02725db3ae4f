namespace RftService.Engine.Tokenization.Templates;

/// <summary>The tokens of a template, read one by one.</summary>
internal sealed class TokenReader(List<Token> tokens)
{
    private int _at;

    public Token Current => tokens[_at];

    public Token Next => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public TemplateException Fault(string message) => new($"line {Current.Line}: {message}");

    public Token Take() => Current.Kind == TokenKind.End ? throw Fault("unexpected end of the template") : tokens[_at++];

    public Token Expect(TokenKind kind) => Current.Kind == kind ? Take() : throw Fault($"expected {kind}, got {Current.Kind} `{Current.Text}`");

    public void ExpectOperator(string sign)
    {
        if (!TryOperator(sign))
        {
            throw Fault($"expected `{sign}`, got {Current.Kind} `{Current.Text}`");
        }
    }

    public bool IsOperator(string sign) => Current.Kind == TokenKind.Operator && Current.Text == sign;

    public bool IsName(string name) => Current.Kind == TokenKind.Name && Current.Text == name;

    public bool TryOperator(string sign)
    {
        if (!IsOperator(sign))
        {
            return false;
        }

        _at++;
        return true;
    }

    public bool TryName(string name)
    {
        if (!IsName(name))
        {
            return false;
        }

        _at++;
        return true;
    }
}
