using System.Globalization;
using System.Text.Json;

namespace RftService.Api.Rewards;

/// <summary>Makes figures and findings of graded completions.</summary>
internal static class PreviewReport
{
    private const int Buckets = 10;
    private const int Slowest = 5;

    public static RewardPreview Of(IReadOnlyList<PreviewSample> samples)
    {
        var values = samples.Select(sample => sample.Grade.Value).OfType<double>().ToList();
        var rows = samples.GroupBy(sample => sample.Row).Select(row => row.Select(sample => sample.Grade.Value).OfType<double>().ToList()).ToList();
        var within = rows.Select(DeviationOf).OfType<double>().ToList();
        var preview = new RewardPreview
        {
            Learnable = false,
            Findings = [],
            Completions = samples.Count,
            Mean = values.Count == 0 ? null : values.Average(),
            Deviation = DeviationOf(values),
            Histogram = HistogramOf(values),
            RowsWithSpread = Share(rows.Count(row => row.Distinct().Count() > 1), rows.Count),
            DeviationWithinRows = within.Count == 0 ? null : within.Average(),
            TruncatedShare = Share(samples.Count(sample => sample.Truncated), samples.Count),
            AbstainedShare = Share(samples.Count(sample => sample.Grade.Outcome == GradeOutcome.Abstain), samples.Count),
            ErrorShare = Share(samples.Count(sample => sample.Grade.Outcome == GradeOutcome.Error), samples.Count),
            Errors = samples.Select(sample => sample.Grade.Error).OfType<Grading.GradeError>()
                .CountBy(error => JsonNamingPolicy.SnakeCaseLower.ConvertName(error.ToString())).ToDictionary(),
            Parts = samples.SelectMany(sample => sample.Grade.Parts).GroupBy(part => part.Key)
                .ToDictionary(part => part.Key, part => new PreviewPart(part.Average(one => one.Value), part.Count())),
            Agreement = [.. AgreementOf(samples)],
            Samples = samples,
            Slowest = [.. Enumerable.Range(0, samples.Count).OrderByDescending(i => samples[i].Grade.LatencyMs).Take(Slowest)],
        };
        var findings = Judge(preview, values).ToList();
        return preview with { Learnable = preview.RowsWithSpread > 0 && values.Count > samples.Count / 2, Findings = findings };
    }

    private static IEnumerable<PreviewFinding> Judge(RewardPreview preview, List<double> values)
    {
        var errors = preview.Errors.Values.Sum();
        if (errors > 0)
        {
            yield return new("grader_errors", $"{errors} of {preview.Completions} completions could not be graded ({string.Join(", ", preview.Errors.Keys)}): see the reasons in samples. "
                + "Past recipe.max_grade_error_share a run fails.");
        }

        if (values.Count > 0 && values.Distinct().Count() == 1)
        {
            yield return new("constant_reward", string.Create(CultureInfo.InvariantCulture,
                $"Every completion got {values[0]}: a run would learn nothing. Take easier or harder prompts, a finer grader, or a model that is right at times."));
        }
        else if (preview.RowsWithSpread == 0)
        {
            yield return new("no_spread_within_rows", "Completions of one prompt never differ in reward, so rules that compare within a group (grpo and its kin) learn nothing. "
                + "Raise group_size or the temperature, or grade in finer steps.");
        }
        else if (preview.RowsWithSpread < 0.2)
        {
            yield return new("little_spread_within_rows", string.Create(CultureInfo.InvariantCulture,
                $"Only {preview.RowsWithSpread:P0} of the prompts have completions that differ in reward; the others teach nothing to rules that compare within a group."));
        }

        if (preview.TruncatedShare >= 0.1)
        {
            yield return new("truncated_completions", string.Create(CultureInfo.InvariantCulture,
                $"{preview.TruncatedShare:P0} of the completions were cut at the token limit and graded without their end: raise max_tokens."));
        }

        if (preview.AbstainedShare >= 0.5)
        {
            yield return new("mostly_abstained", "The grader has no opinion on half of the completions or more: they do not count.");
        }
    }

    private static double Share(int part, int whole) => whole == 0 ? 0 : (double)part / whole;

    private static double? DeviationOf(List<double> values)
    {
        if (values.Count < 2)
        {
            return null;
        }

        var mean = values.Average();
        return Math.Sqrt(values.Sum(value => Math.Pow(value - mean, 2)) / (values.Count - 1));
    }

    private static PreviewBucket[] HistogramOf(List<double> values)
    {
        if (values.Count == 0)
        {
            return [];
        }

        var (low, high) = (values.Min(), values.Max());
        if (low == high)
        {
            return [new PreviewBucket(low, high, values.Count)];
        }

        var counts = new int[Buckets];
        foreach (var value in values)
        {
            counts[Math.Min(Buckets - 1, (int)((value - low) / (high - low) * Buckets))]++;
        }

        var width = (high - low) / Buckets;
        return [.. counts.Select((count, i) => new PreviewBucket(low + (i * width), i == Buckets - 1 ? high : low + ((i + 1) * width), count))];
    }

    private static IEnumerable<PreviewAgreement> AgreementOf(IReadOnlyList<PreviewSample> samples)
    {
        var names = samples.SelectMany(sample => sample.Grade.Parts.Keys).Distinct().Order(StringComparer.Ordinal).ToList();
        for (var i = 0; i < names.Count; i++)
        {
            for (var j = i + 1; j < names.Count; j++)
            {
                var pairs = samples.Where(sample => sample.Grade.Parts.ContainsKey(names[i]) && sample.Grade.Parts.ContainsKey(names[j]))
                    .Select(sample => (First: sample.Grade.Parts[names[i]], Second: sample.Grade.Parts[names[j]])).ToList();
                if (Correlation(pairs) is { } correlation)
                {
                    yield return new PreviewAgreement(names[i], names[j], correlation);
                }
            }
        }
    }

    private static double? Correlation(List<(double First, double Second)> pairs)
    {
        if (pairs.Count < 2)
        {
            return null;
        }

        var (firstMean, secondMean) = (pairs.Average(pair => pair.First), pairs.Average(pair => pair.Second));
        var (firstSquares, secondSquares) = (pairs.Sum(pair => Math.Pow(pair.First - firstMean, 2)), pairs.Sum(pair => Math.Pow(pair.Second - secondMean, 2)));
        var product = pairs.Sum(pair => (pair.First - firstMean) * (pair.Second - secondMean));
        return firstSquares > 0 && secondSquares > 0 ? product / Math.Sqrt(firstSquares * secondSquares) : null;
    }
}
