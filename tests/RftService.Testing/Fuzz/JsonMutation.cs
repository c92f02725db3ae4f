using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace RftService.Testing.Fuzz;

/// <summary>Spoils a JSON body in one to three places: members, values, and at times the bytes themselves.</summary>
public static class JsonMutation
{
    private static readonly string[] Values =
    [
        "null", "true", "0", "-1", "1.5", "1e999", "-1e-999", "9007199254740993", "99999999999999999999", "\"\"", "\"a\"", "\"{{\"", "\"\\ud800\"",
        "\"\\u0000\"", "[]", "{}", "[null]", "[[[]]]", "{\"a\":{}}",
        "{\"type\":\"clip\"}", "{\"type\":\"length\",\"name\":\"x\",\"max\":1}", "\"NaN\"", "\"2026-01-31\"", "\"../../etc/passwd\"", "\"ck_0\"",
    ];

    private static readonly string[] Numbers = ["0", "1", "2", "-1", "0.5", "64", "1e9", "2147483647", "1e-300", "100000000"];

    private static readonly string[] Names = ["type", "name", "grader", "graders", "input", "", "a/b~c", "$ref", "__proto__", "\\ud800", "item"];

    /// <summary>The spoilt body, as bytes: they may be no JSON, or no UTF-8.</summary>
    public static byte[] Of(Random random, JsonNode body)
    {
        var root = body.DeepClone();
        var marks = new Dictionary<string, string>();
        for (var left = Math.Max(1, random.Next(-2, 4)); left > 0; left--)
        {
            Change(random, root, marks);
        }

        var text = marks.Aggregate(root.ToJsonString(), (json, mark) => json.Replace($"\"{mark.Key}\"", mark.Value, StringComparison.Ordinal));
        return random.Next(8) == 0 ? Bytes(random, text) : Encoding.UTF8.GetBytes(text);
    }

    // What JsonNode cannot hold (two members of a name, 1e999, half a surrogate pair) is marked, and put in when it is text.
    private static void Change(Random random, JsonNode root, Dictionary<string, string> marks)
    {
        var holders = Holders(root).ToList();
        if (holders.Count == 0)
        {
            return;
        }

        var holder = holders[random.Next(holders.Count)];
        if (holder is JsonArray list)
        {
            var place = random.Next(list.Count + 1);
            switch (random.Next(4))
            {
                case 0 when place < list.Count:
                    list.RemoveAt(place);
                    break;
                case 1 when place < list.Count:
                    list[place] = Mark(marks, Value(random));
                    break;
                case 2 when place < list.Count:
                    var copy = list[place]?.ToJsonString() ?? "null";
                    list.Insert(place, Mark(marks, string.Join(',', Enumerable.Repeat(copy, random.Next(2) == 0 ? 1 : 70))));
                    break;
                default:
                    list.Insert(place, Mark(marks, Value(random)));
                    break;
            }

            return;
        }

        var members = holder.AsObject();
        var name = members.Count == 0 ? "a" : members.ElementAt(random.Next(members.Count)).Key;
        switch (random.Next(12))
        {
            case 0:
                members.Remove(name);
                break;
            case 1:
                var value = members[name]?.DeepClone();
                members.Remove(name);
                members[Fresh(marks, $"\"{Names[random.Next(Names.Length)]}\"")] = value;
                break;
            case 2:
                members[Fresh(marks, $"\"{Names[random.Next(Names.Length)]}\"")] = Mark(marks, Value(random));
                break;
            case 3:
                members[Fresh(marks, $"\"{name}\"")] = members[name]?.DeepClone(); // twice
                break;
            case 4 when members[name] is { } inner:
                var depth = random.Next(2) == 0 ? 1 : 200;
                members[name] = Mark(marks, new string('[', depth) + inner.ToJsonString() + new string(']', depth));
                break;
            case 5:
                members[name] = Mark(marks, Value(random));
                break;
            default:
                members[name] = members[name] is JsonValue old ? Mark(marks, Kin(random, old)) : members[name]?.DeepClone();
                break;
        }
    }

    // Another value of the same type: what is read, and then found wrong or not.
    private static string Kin(Random random, JsonValue old) => old.GetValueKind() switch
    {
        JsonValueKind.String => JsonSerializer.Serialize(random.Next(5) switch
        {
            0 => RandomText.Pattern(random, 9),
            1 => RandomText.Latex(random, 12),
            2 => RandomText.Formula(random, 9),
            3 => new string("a{(\\ "[random.Next(5)], random.Next(1, 9_000)),
            _ => RandomText.Storable(RandomText.Of(random, 12)),
        }),
        JsonValueKind.Number => Numbers[random.Next(Numbers.Length)],
        JsonValueKind.True => "false",
        JsonValueKind.False => "true",
        _ => "null",
    };

    private static IEnumerable<JsonNode> Holders(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => Holders(member.Value)).Prepend(members),
        JsonArray list => list.SelectMany(Holders).Prepend(list),
        _ => [],
    };

    private static string Value(Random random) => random.Next(20) switch
    {
        0 => $"\"{new string('a', 10_000)}\"",
        1 => $"[{string.Join(',', Enumerable.Repeat("1", 2_000))}]",
        _ => Values[random.Next(Values.Length)],
    };

    private static string Fresh(Dictionary<string, string> marks, string text)
    {
        var mark = $"mark-{marks.Count}-";
        marks[mark] = text;
        return mark;
    }

    private static JsonNode Mark(Dictionary<string, string> marks, string json) => Fresh(marks, json);

    private static byte[] Bytes(Random random, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text).ToList();
        switch (random.Next(4))
        {
            case 0:
                bytes.RemoveRange(random.Next(bytes.Count), 1);
                break;
            case 1:
                return [.. bytes.Take(random.Next(bytes.Count))];
            case 2:
                bytes[random.Next(bytes.Count)] = (byte)random.Next(256);
                break;
            default:
                bytes.Insert(random.Next(bytes.Count), (byte)"{}[],:\"\\ \u0001"[random.Next(10)]);
                break;
        }

        return [.. bytes];
    }
}
