using RftService.Api.Rewards;
using RftService.Grading;

namespace RftService.Api.Tests.Rewards;

public sealed class PreviewReportTests
{
    private static readonly PreviewSample[] Mixed =
    [
        Sample(0, Grade.Of(0), milliseconds: 5), Sample(0, Grade.Of(1), milliseconds: 1),
        Sample(3, Grade.Of(0.5), milliseconds: 9), Sample(3, Grade.Of(0.5), milliseconds: 2),
        Sample(6, Grade.Abstain("none"), milliseconds: 7), Sample(6, Grade.Failed(GradeError.PythonGraderRuntimeError, "oh"), milliseconds: 3),
        Sample(9, Grade.Of(1), truncated: true), Sample(9, Grade.Failed(GradeError.PythonGraderRuntimeError, "oh"), milliseconds: 4),
    ];

    [Fact]
    public void Of_MixedGrades_LeavesErrorsAndAbstentionsOutOfTheStatistics()
    {
        var preview = PreviewReport.Of(Mixed);

        Assert.Equal(0.6, preview.Mean); // (0 + 1 + 0.5 + 0.5 + 1) / 5
        Assert.Equal(Math.Sqrt(0.7 / 4), preview.Deviation!.Value, 12); // squares 0.36 + 0.16 + 0.01 + 0.01 + 0.16
        Assert.Equal(0.25, preview.RowsWithSpread); // row 0 of four
        Assert.Equal(Math.Sqrt(0.5) / 2, preview.DeviationWithinRows!.Value, 12); // row 0: √0.5, row 3: 0; the others have no two values
        Assert.Equal((0.25, 0.125, 0.125), (preview.ErrorShare, preview.AbstainedShare, preview.TruncatedShare));
        Assert.Equal([new KeyValuePair<string, int>("python_grader_runtime_error", 2)], preview.Errors);
        Assert.Equal([2, 4, 0, 7, 5], preview.Slowest);
        Assert.True(preview.Learnable);
        Assert.Equal(["grader_errors", "truncated_completions"], preview.Findings.Select(finding => finding.Code));
    }

    [Fact]
    public void Of_Values_FallIntoTenBucketsWithTheHighestInTheLast()
    {
        var histogram = PreviewReport.Of(Mixed).Histogram;

        Assert.Equal([1, 0, 0, 0, 0, 2, 0, 0, 0, 2], histogram.Select(bucket => bucket.Count));
        Assert.Equal((0, 1), (histogram[0].From, histogram[^1].To));
    }

    [Fact]
    public void Of_NoValues_SaysSoWithoutNumbers()
    {
        var preview = PreviewReport.Of([Sample(0, Grade.Abstain("none")), Sample(0, Grade.Abstain("none"))]);

        Assert.Equal((null, null, null, false), (preview.Mean, preview.Deviation, preview.DeviationWithinRows, preview.Learnable));
        Assert.Empty(preview.Histogram);
        Assert.Equal(["no_spread_within_rows", "mostly_abstained"], preview.Findings.Select(finding => finding.Code));
    }

    [Fact]
    public void Of_SpreadBetweenRowsOnly_IsNotLearnable()
    {
        var preview = PreviewReport.Of([Sample(0, Grade.Of(0)), Sample(0, Grade.Of(0)), Sample(1, Grade.Of(1)), Sample(1, Grade.Of(1))]);

        Assert.False(preview.Learnable);
        Assert.Equal(0, preview.DeviationWithinRows);
        Assert.Equal(["no_spread_within_rows"], preview.Findings.Select(finding => finding.Code));
    }

    [Fact]
    public void Of_FewRowsWithSpread_IsSaid()
    {
        var rows = Enumerable.Range(0, 12).SelectMany(row => new[] { Sample(row, Grade.Of(0)), Sample(row, Grade.Of(row == 5 ? 1 : 0)) });

        var preview = PreviewReport.Of([.. rows]);

        Assert.True(preview.Learnable);
        Assert.Equal(["little_spread_within_rows"], preview.Findings.Select(finding => finding.Code));
    }

    [Fact]
    public void Of_Parts_AgreeByPearsonWhereBothVary()
    {
        static Grade Parts(double first, double second) =>
            Grade.Of(first, null, new Dictionary<string, double> { ["a"] = first, ["b"] = second, ["same"] = 1 });

        var preview = PreviewReport.Of([Sample(0, Parts(0, 1)), Sample(0, Parts(1, 2)), Sample(0, Parts(2, 1))]);

        // a: −1 0 1, b: −1/3 2/3 −1/3: the products −1 · −1/3 and 1 · −1/3 cancel.
        var pair = Assert.Single(preview.Agreement);
        Assert.Equal(("a", "b"), (pair.First, pair.Second));
        Assert.Equal(0, pair.Correlation, 12);
        Assert.Equal(new PreviewPart(4.0 / 3, 3), preview.Parts["b"]);
    }

    private static PreviewSample Sample(long row, Grade grade, double milliseconds = 0, bool truncated = false) =>
        new(row, "text", truncated, DryRunResult.From(grade, null, TimeSpan.FromMilliseconds(milliseconds)));
}
