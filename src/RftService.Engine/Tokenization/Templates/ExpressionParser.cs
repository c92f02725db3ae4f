namespace RftService.Engine.Tokenization.Templates;

/// <summary>Reads expressions, with Jinja's precedence: ternary, or, and, not, comparison, + -, ~, * / // %, sign, **, postfix.</summary>
internal sealed partial class ExpressionParser(TokenReader tokens)
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
}
