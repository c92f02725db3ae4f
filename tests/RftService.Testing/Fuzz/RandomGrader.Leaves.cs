using System.Text.Json.Nodes;

namespace RftService.Testing.Fuzz;

public sealed partial class RandomGrader
{
    private static readonly string[] Sources =
    [
        "def grade(sample, item):\n  return len(sample['output_text']) / 7",
        "def grade(sample, item):\n  return {'value': 0.5, 'reason': '\\ud800', 'info': {'a': [1, None]}, 'parts': {'p': 1}}",
        "def grade(sample, item):\n  return item['s'] / 0",
        "def grade(sample, item) return",
    ];

    private static readonly string[] Scripts =
    [
        "function grade(sample, item) { return sample.output_text.length / 7 }",
        "function grade(sample, item) { return { value: 1, reason: '\\ud800', info: { a: [1, null] } } }",
        "function grade(sample, item) { return item.none.none }",
        "function grade( {",
    ];

    private static readonly Dictionary<string, Func<RandomGrader, JsonObject>> Leaves = new(StringComparer.Ordinal)
    {
        ["code_tests"] = at => new()
        {
            ["tests"] = at.One("[\"assert f(2) == 3\"]", "[{\"input\":\"1\",\"output\":\"1\"}]", "[]", "{{item.s}}"),
            ["mode"] = at.Maybe(at.One("all", "share")),
            ["timeout_seconds"] = 0.5,
        },
        ["contains"] = at => new()
        {
            ["input"] = at.Input(),
            ["keywords"] = at.List(1, 3, at.Template),
            ["mode"] = at.Maybe(at.One("any", "all", "none", "share")),
            ["ignore_case"] = at.Maybe(at.Coin()),
            ["whole_words"] = at.Maybe(at.Coin()),
        },
        ["format"] = at => new()
        {
            ["input"] = at.Input(),
            ["tags"] = at.List(1, 3, () => at.One("a", "think", "answer", "b c", "<")),
            ["mode"] = at.Maybe(at.One("all", "share")),
            ["only_tags"] = at.Maybe(at.Coin()),
        },
        ["instructions"] = at => new() { ["input"] = at.Input(), ["checks"] = at.List(1, 3, at.Check), ["mode"] = at.Maybe(at.One("all", "share")) },
        ["javascript"] = at => new() { ["source"] = at.One(Scripts), ["timeout_seconds"] = at.Maybe(0.5) },
        ["json_fields"] = at => new()
        {
            ["input"] = at.Input(),
            ["reference"] = at.One("{\"a\":1}", "{\"a\":{\"b\":[1,2]},\"c\":\"{{item.s}}\"}", "[]", "{{item.s}}", "{\"a\":"),
            ["extract"] = at.Maybe(at.One("whole", "fenced")),
            ["refuse_extra"] = at.Maybe(at.Coin()),
            ["fields"] = at.Maybe(at.List(1, 3, () => new JsonObject
            {
                ["path"] = at.One("/a", "/a/b/1", "/c", "a", "/~2"),
                ["comparison"] = at.One("exact", "text", "number", "unordered"),
                ["weight"] = at.Bound(1, 3),
            })),
        },
        ["json_schema"] = at => new() { ["input"] = at.Input(), ["schema"] = at.Schema(0), ["extract"] = at.Maybe(at.One("whole", "fenced")) },
        ["label_model"] = at => at.Judged(new()
        {
            ["labels"] = new JsonArray("a", "b", "yes"),
            ["passing_labels"] = at.List(1, 2, () => at.One("a", "b", "yes", "no")),
        }),
        ["length"] = at => new()
        {
            ["input"] = at.Input(),
            ["unit"] = at.Maybe(at.One("characters", "words", "lines", "tokens")),
            ["min"] = at.Maybe(at.Whole(0, 3)),
            ["max"] = at.Whole(2, 9),
            ["target"] = at.Maybe(at.Whole(1, 9)),
            ["falloff"] = at.Maybe(at.Whole(0, 5)),
        },
        ["math_equivalent"] = at => new()
        {
            ["input"] = at.Input(),
            ["reference"] = at._random.Next(2) == 0 ? at.Template() : Filled(RandomText.Latex(at._random, 10)),
            ["extract"] = at.Maybe(at.One("auto", "boxed", "whole")),
        },
        ["multiple_choice"] = at => new()
        {
            ["input"] = at.Input(),
            ["reference"] = at.One("A", "(B)", "27", "{{item.s}}"),
            ["choices"] = at.Maybe(at.Whole(2, 26)),
        },
        ["numeric_answer"] = at => new()
        {
            ["input"] = at.Input(),
            ["reference"] = at._random.Next(2) == 0 ? at.Template() : at.One("1 km/h", "42", "3 m^2", "½ kg", "5 $", "1e400", "7 blorps"),
            ["extract"] = at.Maybe(at.One("auto", "hashes", "boxed", "answer_is", "last")),
            ["units"] = at.Maybe(at.One("ignore", "optional", "required")),
            ["unit"] = at.Maybe(at.One("m", "km/h", "kg*m^2/s^2", "€", "°C", "blorp", "m^99")),
            ["relative_tolerance"] = at.Maybe(at.Bound(0, 1)),
        },
        ["overlong"] = at => new()
        {
            ["input"] = at.Input(),
            ["unit"] = at.One("characters", "words", "lines", "tokens"),
            ["max"] = at.Whole(4, 20),
            ["buffer"] = at.Whole(1, 5),
        },
        ["python"] = at => new() { ["source"] = at.One(Sources), ["timeout_seconds"] = at.Maybe(0.5) },
        ["regex"] = at => new()
        {
            ["input"] = at.Input(),
            ["pattern"] = at._random.Next(2) == 0
                ? Filled(RandomText.Pattern(at._random, 9))
                : at.One("(\\d+)\\s*$", "^(a+)+$", "(?<n>cat)", "(?<!a)cat(?=.*\\d)"),
            ["group"] = at.Maybe(at.One("1", "n", "9")),
            ["reference"] = at.Maybe(at.Template()),
            ["ignore_case"] = at.Maybe(at.Coin()),
            ["multiline"] = at.Maybe(at.Coin()),
        },
        ["relative_model"] = at => at.Judged(new()
        {
            ["mode"] = at.Maybe(at.One("pairs", "ranking")),
            ["opponents"] = at.Maybe(at.Whole(1, 4)),
            ["orders"] = at.Maybe(at.Whole(1, 3)),
        }),
        ["remote"] = at => new()
        {
            ["url"] = at._random.Next(4) > 0 && at.Service is { } service
                ? service + "/remote"
                : at.One("https://127.0.0.1:1/", "http://169.254.169.254/", "https://[::1]/", "ftp://a/"),
            ["retries"] = 0,
            ["timeout_seconds"] = 1,
            ["batch_size"] = at.Maybe(at.Whole(1, 3)),
        },
        ["repetition_penalty"] = at => new() { ["input"] = at.Input(), ["n"] = at.Maybe(at.Whole(1, 5)), ["penalty"] = at.Maybe(at.Bound(0, 3)) },
        ["score_model"] = at => at.Judged(new() { ["range"] = at.Maybe(new JsonArray(at.Bound(-1, 0), at.Bound(0, 2))) }),
        ["step_model"] = at => at.Judged(new()
        {
            ["split"] = at.Maybe(at.One("lines", "paragraphs", "pattern")),
            ["pattern"] = at.Maybe(at.One("\\n", "(?=x)", "(a", "")),
            ["max_steps"] = at.Maybe(at.Whole(1, 8)),
            ["range"] = at.Maybe(new JsonArray(at.Bound(-1, 0), at.Bound(0, 2))),
            ["combine"] = at.Maybe(at.One("mean", "worst", "best", "median")),
            ["aggregate"] = at.Maybe(at.One("mean", "sum", "min", "last")),
        }),
        ["string_check"] = at => new()
        {
            ["input"] = at.Template(),
            ["reference"] = at.Template(),
            ["operation"] = at.One("eq", "ne", "like", "ilike"),
        },
        ["text_similarity"] = at =>
        {
            var metric = (string)at.One("fuzzy_match", "bleu", "gleu", "meteor", "rouge_1", "rouge_2", "rouge_5", "rouge_l", "cosine", "cosine")!;
            return new()
            {
                ["input"] = at.Template(),
                ["reference"] = at.Template(),
                ["evaluation_metric"] = metric,
                ["pass_threshold"] = at.Maybe(at.Bound(0, 1)),
                ["ignore_case"] = at.Maybe(at.Coin()),
                ["stem"] = at.Maybe(at.Coin()),
                ["embedding"] = metric == "cosine"
                    ? new JsonObject { ["model"] = "e", ["retries"] = 0, ["timeout_seconds"] = 1, ["batch_size"] = at.Whole(1, 4) }
                    : null,
            };
        },
    };

