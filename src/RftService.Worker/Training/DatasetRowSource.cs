using System.Globalization;
using System.Text.Json;
using RftService.Data.Datasets;
using RftService.Engine;
using RftService.Engine.Data;
using RftService.Grading.Templates;

namespace RftService.Worker.Training;

/// <summary>Rows of a stored dataset, read and made into prompts when they are needed.</summary>
internal sealed class DatasetRowSource(DatasetFile file, string? promptTemplate, string? completionTemplate) : IRowSource, IDisposable
{
    private readonly Template? _prompt = promptTemplate is null ? null : Template.Parse(promptTemplate);
    private readonly Template? _completion = completionTemplate is null ? null : Template.Parse(completionTemplate);

    public int Count => file.Count;

    public Row this[int index]
    {
        get
        {
            using var document = JsonDocument.Parse(file.Read(index));
            var item = document.RootElement.Clone();
            var messages = _prompt is null ? Messages(item) : null;
            return new Row
            {
                Index = index,
                Item = item,
                Messages = messages,
                Tools = messages is not null && item.TryGetProperty("tools", out var tools) && tools.ValueKind == JsonValueKind.Array ? tools : null,
                Prompt = _prompt is not null ? Render(_prompt, item, index) : messages is null ? Text(item, "prompt") : null,
                Completion = _completion is not null ? Render(_completion, item, index) : Text(item, "completion"),
                Chosen = Text(item, "chosen"),
                Rejected = Text(item, "rejected"),
                Weight = Number(item, "weight"),
                Reward = Number(item, "reward"),
                LogProbs = LogProbs(item),
            };
        }
    }

    public void Dispose() => file.Dispose();

    private static string? Text(JsonElement item, string name) =>
        item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static double? Number(JsonElement item, string name) =>
        item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private static ChatMessage[]? Messages(JsonElement item) =>
        item.TryGetProperty("messages", out var messages) && messages.ValueKind == JsonValueKind.Array
            ? [.. messages.EnumerateArray().Select(ChatMessage.Read)]
            : null;

    // Checked at upload in logged rollouts; in other kinds the key is the client's own and may hold anything.
    private static float[]? LogProbs(JsonElement item) =>
        item.TryGetProperty("log_probs", out var logProbs) && logProbs.ValueKind == JsonValueKind.Array
        && logProbs.EnumerateArray().All(value => value.ValueKind == JsonValueKind.Number)
            ? [.. logProbs.EnumerateArray().Select(value => value.GetSingle())]
            : null;

    private static string Render(Template template, JsonElement item, int index) =>
        template.TryRender(item, outputText: null, out var text, out var missing)
            ? text
            : throw new TrainingException(
                TrainingFault.RowUnusable,
                string.Create(CultureInfo.InvariantCulture, $"Row {index}: the dataset's template names {missing}; the row has no value there."),
                "Upload the dataset again with a template that fits its rows.");
}
