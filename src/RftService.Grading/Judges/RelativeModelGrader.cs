using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace RftService.Grading.Judges;

/// <summary>Grades a group by a model's comparisons within it.</summary>
internal sealed class RelativeModelGrader(RelativeModelSpec spec, Judge judge) : IHostedGrader<RelativeModelGrader, RelativeModelSpec>
{
    private const int MostRanked = 32;

    public static string TypeName => "relative_model";

    public static string Summary => "A judging model compares the completions of a prompt with each other, in both orders.";

    public static RelativeModelGrader Create(RelativeModelSpec spec, GraderHost host)
    {
        var judge = new Judge(spec, host, spec.Mode == RelativeMode.Pairs
            ? AnswerSchema.Decision(spec, "winner", AnswerSchema.OneOf("integer", [0, 1, 2]))
            : AnswerSchema.Decision(spec, "ranks", AnswerSchema.List(AnswerSchema.Type("integer"))));
        return judge.Shows
            ? new RelativeModelGrader(spec, judge)
            : throw new GraderSpecException("/input", "No message shows the completions: write {{ sample.output_text }} where they shall stand.");
    }

    public bool ComparesCompletions => true;

    public RowFault? Reject(JsonElement item) => judge.Reject(item);

    public async ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation) => input.Group is { Members.Count: > 1 } group
        ? (await group.OnceAsync(this, () => JudgeAsync(group.Members, cancellation)))[input.Place]
        : Grade.Abstain("There is no other completion of this prompt to compare with.");

    private async Task<IReadOnlyList<Grade>> JudgeAsync(IReadOnlyList<GradingInput> members, CancellationToken cancellation)
    {
        var texts = members.Select(member => member.OutputText).Distinct(StringComparer.Ordinal).ToArray();
        var copies = Array.ConvertAll(texts, text => members.Count(member => member.OutputText == text));
        var found = new Tally(copies);
        using var slots = new SemaphoreSlim(spec.MaxInFlight);
        if (spec.Mode == RelativeMode.Ranking && texts.Length > MostRanked)
        {
            var tooMany = Grade.Failed(GradeError.OtherError, $"At most {MostRanked} different completions can be ranked in one question, found {texts.Length}: take pairs.");
            return [.. members.Select(_ => tooMany)];
        }

        if (texts.Length > 1)
        {
            await Task.WhenAll(spec.Mode == RelativeMode.Pairs
                ? Pairs(texts).Select(pair => CompareAsync(pair, texts, members[0].Item, found, slots, cancellation))
                : Orders(texts).Select(order => RankAsync(order, texts, members[0].Item, found, slots, cancellation)));
        }

        return [.. members.Select(member => found.GradeOf(Array.IndexOf(texts, member.OutputText)))];
    }

    private async Task CompareAsync((int First, int Second) pair, string[] texts, JsonElement item, Tally found, SemaphoreSlim slots, CancellationToken cancellation)
    {
        var (first, second) = (texts[pair.First], texts[pair.Second]);
        var answers = await Task.WhenAll(AskAsync([first, second], item, slots, cancellation), AskAsync([second, first], item, slots, cancellation));
        var votes = new List<double>();
        foreach (var (answer, i) in answers.Select((answer, i) => (answer, i)))
        {
            if (answer.Failed is not null)
            {
                found.Fail(answer.Failed, pair.First, pair.Second);
                return; // one order alone would carry the judge's taste for a place
            }

            foreach (var one in answer.Answers)
            {
                if (WinnerOf(one) is not { } winner)
                {
                    found.Fail(Grade.Failed(GradeError.ModelGraderParseError, "The judge's answer has no 'winner' of 0, 1 or 2."), pair.First, pair.Second);
                    return;
                }

                votes.Add(winner == 0 ? 0.5 : (winner == 1) == (i == 0) ? 1 : 0);
            }
        }

        // Who wins only from one place wins half.
        found.Compare(pair.First, pair.Second, votes.Average(), flipped: votes.Min() == 0 && votes.Max() == 1);
    }

    private async Task RankAsync(int[] order, string[] texts, JsonElement item, Tally found, SemaphoreSlim slots, CancellationToken cancellation)
    {
        var (answers, failed) = await AskAsync([.. order.Select(i => texts[i])], item, slots, cancellation);
        foreach (var ranks in failed is null ? answers.Select(answer => RanksOf(answer, order.Length)) : [null])
        {
            if (ranks is null)
            {
                found.Fail(failed ?? Grade.Failed(GradeError.ModelGraderParseError, $"The judge's answer does not rank each of the {order.Length} completions."), order);
                continue;
            }

            for (var i = 0; i < order.Length; i++)
            {
                for (var j = i + 1; j < order.Length; j++)
                {
                    found.Compare(order[i], order[j], ranks[i] == ranks[j] ? 0.5 : ranks[i] < ranks[j] ? 1 : 0, flipped: false);
                }
            }
        }
    }

    private async Task<(IReadOnlyList<JsonElement> Answers, Grade? Failed)> AskAsync(
        IReadOnlyList<string> texts, JsonElement item, SemaphoreSlim slots, CancellationToken cancellation)
    {
        await slots.WaitAsync(cancellation);
        try
        {
            return await judge.AskAsync(new GradingInput(item, Marked.Join("completion", texts)), cancellation);
        }
        finally
        {
            slots.Release();
        }
    }

    // Neighbours on a ring that is shuffled by the seed: everybody has as many opponents.
    private IEnumerable<(int First, int Second)> Pairs(string[] texts)
    {
        var ring = Shuffled(texts, 0);
        var reach = Math.Min((spec.Opponents + 1) / 2, texts.Length / 2);
        return Enumerable.Range(0, texts.Length)
            .SelectMany(i => Enumerable.Range(1, reach).Select(step => (First: ring[i], Second: ring[(i + step) % texts.Length])))
            .DistinctBy(pair => (Math.Min(pair.First, pair.Second), Math.Max(pair.First, pair.Second)));
    }

    private IEnumerable<int[]> Orders(string[] texts) => Enumerable.Range(0, spec.Orders)
        .Select(number => number % 2 == 0 ? Shuffled(texts, number) : [.. Shuffled(texts, number - 1).Reverse()]);

    private int[] Shuffled(string[] texts, int number)
    {
        // Of the texts and the seed alone, whatever order they came in would give another drawing.
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{spec.ShuffleSeed} {number} {string.Join('\u0001', texts)}"));
        var order = Enumerable.Range(0, texts.Length).ToArray();
        new Random(BitConverter.ToInt32(hash)).Shuffle(order);
        return order;
    }

    private static int? WinnerOf(JsonElement answer) =>
        answer.TryGetProperty("winner", out var winner) && winner.ValueKind == JsonValueKind.Number && winner.TryGetInt32(out var place) && place is >= 0 and <= 2 ? place : null;

    private static int[]? RanksOf(JsonElement answer, int count) =>
        answer.TryGetProperty("ranks", out var ranks) && ranks.ValueKind == JsonValueKind.Array && ranks.GetArrayLength() == count
            && ranks.EnumerateArray().All(rank => rank.ValueKind == JsonValueKind.Number && rank.TryGetInt32(out var place) && place >= 1)
            ? [.. ranks.EnumerateArray().Select(rank => rank.GetInt32())]
            : null;

    /// <summary>Points of different texts against each other.</summary>
    private sealed class Tally(int[] copies)
    {
        private readonly Lock _door = new();
        private readonly double[] _points = new double[copies.Length];
        private readonly double[] _weight = new double[copies.Length];
        private readonly int[] _comparisons = new int[copies.Length];
        private readonly int[] _flips = new int[copies.Length];
        private readonly Grade?[] _failed = new Grade?[copies.Length];

        public void Compare(int first, int second, double won, bool flipped)
        {
            lock (_door)
            {
                foreach (var (mine, theirs, points) in new[] { (first, second, won), (second, first, 1 - won) })
                {
                    // Copies of a text are as many opponents.
                    _points[mine] += copies[theirs] * points;
                    _weight[mine] += copies[theirs];
                    _comparisons[mine]++;
                    _flips[mine] += flipped ? 1 : 0;
                }
            }
        }

        public void Fail(Grade grade, params int[] places)
        {
            lock (_door)
            {
                foreach (var place in places)
                {
                    _failed[place] ??= grade;
                }
            }
        }

        public Grade GradeOf(int place)
        {
            if (_comparisons[place] == 0 && _failed[place] is { } failed)
            {
                return failed;
            }

            var twins = copies[place] - 1;
            return Grade.Of((_points[place] + (0.5 * twins)) / (_weight[place] + twins)) with
            {
                Info = new Dictionary<string, JsonElement>
                {
                    ["comparisons"] = JsonSerializer.SerializeToElement(_comparisons[place]),
                    ["order_disagreements"] = JsonSerializer.SerializeToElement(_flips[place]),
                },
            };
        }
    }
}
