using System.Text.Json;
using RftService.Engine.Data;
using RftService.Grading.Templates;

namespace RftService.Api.Datasets;

/// <summary>What a row of each kind must hold. Every other key is free: graders and templates read it as `item.key`.</summary>
internal sealed class RowRules(DataKind kind, Template? prompt, Template? completion, DatasetReport report)
{
    /// <summary>The row's texts; null when the report tells why it is refused.</summary>
    public RowTexts? Check(JsonElement row, long line)
    {
        var faults = report.Total;
        var place = new Place(row, line);
        var (key, promptLength) = Prompt(place);
        List<int> lengths = kind switch
        {
            DataKind.Prompts => [],
            DataKind.Expert => [Completion(place, mayBeEmpty: false)],
            DataKind.Rollouts => [Completion(place, mayBeEmpty: true)],
            DataKind.Preferences => [Text(place, "chosen", mayBeEmpty: false)?.Length ?? 0, Text(place, "rejected", mayBeEmpty: false)?.Length ?? 0],
        };

        if (kind == DataKind.Rollouts)
        {
            Reward(place);
            LogProbs(place);
        }

        if (kind == DataKind.Preferences)
        {
            Differ(place);
            Weight(place);
        }

        return report.Total == faults ? new RowTexts(key, promptLength, lengths) : null;
    }

    private (string Key, int Length) Prompt(Place place)
    {
        var hasMessages = place.Row.TryGetProperty("messages", out var messages);
        var hasPrompt = place.Row.TryGetProperty("prompt", out _);
        if (prompt is not null)
        {
            foreach (var name in new[] { hasMessages ? "messages" : null, hasPrompt ? "prompt" : null })
            {
                if (name is not null)
                {
                    Fault(place, "/" + name, "conflicting_fields", $"no `{name}` beside prompt_template", "both", "leave the template out or rename the field");
                }
            }

            var made = hasMessages || hasPrompt ? "" : Rendered(place, prompt, "prompt_template", mayBeEmpty: false);
            return ("p" + made, made.Length);
        }

        if (hasMessages && hasPrompt)
        {
            Fault(place, "/prompt", "conflicting_fields", "either `messages` or `prompt`", "both");
            return ("", 0);
        }

        if (hasMessages)
        {
            return new MessageRules(report, place.Line).Check(place.Row, messages);
        }

        if (hasPrompt)
        {
            var text = Text(place, "prompt", mayBeEmpty: false) ?? "";
            return ("p" + text, text.Length);
        }

        Fault(place, "", "missing_field", "`messages` or `prompt`", Keys(place.Row), "or make the prompt from other keys with prompt_template");
        return ("", 0);
    }

    private int Completion(Place place, bool mayBeEmpty)
    {
        if (completion is null)
        {
            return Text(place, "completion", mayBeEmpty, "or make it from other keys with completion_template")?.Length ?? 0;
        }

        if (place.Row.TryGetProperty("completion", out _))
        {
            Fault(place, "/completion", "conflicting_fields", "no `completion` beside completion_template", "both", "leave the template out or rename the field");
            return 0;
        }

        return Rendered(place, completion, "completion_template", mayBeEmpty).Length;
    }

    private string Rendered(Place place, Template template, string name, bool mayBeEmpty)
    {
        if (!template.TryRender(place.Row, outputText: null, out var text, out var missing))
        {
            Fault(place, "", "template_variable_missing", $"`{missing}`, which {name} names", Keys(place.Row));
        }
        else if (text.Length == 0 && !mayBeEmpty)
        {
            Fault(place, "", "empty_text", $"a text from {name}", "an empty one");
        }

        return text;
    }

    private void Reward(Place place)
    {
        // That it is finite has been checked with every number of the line.
        if (!place.Row.TryGetProperty("reward", out var reward))
        {
            Fault(place, "/reward", "missing_field", "a number", "nothing");
        }
        else if (reward.ValueKind != JsonValueKind.Number)
        {
            Fault(place, "/reward", "wrong_type", "a number", Json.Describe(reward));
        }
    }

    private void LogProbs(Place place)
    {
        if (!place.Row.TryGetProperty("log_probs", out var logProbs))
        {
            return;
        }

        if (logProbs.ValueKind != JsonValueKind.Array || logProbs.GetArrayLength() == 0)
        {
            var found = logProbs.ValueKind == JsonValueKind.Array ? "an empty array" : Json.Describe(logProbs);
            Fault(place, "/log_probs", "wrong_type", "a non-empty array of numbers, one for each token of the completion", found);
            return;
        }

        var index = 0;
        foreach (var entry in logProbs.EnumerateArray())
        {
            var pointer = $"/log_probs/{index++}";
            if (entry.ValueKind != JsonValueKind.Number)
            {
                Fault(place, pointer, "wrong_type", "a number", Json.Describe(entry));
            }
            else if (entry.GetDouble() is var value && (value > 0 || !float.IsFinite((float)value)))
            {
                Fault(place, pointer, "log_prob_out_of_range", "the logarithm of a probability: 0 or less, within a float32", Json.Shorten(entry.GetRawText()));
            }
        }
    }

    private void Differ(Place place)
    {
        if (place.Row.TryGetProperty("chosen", out var chosen) && chosen.ValueKind == JsonValueKind.String
            && place.Row.TryGetProperty("rejected", out var rejected) && rejected.ValueKind == JsonValueKind.String
            && chosen.ValueEquals(rejected.GetString()))
        {
            Fault(place, "/rejected", "same_text", "a text other than `chosen`", "the same", "a pair without a difference teaches nothing: leave the line out");
        }
    }

    private void Weight(Place place)
    {
        if (!place.Row.TryGetProperty("weight", out var weight))
        {
            return;
        }

        if (weight.ValueKind != JsonValueKind.Number)
        {
            Fault(place, "/weight", "wrong_type", "a number", Json.Describe(weight), "leave it out, or rename the field");
        }
        else if (weight.GetDouble() < 0)
        {
            Fault(place, "/weight", "weight_out_of_range", "0 or more", Json.Shorten(weight.GetRawText()));
        }
    }

    private string? Text(Place place, string name, bool mayBeEmpty, string? remedy = null)
    {
        if (!place.Row.TryGetProperty(name, out var value))
        {
            Fault(place, "/" + name, "missing_field", "a string", "nothing", remedy);
            return null;
        }

        if (value.ValueKind != JsonValueKind.String)
        {
            Fault(place, "/" + name, "wrong_type", "a string", Json.Describe(value));
            return null;
        }

        var text = value.GetString()!;
        if (text.Length == 0 && !mayBeEmpty)
        {
            Fault(place, "/" + name, "empty_text", "a text", "an empty string");
        }

        return text;
    }

    private void Fault(Place place, string pointer, string code, string expected, string found, string? remedy = null) =>
        report.Add(place.Line, pointer, code, expected, found, remedy);

    private static string Keys(JsonElement row)
    {
        var names = row.EnumerateObject().Select(member => Json.Quote(member.Name)).Take(9).ToList();
        return names.Count switch
        {
            0 => "an object without keys",
            9 => "only other keys: " + string.Join(", ", names.Take(8)) + ", ...",
            _ => "only " + string.Join(", ", names),
        };
    }

    private readonly record struct Place(JsonElement Row, long Line);
}
