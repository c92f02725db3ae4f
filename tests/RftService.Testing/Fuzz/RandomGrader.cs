using System.Text.Json.Nodes;

namespace RftService.Testing.Fuzz;

/// <summary>
/// Random grader trees as JSON. Most can be made; some hold a fault: a name twice, a bound upside down, a template without its field, a formula,
/// pattern or schema that is none.
/// </summary>
/// <param name="random">Where chance comes from.</param>
/// <param name="types">Graders to take; absent: all of <see cref="Types"/>.</param>
public sealed partial class RandomGrader(Random random, IReadOnlyList<string>? types = null)
{
    private const int Deepest = 4;

    private static readonly Dictionary<string, Func<RandomGrader, int, JsonObject>> Compositions = new(StringComparer.Ordinal)
    {
        ["clip"] = (at, depth) => new() { ["grader"] = at.Tree(depth), ["min"] = at.Maybe(at.Bound(-2, 1)), ["max"] = at.Bound(0, 3) },
        ["gate"] = (at, depth) => new()
        {
            ["condition"] = at.Tree(depth),
            ["grader"] = at.Tree(depth),
            ["threshold"] = at.Maybe(at.Bound(-1, 2)),
            ["otherwise"] = at.Maybe(at.Bound(-1, 1)),
        },
        ["map"] = (at, depth) => new()
        {
            ["grader"] = at.Tree(depth),
            ["from_high"] = at.Maybe(at.Bound(0, 3)),
            ["to_low"] = at.Maybe(at.Bound(-3, 3)),
            ["clamp"] = at.Maybe(at.Coin()),
        },
        ["multi"] = (at, depth) => new()
        {
            ["graders"] = new JsonObject { ["a"] = at.Tree(depth), ["b"] = at.Tree(depth) },
            ["calculate_output"] = at.AFormula(),
        },
        ["watch"] = (at, depth) => new() { ["grader"] = at.Tree(depth), ["watchers"] = at.List(1, 3, () => at.Tree(depth)) },
        ["weighted_sum"] = (at, depth) => new()
        {
            ["graders"] = at.List(1, 4, () => Filled(new JsonObject
            {
                ["grader"] = at.Tree(depth),
                ["weight"] = at.Maybe(at.Bound(-2, 3)),
                ["schedule"] = at.Maybe(at.Schedule()),
            })),
            ["normalize"] = at.Maybe(at.Coin()),
        },
    };

    private readonly Random _random = random;
    private readonly IReadOnlyList<string> _types = types ?? Types;
    private int _names;

    /// <summary>All graders that it can make, in name order.</summary>
    public static IReadOnlyList<string> Types => field ??= [.. Compositions.Keys.Concat(Leaves.Keys).Order(StringComparer.Ordinal)];

    /// <summary>Graders that run a program: each takes far longer than the others.</summary>
    public static IReadOnlyList<string> Programs { get; } = ["code_tests", "javascript", "python"];

    /// <summary>Graders that ask another service.</summary>
    public static IReadOnlyList<string> Outbound { get; } = ["label_model", "relative_model", "remote", "score_model", "step_model"];

    /// <summary>A tree.</summary>
    public JsonObject Next()
    {
        _names = 0;
        return Tree(0);
    }

    private JsonObject Tree(int depth)
    {
        string type;
        do
        {
            type = _types[_random.Next(_types.Count)];
        }
        while (depth >= Deepest && Compositions.ContainsKey(type));

        var options = Compositions.TryGetValue(type, out var compose) ? compose(this, depth + 1) : Leaves[type](this);
        var tree = new JsonObject { ["type"] = type, ["name"] = _random.Next(60) == 0 ? "same" : $"g{_names++}" };
        foreach (var (name, value) in options.ToList())
        {
            options.Remove(name);
            tree[name] = value;
        }

        return Filled(tree);
    }

    // Without the members that are null: they are the options that chance left out.
    private static JsonObject Filled(JsonObject options)
    {
        foreach (var name in options.Where(option => option.Value is null).Select(option => option.Key).ToList())
        {
            options.Remove(name);
        }

        return options;
    }

    private JsonNode? Maybe(JsonNode? value) => _random.Next(3) == 0 ? value : null;

    private JsonNode Coin() => _random.Next(2) == 0;

    private JsonNode One(params string[] values) => values[_random.Next(values.Length)];

    private JsonNode Bound(int low, int high) => _random.Next(50) switch
    {
        0 => 1e300,
        1 => -1,
        _ => low + (Math.Round(_random.NextDouble(), 3) * (high - low)),
    };

    private JsonNode Whole(int low, int high) => _random.Next(50) switch
    {
        0 => int.MaxValue,
        1 => low - 1,
        _ => _random.Next(low, high + 1),
    };

    private JsonArray List(int least, int most, Func<JsonNode> make) =>
        new([.. Enumerable.Range(0, _random.Next(least, most + 1)).Select(_ => make())]);

    private JsonObject Schedule()
    {
        var step = 0;
        return new()
        {
            ["shape"] = One("linear", "hold"),
            ["points"] = List(1, 4, () => new JsonObject
            {
                ["step"] = step += _random.Next(15) == 0 ? 0 : _random.Next(1, 50),
                ["factor"] = Bound(-1, 2),
            }),
        };
    }

    private JsonNode AFormula() => _random.Next(4) == 0
        ? Filled(RandomText.Formula(_random, 12))
        : One("a + b", "a / b", "a ^ b", "log(a) - b", "a", "c", "min(a, b) % 2", "a +", "-a^2", "sqrt(-1)", "max(a, b, 1) * exp(a)");

    // An empty text is refused everywhere; that is said often enough by mutations.
    private static string Filled(string text) => text.Length > 0 ? text : "a";
}
