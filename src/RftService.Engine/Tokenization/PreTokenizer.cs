using System.Text;

namespace RftService.Engine.Tokenization;

/// <summary>A part of the text on its way to the model.</summary>
/// <param name="Text">Its characters.</param>
/// <param name="AtStart">True when it begins where the whole text begins.</param>
internal readonly record struct Piece(string Text, bool AtStart);

/// <summary>The `pre_tokenizer` of tokenizer.json: cuts text into the words within which the model works.</summary>
internal static class PreTokenizer
{
    private const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>Cuts one piece into several.</summary>
    internal delegate IEnumerable<Piece> Cut(Piece piece);

    public static Cut Read(JsonPlace? place) => place is { } given ? ReadOne(given) : piece => [piece];

    private static Cut ReadOne(JsonPlace place)
    {
        switch (place["type"].Text())
        {
            case "Sequence":
                place.Only("type", "pretokenizers");
                var steps = place["pretokenizers"].Items().Select(ReadOne).ToArray();
                return piece => steps.Aggregate<Cut, IEnumerable<Piece>>([piece], (pieces, step) => pieces.SelectMany(one => step(one)));
            case "ByteLevel":
                return ByteLevel(place);
            case "Split":
                place.Only("type", "pattern", "behavior", "invert");
                return Split(TextPattern.Read(place["pattern"]).Matches, Behavior(place["behavior"]), place["invert"].Bool());
            case "Digits":
                place.Only("type", "individual_digits");
                return Split(Characters(Rune.IsNumber), place["individual_digits"].Bool() ? SplitBehavior.Isolated : SplitBehavior.Contiguous, false);
            case "Punctuation":
                place.Only("type", "behavior");
                return Split(
                    Characters(rune => Rune.IsPunctuation(rune) || (rune.IsAscii && Rune.IsSymbol(rune))),
                    place.Optional("behavior") is { } behavior ? Behavior(behavior) : SplitBehavior.Isolated,
                    false);
            case "WhitespaceSplit":
                place.Only("type");
                return Split(Characters(Rune.IsWhiteSpace), SplitBehavior.Removed, false);
            case "Whitespace":
                place.Only("type");
                // Rust's \w: letters, marks, decimal and letter numbers, connectors and joiners.
                const string Word = @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u200c\u200d";
                return Split(TextPattern.Expression($@"[{Word}]+|[^{Word}\s]+").Matches, SplitBehavior.Removed, true);
            case "Metaspace":
                return Metaspace(place);
            case var type:
                throw place["type"].Fault($"the pre-tokenizer `{type}` is not supported");
        }
    }

    private static Cut ByteLevel(JsonPlace place)
    {
        // trim_offsets moves offsets only; ids are the same with and without.
        place.Only("type", "add_prefix_space", "trim_offsets", "use_regex");
        var prefix = place.Bool("add_prefix_space", true);
        var cut = place.Bool("use_regex", true) ? Split(TextPattern.Expression(Gpt2Pattern).Matches, SplitBehavior.Isolated, false) : piece => [piece];
        return piece => cut(prefix && !piece.Text.StartsWith(' ') ? piece with { Text = " " + piece.Text } : piece)
            .Select(word => word with { Text = InByteAlphabet(word.Text) });
    }

    private static string InByteAlphabet(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return string.Create(bytes.Length, bytes, (characters, source) =>
        {
            for (var i = 0; i < source.Length; i++)
            {
                characters[i] = ByteLevelAlphabet.Char(source[i]);
            }
        });
    }

    private static Cut Metaspace(JsonPlace place)
    {
        // str_rep and add_prefix_space are what older files wrote for replacement and prepend_scheme.
        place.Only("type", "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split");
        var replacement = place["replacement"].Text();
        if (place.Optional("str_rep") is { } old && old.Text() != replacement)
        {
            throw old.Fault("expected the same text as in `replacement`");
        }

        var scheme = place.Optional("prepend_scheme")?.Text() ?? (place.Bool("add_prefix_space", true) ? "always" : "never");
        if (scheme is not ("always" or "first" or "never"))
        {
            throw place["prepend_scheme"].Fault($"expected `always`, `first` or `never`, got `{scheme}`");
        }

        var cut = place.Bool("split", true)
            ? Split(TextPattern.Literal(replacement).Matches, SplitBehavior.MergedWithNext, false)
            : piece => [piece];
        return piece =>
        {
            var text = piece.Text.Replace(" ", replacement, StringComparison.Ordinal);
            var prepend = scheme == "always" || (scheme == "first" && piece.AtStart);
            return cut(piece with { Text = prepend && !text.StartsWith(replacement, StringComparison.Ordinal) ? replacement + text : text });
        };
    }

    private static Cut Split(Func<string, List<(int Start, int End)>> find, SplitBehavior behavior, bool invert) => piece =>
        Splitting.Cut(piece.Text, find(piece.Text), behavior, invert)
            .Select(span => new Piece(piece.Text[span.Start..span.End], piece.AtStart && span.Start == 0));

    private static Func<string, List<(int Start, int End)>> Characters(Func<Rune, bool> wanted) => text =>
    {
        var matches = new List<(int Start, int End)>();
        var at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (wanted(rune))
            {
                matches.Add((at, at + rune.Utf16SequenceLength));
            }

            at += rune.Utf16SequenceLength;
        }

        return matches;
    };

    private static SplitBehavior Behavior(JsonPlace place) =>
        Enum.TryParse<SplitBehavior>(place.Text(), out var behavior) && Enum.GetName(behavior) == place.Text()
            ? behavior
            : throw place.Fault($"the behavior `{place.Text()}` is not supported");
}
