using RftService.Engine.Algorithms;
using RftService.Engine.Training;

namespace RftService.Engine.Tests.Training;

public sealed class StepShapeTests
{
    // Two prompts: lengths 2 and 4, and 6.
    private static readonly TrainingRow[] Rows = [Row(0, 2), Row(0, 4), Row(1, 6)];

    [Theory]
    [InlineData(LossReduction.TokenMean, 1.0 / 12, 1.0 / 12, 1.0 / 12)]
    [InlineData(LossReduction.PromptMean, 1.0 / 12, 1.0 / 12, 1.0 / 12)] // 1/2 prompts · 1/6 tokens each
    [InlineData(LossReduction.PromptSum, 1.0 / 2, 1.0 / 2, 1.0 / 2)]
    [InlineData(LossReduction.CompletionMean, 1.0 / 6, 1.0 / 12, 1.0 / 18)]
    [InlineData(LossReduction.CompletionSum, 1.0 / 3, 1.0 / 3, 1.0 / 3)]
    [InlineData(LossReduction.FixedLength, 1.0 / 30, 1.0 / 30, 1.0 / 30)] // 3 completions · L = 10
    public void TokenWeights_EveryReduction_CountsTheWholeStep(LossReduction reduction, double first, double second, double third)
    {
        var weights = new TokenWeights(Rows, maxLength: 10);

        Assert.Equal(first, weights.Of(Rows[0], reduction), 1e-12);
        Assert.Equal(second, weights.Of(Rows[1], reduction), 1e-12);
        Assert.Equal(third, weights.Of(Rows[2], reduction), 1e-12);
    }

    [Fact]
    public void Pack_MixedLengths_StaysInBudgetAndKeepsEveryRowOnce()
    {
        var rows = Enumerable.Range(1, 50).Select(length => Row(length, length)).ToArray();

        var batches = Packer.Pack(rows, tokenBudget: 128);

        Assert.Equal(rows.Length, batches.SelectMany(batch => batch).Distinct().Count());
        Assert.All(batches, batch => Assert.InRange(batch.Count * batch.Max(row => row.Positions), 1, 128));
        Assert.Equal(batches, Packer.Pack(rows, tokenBudget: 128));
    }

    [Fact]
    public void Pack_RowLongerThanBudget_GoesAlone() =>
        Assert.Equal([1, 2], Packer.Pack([Row(0, 500), Row(0, 10), Row(0, 10)], 64).Select(batch => batch.Count));

    [Fact]
    public void RowCursor_EveryPass_GivesEachEntryOnceInAnotherOrder()
    {
        var cursor = new RowCursor(10, seed: 5);

        var (first, second) = (cursor.Next(10), cursor.Next(10));

        Assert.Equal(Enumerable.Range(0, 10), first.Order());
        Assert.Equal(Enumerable.Range(0, 10), second.Order());
        Assert.NotEqual(first, second);
    }

    [Fact]
    public void RowCursor_PositionSetBack_GivesTheSameEntries()
    {
        var (whole, resumed) = (new RowCursor(7, seed: 5), new RowCursor(7, seed: 5));
        whole.Next(10);
        resumed.Position = 10;

        Assert.Equal(whole.Next(9), resumed.Next(9));
    }

    private static TrainingRow Row(int group, int length) => new(group, [1], new int[length], new float[length], 1);
}
