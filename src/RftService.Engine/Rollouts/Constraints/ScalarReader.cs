using System.Text.Json;

namespace RftService.Engine.Rollouts.Constraints;

/// <summary>Reads what a schema says of texts and numbers.</summary>
internal sealed class ScalarReader
{
    private const int LongestText = 10_000;
    private const int LongestPattern = 2_000;

    private int _states;

    public static IReadOnlyList<string> TextKeywords { get; } = ["minLength", "maxLength", "pattern", "format"];

    public static IReadOnlyList<string> NumberKeywords { get; } = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

    /// <exception cref="SchemaRefusedException">It holds what is not supported, or allows no text.</exception>
    public JsonShape Text(Dictionary<string, JsonElement> members, string place)
    {
        if (!TextKeywords.Any(members.ContainsKey))
        {
            return new JsonShape.AnyString();
        }

        int? Length(string key) => !members.TryGetValue(key, out var value) ? null
            : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count is >= 0 and <= LongestText ? count
            : throw new SchemaRefusedException($"{place}/{key}", $"expected a whole number of 0 to {LongestText}");

        var (least, most) = (Length("minLength") ?? 0, Length("maxLength"));
        if (least > most)
        {
            throw new SchemaRefusedException($"{place}/minLength", $"expected at most maxLength, which is {most}, got {least}");
        }

        var patterns = new List<PatternMachine>();
        if (members.TryGetValue("pattern", out var pattern))
        {
            var text = SchemaReader.Text(pattern, $"{place}/pattern");
            patterns.Add(text.Length <= LongestPattern
                ? new PatternMachine(PatternReader.Read(text, $"{place}/pattern"), $"{place}/pattern")
                : throw new SchemaRefusedException($"{place}/pattern", $"expected at most {LongestPattern} characters"));
        }

        if (members.TryGetValue("format", out var format))
        {
            patterns.Add(TextFormats.Patterns.TryGetValue(SchemaReader.Text(format, $"{place}/format"), out var known)
                ? new PatternMachine(PatternReader.Read(known, $"{place}/format"), $"{place}/format")
                : throw new SchemaRefusedException($"{place}/format", $"expected one of {string.Join(", ", TextFormats.Patterns.Keys)}"));
        }

        var blamed = TextKeywords.Last(members.ContainsKey) is var last && patterns.Count == 1 && members.ContainsKey("pattern") ? "pattern" : last;
        var automaton = TextAutomaton.Of(patterns, least, most, $"{place}/{blamed}");
        Count(automaton.Places.Count, place);
        return new JsonShape.HeldString(automaton);
    }

    /// <exception cref="SchemaRefusedException">It holds what is not supported, or allows no number.</exception>
    public JsonShape Number(Dictionary<string, JsonElement> members, bool isInteger, string place)
    {
        string[] given = [.. NumberKeywords.Where(members.ContainsKey)];
        if (given.Length == 0)
        {
            return new JsonShape.AnyNumber(isInteger);
        }

        NumberBound? Bound(string key) => members.TryGetValue(key, out var value)
            ? NumberRange.Read(value, key.StartsWith("exclusive", StringComparison.Ordinal), $"{place}/{key}")
            : null;

        // The stricter of two; of two alike the one that leaves itself out.
        NumberBound?[] least = [Bound("minimum"), Bound("exclusiveMinimum")];
        NumberBound?[] most = [Bound("maximum"), Bound("exclusiveMaximum")];
        var range = new NumberRange(
            least.OfType<NumberBound>().OrderByDescending(bound => bound.Units).ThenByDescending(bound => bound.IsExclusive).Cast<NumberBound?>().FirstOrDefault(),
            most.OfType<NumberBound>().OrderBy(bound => bound.Units).ThenByDescending(bound => bound.IsExclusive).Cast<NumberBound?>().FirstOrDefault(),
            isInteger,
            members.TryGetValue("multipleOf", out var step) ? NumberRange.ReadStep(step, $"{place}/multipleOf") : null);
        Count(range.Step is { Modulus: > 1 and var modulus } ? modulus * NumberRange.MostDigits : 0, place);
        return range.Grammar(GrammarNode.Return.Instance) is not null
            ? new JsonShape.HeldNumber(range)
            : throw new SchemaRefusedException($"{place}/{given[0]}", $"no number of at most {NumberRange.MostDigits} digits satisfies the bounds");
    }

    private void Count(int states, string place)
    {
        _states += states;
        if (_states > TextAutomaton.MostStates)
        {
            throw new SchemaRefusedException(
                place, $"the texts and multiples of the schema need more than {TextAutomaton.MostStates} states in all: bound them less, or drop a pattern or multipleOf");
        }
    }
}
