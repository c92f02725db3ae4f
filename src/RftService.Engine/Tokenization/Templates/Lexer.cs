namespace RftService.Engine.Tokenization.Templates;

/// <summary>The kinds of token.</summary>
internal enum TokenKind
{
    Text,
    BlockBegin,
    BlockEnd,
    ExpressionBegin,
    ExpressionEnd,
    Name,
    Number,
    String,
    Operator,
    End,
}

/// <summary>A token of a template.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Text">Its characters; of a string its value.</param>
/// <param name="Line">The line it is on, from 1.</param>
/// <param name="Number">The value of a number.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Line, object? Number = null);

/// <summary>Cuts a template into tokens, with `trim_blocks` and `lstrip_blocks` on, as transformers renders chat templates.</summary>
internal sealed partial class Lexer
{
    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _at, _line = 1, _lineAt;

    private Lexer(string source)
    {
        var lines = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        _source = lines.EndsWith('\n') ? lines[..^1] : lines; // keep_trailing_newline is off
    }

    public static List<Token> Read(string source)
    {
        var lexer = new Lexer(source);
        while (lexer._at < lexer._source.Length)
        {
            lexer.ReadTextAndTag();
        }

        lexer.Add(TokenKind.End, "");
        return lexer._tokens;
    }

    private int Line => 1 + _source.AsSpan(0, _at).Count('\n');

    private char Peek(int offset) => _at + offset < _source.Length ? _source[_at + offset] : '\0';

    private TemplateException Fault(string message) => new($"line {Line}: {message}");

    private void Add(TokenKind kind, string text, object? number = null)
    {
        // Counted on from the last token: a long template is not counted anew for each.
        _line += _source.AsSpan(_lineAt, _at - _lineAt).Count('\n');
        _lineAt = _at;
        _tokens.Add(new Token(kind, text, _line, number));
    }

    private void ReadTextAndTag()
    {
        var open = _at;
        do
        {
            open = _source.IndexOf('{', open);
        }
        while (open >= 0 && !(open + 1 < _source.Length && _source[open + 1] is '{' or '%' or '#') && ++open > 0);

        var text = open < 0 ? _source[_at..] : _source[_at..open];
        if (open < 0)
        {
            AddText(text);
            _at = _source.Length;
            return;
        }

        var kind = _source[open + 1];
        var sign = open + 2 < _source.Length ? _source[open + 2] : '\0';
        AddText(Before(text, _at, kind, sign));
        _at = open + 2 + (sign is '-' or '+' ? 1 : 0);
        switch (kind)
        {
            case '#':
                SkipComment();
                break;
            case '%' when TryRaw():
                break;
            case '%':
                Add(TokenKind.BlockBegin, "{%");
                ReadTag('%', TokenKind.BlockEnd);
                break;
            default:
                Add(TokenKind.ExpressionBegin, "{{");
                ReadTag('}', TokenKind.ExpressionEnd);
                break;
        }
    }

    private void AddText(string text)
    {
        if (text.Length > 0)
        {
            Add(TokenKind.Text, text);
        }
    }

    // The text before a tag: `-` takes all white space away, and a block alone on its line takes its indentation away.
    private string Before(string text, int start, char kind, char sign)
    {
        if (sign == '-')
        {
            return text.TrimEnd();
        }

        if (sign == '+' || kind == '{')
        {
            return text;
        }

        var line = text.LastIndexOf('\n') + 1;
        var beginsLine = line > 0 || start == 0 || _source[start - 1] == '\n';
        return beginsLine && string.IsNullOrWhiteSpace(text[line..]) ? text[..line] : text;
    }

    private void After(char sign, bool block)
    {
        if (sign == '-')
        {
            while (_at < _source.Length && char.IsWhiteSpace(_source[_at]))
            {
                _at++;
            }
        }
        else if (sign != '+' && block && Peek(0) == '\n')
        {
            _at++;
        }
    }

    private void SkipComment()
    {
        var close = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (close < 0)
        {
            throw Fault("a comment is not closed");
        }

        var sign = close > _at ? _source[close - 1] : '\0';
        _at = close + 2;
        After(sign, block: true);
    }

    private bool TryRaw()
    {
        if (!TryWordTag(_at, "raw", out var begin, out var beginSign))
        {
            return false;
        }

        _at = begin;
        After(beginSign, block: false);
        for (var open = _source.IndexOf("{%", _at, StringComparison.Ordinal); open >= 0; open = _source.IndexOf("{%", open + 2, StringComparison.Ordinal))
        {
            var sign = open + 2 < _source.Length ? _source[open + 2] : '\0';
            if (TryWordTag(open + 2 + (sign is '-' or '+' ? 1 : 0), "endraw", out var end, out var endSign))
            {
                AddText(Before(_source[_at..open], _at, '%', sign));
                _at = end;
                After(endSign, block: true);
                return true;
            }
        }

        throw Fault("raw is not closed");
    }

    private bool TryWordTag(int at, string word, out int end, out char sign)
    {
        (end, sign) = (at, '\0');
        var rest = _source.AsSpan(at).TrimStart();
        if (!rest.StartsWith(word, StringComparison.Ordinal))
        {
            return false;
        }

        rest = rest[word.Length..].TrimStart();
        sign = rest.Length > 0 && rest[0] is '-' or '+' ? rest[0] : '\0';
        rest = sign == '\0' ? rest : rest[1..];
        end = _source.Length - rest.Length + 2;
        return rest.StartsWith("%}", StringComparison.Ordinal);
    }
}
