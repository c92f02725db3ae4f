using System.Text.Json;
using System.Text.RegularExpressions;
using RftService.Engine.Data;
using RftService.Engine.Models;
using RftService.Engine.Rollouts;
using RftService.Engine.Tokenization;
using RftService.Quickstart.Corpus;
using RftService.Quickstart.Pretraining;

namespace RftService.Bench.Replication;

/// <summary>The quickstart's task: its model, its problems, its reward, and completions of the model itself as logged rollouts.</summary>
internal sealed partial class WordProblems(string modelFolder, string cache)
{
    public const int MaxTokens = 64;

    private const int TrainRows = 4_000;
    private const int HeldOutRows = 256;
    private const int ExpertRows = 1_000;
    private const int LoggedPrompts = 300;
    private const int LoggedGroup = 8;

    public static IRolloutGrader Grader { get; } = new AnswerGrader();

    public string ModelFolder => modelFolder;

    public IRowSource Train { get; } = new RowList(CorpusFiles.Problems(Split.Train, 1).Take(TrainRows).Select(problem => (problem, (string?)null)));

    public IRowSource HeldOut { get; } =
        new RowList(CorpusFiles.Problems(Split.HeldOut, 1).DistinctBy(problem => problem.Key).Take(HeldOutRows).Select(problem => (problem, (string?)null)));

    /// <summary>Worked solutions of other training problems.</summary>
    public IRowSource Experts { get; } =
        new RowList(CorpusFiles.Problems(Split.Train, 2).Take(ExpertRows).Select(problem => (problem, (string?)problem.Solution)));

    /// <summary>The same solutions in another style: the numbers between words where the base model writes signs.</summary>
    public IRowSource ForeignExperts { get; } =
        new RowList(CorpusFiles.Problems(Split.Train, 2).Take(ExpertRows).Select(problem => (problem, (string?)InWords(problem))));

    public static bool EndsInNumber(string text) => NumberAtEnd().IsMatch(text);

    /// <summary>Completions of the base model with their log-probs and rewards; other ones for each seed.</summary>
    public IRowSource Logged(int seed)
    {
        Directory.CreateDirectory(cache);
        var file = Path.Combine(cache, $"logged-{seed}.json");
        if (!File.Exists(file))
        {
            File.WriteAllText(file, JsonSerializer.Serialize(Sample(seed)));
        }

        return new RowList(JsonSerializer.Deserialize<List<LoggedRow>>(File.ReadAllText(file))!, Train);
    }

    private List<LoggedRow> Sample(int seed)
    {
        using var model = ModelCatalog.Load(modelFolder, "cpu");
        var tokenizer = Tokenizer.Load(modelFolder);
        var first = seed * LoggedPrompts % TrainRows;
        var rows = Enumerable.Range(first, LoggedPrompts).Select(index => Train[index % TrainRows]).ToArray();
        using var sampler = new Sampler(model, tokenizer);
        var groups = sampler.Sample(
            [.. rows.Select(row => tokenizer.EncodePrompt(null, row.Messages, out _))],
            LoggedGroup, new SamplingSpec { MaxTokens = MaxTokens }, (ulong)seed, CancellationToken.None);
        // A text that does not encode back to the tokens that were sampled cannot carry their log-probs.
        return [.. rows.SelectMany((row, i) => groups[i]
            .Where(rollout => rollout.Stop == StopReason.EndOfText && tokenizer.Encode(rollout.Text, addSpecialTokens: false).SequenceEqual(rollout.Tokens.SkipLast(1)))
            .Select(rollout => new LoggedRow(
                row.Index, rollout.Text, Grader.Grade([new RolloutGroup(row, "", [], [rollout])], 0, CancellationToken.None)[0].Value!.Value, rollout.BehaviorLogProbs)))];
    }

    private static string InWords(Problem problem) => string.Concat(problem.Steps.Select(step => step.Operator switch
    {
        '+' => $" {step.Left} and {step.Right} more are {step.Result} now.",
        '-' => $" {step.Left} without {step.Right} are {step.Result} now.",
        '*' => $" {step.Left} with {step.Right} in each are {step.Result} now.",
        '/' => $" {step.Left} shared by {step.Right} are {step.Result} now.",
        _ => throw new InvalidOperationException($"There is no operator '{step.Operator}'."),
    })) + $" #### {problem.Answer}";

    [GeneratedRegex(@"#### \d+$")]
    private static partial Regex NumberAtEnd();

    private sealed record LoggedRow(int Row, string Text, double Reward, IReadOnlyList<float> LogProbs);

    private sealed class RowList : IRowSource
    {
        private readonly Row[] _rows;

        public RowList(IEnumerable<(Problem Problem, string? Completion)> problems) => _rows = [.. problems.Select((row, i) => new Row
        {
            Index = i,
            Item = JsonSerializer.SerializeToElement(CorpusFiles.Prompt(row.Problem)),
            Messages = [new ChatMessage("user", row.Problem.Question)],
            Completion = row.Completion,
        })];

        public RowList(IEnumerable<LoggedRow> rows, IRowSource prompts) => _rows = [.. rows.Select((row, i) => prompts[row.Row] with
        {
            Index = i,
            Completion = row.Text,
            Reward = row.Reward,
            LogProbs = row.LogProbs,
        })];

        public int Count => _rows.Length;

        public Row this[int index] => _rows[index];
    }
}
