namespace RftService.Engine.Tokenization.Templates;

/// <summary>Reads expressions, with Jinja's precedence: ternary, or, and, not, comparison, + -, ~, * / // %, sign, **, postfix.</summary>
internal sealed class ExpressionParser(TokenReader tokens)
{
    public Expression Read(bool tuple = false, bool conditional = true)
    {
        RenderContext.Deeper();
        var first = conditional ? ReadConditional() : ReadOr();
        if (!tuple || !tokens.IsOperator(","))
        {
            return first;
        }

        var items = new List<Expression> { first };
        while (tokens.TryOperator(",") && !EndsTuple())
        {
            items.Add(conditional ? ReadConditional() : ReadOr());
        }

        return new ListLiteral(items, IsTuple: true);
    }

    private bool EndsTuple() => tokens.Current.Kind is TokenKind.BlockEnd or TokenKind.ExpressionEnd || tokens.IsOperator(")");

    private Expression ReadConditional()
    {
        var value = ReadOr();
        while (tokens.TryName("if"))
        {
            var condition = ReadOr();
            value = new Conditional(condition, value, tokens.TryName("else") ? ReadConditional() : null);
        }

        return value;
    }

    private Expression ReadOr()
    {
        RenderContext.Deeper();
        var left = ReadAnd();
        while (tokens.TryName("or"))
        {
            left = new Binary("or", left, ReadAnd());
        }

        return left;
    }

    private Expression ReadAnd()
    {
        var left = ReadNot();
        while (tokens.TryName("and"))
        {
            left = new Binary("and", left, ReadNot());
        }

        return left;
    }

    private Expression ReadNot()
    {
        RenderContext.Deeper();
        return tokens.TryName("not") ? new Unary("not", ReadNot()) : ReadComparison();
    }

    private Expression ReadComparison()
    {
        var first = ReadSum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            if (tokens.Current is { Kind: TokenKind.Operator, Text: "==" or "!=" or "<" or "<=" or ">" or ">=" })
            {
                rest.Add((tokens.Take().Text, ReadSum()));
            }
            else if (tokens.TryName("in"))
            {
                rest.Add(("in", ReadSum()));
            }
            else if (tokens.IsName("not") && tokens.Next is { Kind: TokenKind.Name, Text: "in" })
            {
                tokens.Take();
                tokens.Take();
                rest.Add(("not in", ReadSum()));
            }
            else
            {
                return rest.Count == 0 ? first : new Comparison(first, rest);
            }
        }
    }

    private Expression ReadSum()
    {
        var left = ReadConcatenation();
        while (tokens.IsOperator("+") || tokens.IsOperator("-"))
        {
            left = new Binary(tokens.Take().Text, left, ReadConcatenation());
        }

        return left;
    }

    private Expression ReadConcatenation()
    {
        var left = ReadProduct();
        while (tokens.TryOperator("~"))
        {
            left = new Binary("~", left, ReadProduct());
        }

        return left;
    }

    private Expression ReadProduct()
    {
        var left = ReadPower();
        while (tokens.Current is { Kind: TokenKind.Operator, Text: "*" or "/" or "//" or "%" })
        {
            left = new Binary(tokens.Take().Text, left, ReadPower());
        }

        return left;
    }

    private Expression ReadPower()
    {
        var left = ReadUnary(filters: true);
        while (tokens.TryOperator("**"))
        {
            left = new Binary("**", left, ReadUnary(filters: true));
        }

        return left;
    }

    private Expression ReadUnary(bool filters)
    {
        RenderContext.Deeper();
        var value = tokens.IsOperator("-") || tokens.IsOperator("+")
            ? new Unary(tokens.Take().Text, ReadUnary(filters: false))
            : ReadPostfix(ReadPrimary());
        return filters ? ReadFilters(value) : value;
    }

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