    /// <summary>Where remote graders are sent, as `http://127.0.0.1:8080`; null: nowhere that can be reached.</summary>
    public string? Service { get; init; }

    private JsonObject Judged(JsonObject options)
    {
        options["model"] = "m";
        options["retries"] = 0;
        options["timeout_seconds"] = 1;
        options["endpoint"] = _random.Next(30) == 0 ? "none" : null;
        options["votes"] = Maybe(Whole(1, 3));
        options["explain"] = Maybe(Coin());
        options["cache"] = Maybe(Coin());
        options["max_total_tokens"] = _random.Next(20) == 0 ? 50 : null;
        options["input"] = List(1, 2, () => new JsonObject
        {
            ["role"] = One("system", "developer", "user"),
            ["content"] = "{{sample.output_text}} " + (string)Template()!,
        });
        return options;
    }

    private JsonNode? Input() => _random.Next(5) == 0 ? Template() : null;

    private JsonNode Template() => _random.Next(12) switch
    {
        0 => Filled(RandomText.Storable(RandomText.Of(_random, 6))),
        1 => "{{item.none}}",
        2 => "{{item.list[0]}}",
        < 6 => "{{item.s}}",
        < 10 => "{{sample.output_text}}",
        _ => "cat 42",
    };

    private JsonObject Check() => _random.Next(7) switch
    {
        0 => new() { ["id"] = "punctuation:no_comma" },
        1 => new() { ["id"] = "keywords:existence", ["kwargs"] = new JsonObject { ["keywords"] = new JsonArray("cat") } },
        2 => new()
        {
            ["id"] = "length_constraints:number_sentences",
            ["kwargs"] = new JsonObject { ["num_sentences"] = Whole(0, 3), ["relation"] = One("at least", "at most", "about") },
        },
        3 => new()
        {
            ["id"] = "detectable_format:multiple_sections",
            ["kwargs"] = new JsonObject { ["section_spliter"] = One("PART", "((", "\\"), ["num_sections"] = Whole(1, 3) },
        },
        4 => new() { ["id"] = "language:response_language", ["kwargs"] = new JsonObject { ["language"] = One("en", "de", "xx") } },
        5 => new() { ["id"] = One("change_case:english_capital", "combination:two_responses", "no:check") },
        _ => new() { ["id"] = "startend:end_checker", ["kwargs"] = new JsonObject { ["end_phrase"] = Template() } },
    };

