using System.Globalization;
using System.Text;

namespace RftService.Engine.Tokenization.Templates;

/// <content>What stands inside a tag: names, numbers, strings, operators.</content>
internal sealed partial class Lexer
{
    private static readonly string[] Operators =
        ["//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", "|", ".", ",", ":"];

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
