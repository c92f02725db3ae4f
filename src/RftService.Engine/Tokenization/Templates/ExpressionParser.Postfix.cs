namespace RftService.Engine.Tokenization.Templates;

/// <content>Values and what follows them: attributes, items, calls, filters, tests.</content>
internal sealed partial class ExpressionParser
{
    private Expression ReadPrimary()
    {
        var token = tokens.Take();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new Literal(true),
                    "false" or "False" => new Literal(false),
                    "none" or "None" => new Literal(null),
                    _ => new Variable(token.Text),
                };
            case TokenKind.Number:
                return new Literal(token.Number);
            case TokenKind.String:
                var text = token.Text;
                while (tokens.Current.Kind == TokenKind.String)
                {
                    text += tokens.Take().Text;
                }

                return new Literal(text);
            case TokenKind.Operator when token.Text == "(":
                var inner = tokens.IsOperator(")") ? new ListLiteral([], IsTuple: true) : Read(tuple: true);
                tokens.ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                return new ListLiteral(ReadItems("]", () => Read()), IsTuple: false);
            case TokenKind.Operator when token.Text == "{":
                return new DictionaryLiteral(ReadItems("}", () =>
                {
                    var key = Read();
                    tokens.ExpectOperator(":");
                    return (key, Read());
                }));
            default:
                throw new TemplateException($"line {token.Line}: expected a value, got {token.Kind} `{token.Text}`");
        }
    }

    private List<T> ReadItems<T>(string end, Func<T> read)
    {
        var items = new List<T>();
        while (!tokens.TryOperator(end))
        {
            items.Add(read());
            if (!tokens.TryOperator(","))
            {
                tokens.ExpectOperator(end);
                break;
            }
        }

        return items;
    }

    private Expression ReadPostfix(Expression owner)
    {
        while (true)
        {
            if (tokens.TryOperator("."))
            {
                var name = tokens.Take();
                owner = name.Kind switch
                {
                    TokenKind.Name => new Attribute(owner, name.Text),
                    TokenKind.Number => new Item(owner, new Literal(name.Number)),
                    _ => throw new TemplateException($"line {name.Line}: expected the name of an attribute, got `{name.Text}`"),
                };
            }
            else if (tokens.TryOperator("["))
            {
                owner = ReadSubscript(owner);
            }
            else if (tokens.IsOperator("("))
            {
                var (positional, named) = ReadArguments();
                owner = new Call(owner, positional, named);
            }
            else
            {
                return owner;
            }
        }
    }

    private Expression ReadSubscript(Expression owner)
    {
        var start = tokens.IsOperator(":") ? null : Read();
        if (start is not null && tokens.TryOperator("]"))
        {
            return new Item(owner, start);
        }

        tokens.ExpectOperator(":");
        var stop = tokens.IsOperator(":") || tokens.IsOperator("]") ? null : Read();
        var step = tokens.TryOperator(":") && !tokens.IsOperator("]") ? Read() : null;
        tokens.ExpectOperator("]");
        return new Slice(owner, start, stop, step);
    }

    private (List<Expression> Positional, List<(string, Expression)> Named) ReadArguments()
    {
        tokens.ExpectOperator("(");
        var named = new List<(string Name, Expression Value)>();
        var positional = ReadItems<Expression?>(")", () =>
        {
            if (tokens.Current.Kind == TokenKind.Name && tokens.Next is { Kind: TokenKind.Operator, Text: "=" })
            {
                var name = tokens.Take().Text;
                tokens.Take();
                if (named.Exists(argument => argument.Name == name))
                {
                    throw tokens.Fault($"the argument `{name}` is given twice");
                }

                named.Add((name, Read()));
                return null;
            }

            return Read();
        });
        return (positional.OfType<Expression>().ToList(), named);
    }

    private Expression ReadFilters(Expression value)
    {
        while (true)
        {
            if (tokens.TryOperator("|"))
            {
                var name = tokens.Expect(TokenKind.Name).Text;
                var filter = Filters.Find(name) ?? throw tokens.Fault($"the filter `{name}` is not supported");
                var (positional, named) = tokens.IsOperator("(") ? ReadArguments() : ([], []);
                value = ReadPostfixCall(new Filtered(value, name, filter, positional, named));
            }
            else if (tokens.TryName("is"))
            {
                value = ReadTest(value);
            }
            else
            {
                return value;
            }
        }
    }

    // After a filter Jinja reads calls only; an attribute needs brackets around the filtered value.
    private Expression ReadPostfixCall(Expression value)
    {
        while (tokens.IsOperator("("))
        {
            var (positional, named) = ReadArguments();
            value = new Call(value, positional, named);
        }

        return value;
    }

    private Tested ReadTest(Expression value)
    {
        var negated = tokens.TryName("not");
        var token = tokens.Take();
        var name = Parser.TestName(token.Text);
        var test = Tests.Find(name) ?? throw tokens.Fault($"the test `{token.Text}` is not supported");
        List<Expression> arguments = [];
        if (tokens.IsOperator("("))
        {
            arguments = ReadArguments().Positional;
        }
        else if (TakesArgument())
        {
            arguments = [ReadPostfix(ReadPrimary())];
        }

        return new Tested(value, name, test, arguments, negated);
    }

    private bool TakesArgument() => tokens.Current switch
    {
        { Kind: TokenKind.Name, Text: "else" or "or" or "and" or "is" or "if" or "not" or "in" } => false,
        { Kind: TokenKind.Name or TokenKind.String or TokenKind.Number } => true,
        { Kind: TokenKind.Operator, Text: "[" or "{" } => true,
        _ => false,
    };
}