    private JsonNode Schema(int depth)
    {
        JsonNode Below() => depth > 2 ? true : Schema(depth + 1);
        return _random.Next(16) switch
        {
            0 => new JsonObject { ["$ref"] = One("#", "#/$defs/a", "http://169.254.169.254/", "#/properties/a") },
            1 => new JsonObject
            {
                ["type"] = One("object", "array", "text"),
                ["properties"] = new JsonObject { ["a"] = Below(), ["b"] = Below() },
                ["required"] = new JsonArray("a"),
            },
            2 => new JsonObject { ["type"] = "array", ["items"] = Below(), ["uniqueItems"] = true, ["minItems"] = Whole(0, 3) },
            3 => new JsonObject { ["anyOf"] = List(1, 3, Below) },
            4 => new JsonObject { ["oneOf"] = List(1, 3, Below), ["not"] = Below() },
            5 => new JsonObject { ["pattern"] = RandomText.Pattern(_random, 6), ["maxLength"] = Whole(0, 9) },
            6 => new JsonObject { ["enum"] = new JsonArray(1, "a", null, new JsonArray()) },
            7 => new JsonObject { ["const"] = 1 },
            8 => new JsonObject { ["minimum"] = Bound(0, 9), ["multipleOf"] = Bound(0, 1) },
            9 => new JsonObject { ["format"] = One("date", "date-time", "uuid", "email", "ipv4", "hostname", "nothing") },
            10 => new JsonObject { ["$defs"] = new JsonObject { ["a"] = Below() }, ["$ref"] = "#/$defs/a" },
            11 => new JsonObject
            {
                ["patternProperties"] = new JsonObject { [RandomText.Pattern(_random, 4)] = Below() },
                ["additionalProperties"] = Below(),
            },
            12 => new JsonObject { ["if"] = Below(), ["then"] = Below(), ["else"] = Below() },
            13 => false,
            14 => new JsonObject
            {
                ["prefixItems"] = List(1, 2, Below),
                ["contains"] = Below(),
                ["dependentSchemas"] = new JsonObject { ["a"] = Below() },
            },
            _ => new JsonObject { ["type"] = new JsonArray("string", "null", "integer") },
        };
    }
}
