using System.Globalization;
using System.Text;

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
internal sealed class Lexer
{
    private static readonly string[] Operators =
        ["//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", "|", ".", ",", ":"];

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

    private void ReadTag(char closing, TokenKind end)
    {
        var nesting = 0;
        while (true)
        {
            while (char.IsWhiteSpace(Peek(0)))
            {
                _at++;
            }

            if (_at >= _source.Length)
            {
                throw Fault("a tag is not closed");
            }

            var sign = Peek(0) is '-' or '+' ? Peek(0) : '\0';
            var offset = sign == '\0' ? 0 : 1;
            if (nesting == 0 && Peek(offset) == closing && Peek(offset + 1) == '}')
            {
                Add(end, "");
                _at += offset + 2;
                After(sign, end == TokenKind.BlockEnd);
                return;
            }

            ReadToken(ref nesting);
        }
    }

    private void ReadToken(ref int nesting)
    {
        var first = Peek(0);
        if (char.IsLetter(first) || first == '_')
        {
            var start = _at;
            while (char.IsLetterOrDigit(Peek(0)) || Peek(0) == '_')
            {
                _at++;
            }

            Add(TokenKind.Name, _source[start.._at]);
        }
        else if (char.IsAsciiDigit(first))
        {
            ReadNumber();
        }
        else if (first is '"' or '\'')
        {
            ReadString(first);
        }
        else
        {
            var found = Array.Find(Operators, candidate => string.CompareOrdinal(_source, _at, candidate, 0, candidate.Length) == 0)
                ?? throw Fault($"unexpected `{first}`");
            nesting += found is "(" or "[" or "{" ? 1 : found is ")" or "]" or "}" ? -1 : 0;
            Add(TokenKind.Operator, found);
            _at += found.Length;
        }
    }

    private void ReadNumber()
    {
        var start = _at;
        var attribute = _tokens[^1] is { Kind: TokenKind.Operator, Text: "." }; // `a.0.1` are two places, not 0.1
        Digits();
        var isWhole = true;
        if (!attribute && Peek(0) == '.' && char.IsAsciiDigit(Peek(1)))
        {
            isWhole = false;
            _at++;
            Digits();
        }

        if (!attribute && Peek(0) is 'e' or 'E' && (char.IsAsciiDigit(Peek(1)) || (Peek(1) is '+' or '-' && char.IsAsciiDigit(Peek(2)))))
        {
            isWhole = false;
            _at += 2;
            Digits();
        }

        var text = _source[start.._at].Replace("_", "", StringComparison.Ordinal);
        object number = !isWhole
            ? (object)double.Parse(text, CultureInfo.InvariantCulture)
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole) ? whole : throw Fault($"the number {text} is too large");
        Add(TokenKind.Number, text, number);

        void Digits()
        {
            while (char.IsAsciiDigit(Peek(0)) || (Peek(0) == '_' && char.IsAsciiDigit(Peek(1))))
            {
                _at++;
            }
        }
    }

    private void ReadString(char quote)
    {
        var value = new StringBuilder();
        _at++;
        while (Peek(0) != quote)
        {
            if (_at >= _source.Length)
            {
                throw Fault("a string is not closed");
            }

            value.Append(Peek(0) == '\\' ? Escape() : _source[_at++].ToString());
        }

        _at++;
        Add(TokenKind.String, value.ToString());
    }

    private string Escape()
    {
        var code = Peek(1);
        _at += 2;
        switch (code)
        {
            case 'n': return "\n";
            case 't': return "\t";
            case 'r': return "\r";
            case 'b': return "\b";
            case 'f': return "\f";
            case '\n': return "";
            case '\\' or '\'' or '"': return code.ToString();
            case 'x' or 'u' or 'U':
                var length = code == 'x' ? 2 : code == 'u' ? 4 : 8;
                if (_at + length > _source.Length
                    || !int.TryParse(_source.AsSpan(_at, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var point)
                    || !Rune.IsValid(point))
                {
                    throw Fault($"`\\{code}` names no character");
                }

                _at += length;
                return new Rune(point).ToString();
            default: return "\\" + code; // Python keeps an escape that it does not know
        }
    }
}
