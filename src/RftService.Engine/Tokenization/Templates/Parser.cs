namespace RftService.Engine.Tokenization.Templates;

/// <summary>Reads the statements of a template.</summary>
internal sealed class Parser(List<Token> tokens)
{
    private readonly TokenReader _tokens = new(tokens);
    private int _loops;

    /// <summary>The name a test goes by: an operator stands for its word.</summary>
    public static string TestName(string name) => name switch
    {
        "==" => "eq",
        "!=" => "ne",
        "<" => "lt",
        "<=" => "le",
        ">" => "gt",
        ">=" => "ge",
        _ => name,
    };

    public IReadOnlyList<Statement> ReadTemplate()
    {
        var body = ReadBody();
        return _tokens.Current.Kind == TokenKind.End ? body : throw _tokens.Fault("a block ends here that was not begun");
    }

    // Reads up to a block whose name is one of these, which stays unread, or to the end of the template.
    private List<Statement> ReadBody(params ReadOnlySpan<string> ends)
    {
        RenderContext.Deeper();
        var body = new List<Statement>();
        while (_tokens.Current.Kind != TokenKind.End)
        {
            switch (_tokens.Current.Kind)
            {
                case TokenKind.Text:
                    body.Add(new WriteText(_tokens.Take().Text));
                    break;
                case TokenKind.ExpressionBegin:
                    _tokens.Take();
                    body.Add(new WriteValue(Expression(tuple: true)));
                    _tokens.Expect(TokenKind.ExpressionEnd);
                    break;
                default:
                    var name = _tokens.Next;
                    if (name.Kind == TokenKind.Name && ends.Contains(name.Text))
                    {
                        return body;
                    }

                    _tokens.Expect(TokenKind.BlockBegin);
                    body.Add(ReadStatement());
                    break;
            }
        }

        return ends.Length == 0 ? body : throw _tokens.Fault($"expected `{ends[^1]}`, got the end of the template");
    }

    private Statement ReadStatement()
    {
        var name = _tokens.Expect(TokenKind.Name);
        switch (name.Text)
        {
            case "if":
                return ReadIf();
            case "for":
                return ReadFor();
            case "set":
                return ReadSet();
            case "macro":
                return ReadMacro();
            case "generation": // marks the assistant's own words for training; it writes nothing itself
                _tokens.Expect(TokenKind.BlockEnd);
                return new Group(BodyUpTo("endgeneration"));
            case "break" or "continue" when _loops > 0:
                _tokens.Expect(TokenKind.BlockEnd);
                return new Jump(name.Text == "break" ? Flow.Break : Flow.Continue);
            default:
                throw new TemplateException($"line {name.Line}: the statement `{name.Text}` is not supported here");
        }
    }

    private List<Statement> BodyUpTo(string end)
    {
        var body = ReadBody(end);
        EndBlock(end);
        return body;
    }

    private void EndBlock(string name)
    {
        _tokens.Expect(TokenKind.BlockBegin);
        if (!_tokens.TryName(name))
        {
            throw _tokens.Fault($"expected `{name}`");
        }

        _tokens.Expect(TokenKind.BlockEnd);
    }

    private If ReadIf()
    {
        var branches = new List<(Expression, IReadOnlyList<Statement>)>();
        do
        {
            var condition = Expression(tuple: true);
            _tokens.Expect(TokenKind.BlockEnd);
            branches.Add((condition, ReadBody("elif", "else", "endif")));
            _tokens.Expect(TokenKind.BlockBegin);
        }
        while (_tokens.TryName("elif"));

        if (!_tokens.TryName("else"))
        {
            _tokens.Take();
            _tokens.Expect(TokenKind.BlockEnd);
            return new If(branches, []);
        }

        _tokens.Expect(TokenKind.BlockEnd);
        return new If(branches, BodyUpTo("endif"));
    }

    private For ReadFor()
    {
        var target = ReadTarget();
        if (!_tokens.TryName("in"))
        {
            throw _tokens.Fault("expected `in`");
        }

        // Without a ternary: `for x in items if x` filters the items.
        var items = new ExpressionParser(_tokens).Read(tuple: true, conditional: false);
        var condition = _tokens.TryName("if") ? Expression() : null;
        _tokens.Expect(TokenKind.BlockEnd);
        _loops++;
        var body = ReadBody("else", "endfor");
        _loops--;
        _tokens.Expect(TokenKind.BlockBegin);
        if (!_tokens.TryName("else"))
        {
            _tokens.Take();
            _tokens.Expect(TokenKind.BlockEnd);
            return new For(target, items, condition, body, []);
        }

        _tokens.Expect(TokenKind.BlockEnd);
        return new For(target, items, condition, body, BodyUpTo("endfor"));
    }

    private Statement ReadSet()
    {
        var target = ReadTarget();
        if (_tokens.TryOperator("="))
        {
            var value = Expression(tuple: true);
            _tokens.Expect(TokenKind.BlockEnd);
            return new Set(target, value);
        }

        _tokens.Expect(TokenKind.BlockEnd);
        return new SetBlock(target, BodyUpTo("endset"));
    }

    private Target ReadTarget()
    {
        var inBrackets = _tokens.TryOperator("(");
        var names = new List<string> { _tokens.Expect(TokenKind.Name).Text };
        if (!inBrackets && _tokens.TryOperator("."))
        {
            return new Target(names, _tokens.Expect(TokenKind.Name).Text);
        }

        while (_tokens.TryOperator(","))
        {
            names.Add(_tokens.Expect(TokenKind.Name).Text);
        }

        if (inBrackets)
        {
            _tokens.ExpectOperator(")");
        }

        return new Target(names);
    }

    private Macro ReadMacro()
    {
        var name = _tokens.Expect(TokenKind.Name).Text;
        var parameters = new List<(string, Expression?)>();
        _tokens.ExpectOperator("(");
        while (!_tokens.TryOperator(")"))
        {
            var parameter = _tokens.Expect(TokenKind.Name).Text;
            parameters.Add((parameter, _tokens.TryOperator("=") ? Expression() : null));
            if (!_tokens.TryOperator(","))
            {
                _tokens.ExpectOperator(")");
                break;
            }
        }

        _tokens.Expect(TokenKind.BlockEnd);
        var loops = _loops;
        _loops = 0; // a macro cannot leave the loop around it
        var body = BodyUpTo("endmacro");
        _loops = loops;
        return new Macro(name, parameters, body);
    }

    private Expression Expression(bool tuple = false) => new ExpressionParser(_tokens).Read(tuple);
}
