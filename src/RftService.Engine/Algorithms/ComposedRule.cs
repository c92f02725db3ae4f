using RftService.Engine.Algorithms.Schedules;
using RftService.Engine.Data;

namespace RftService.Engine.Algorithms;

/// <summary>Works a composition. A named rule derives from it and adds its name, its paper and its options.</summary>
internal abstract class ComposedRule(Composition composition) : IAlgorithm
{
    public virtual IReadOnlyList<DataKind> Accepts => [DataKind.Prompts, DataKind.Rollouts];

    public bool NeedsReference => composition.Terms.Any(term => term.Loss.NeedsReference);

    public bool NeedsPrevious => composition.Terms.Any(term => term.Loss.NeedsPrevious);

    public virtual int UpdatesPerStep => 1;

    public virtual bool NeedsWeights => false;

    public bool CreditNeedsReference => composition.Rewards.Kl is not null;

    public bool NeedsAdvantages => composition.Terms.All(term => term.Loss.NeedsAdvantages);

    public int RefillRounds => composition.RefillRounds;

    public RetirementSpec? Retirement => composition.Retirement;

    public bool NeedsEntropy => composition.Terms.Any(term => term.Weight.NeedsEntropy);

    public int SurveyWidth => composition.Terms.Sum(term => term.Loss.SurveyWidth + term.Weight.SurveyWidth);

    public virtual CreditReport AssignCredit(StepRollouts step)
    {
        var shaped = composition.Filters.Completions(composition.Rewards.Shape(step));
        var kept = composition.Filters.Groups(shaped);
        return new CreditReport(composition.Filters.Credits(composition.Advantage.Assign(new(kept, shaped, step.Seed))));
    }

    public IReadOnlyList<double[]> Survey(IReadOnlyList<SurveyedCompletion> step)
    {
        var found = step.Select(_ => new double[SurveyWidth]).ToArray();
        var column = 0;
        foreach (var term in composition.Terms)
        {
            Add(term.Source, term.Loss.SurveyWidth, term.Loss.Survey);
            Add(term.Source, term.Weight.SurveyWidth, term.Weight.Survey);
        }

        return found;

        // A term is told of the completions that it learns from; the others' columns stay 0.
        void Add(RowSource source, int width, Func<IReadOnlyList<SurveyedCompletion>, IReadOnlyList<double[]>> survey)
        {
            if (width == 0)
            {
                return;
            }

            var own = step.Index().Where(completion => completion.Item.Source == source).ToArray();
            foreach (var (i, numbers) in survey([.. own.Select(completion => completion.Item)]).Index())
            {
                numbers.CopyTo(found[own[i].Index], column);
            }

            column += width;
        }
    }

    public IReadOnlyList<LossTerm> Loss(PolicyBatch batch) => [.. Parts(batch).Select(part => new LossTerm(
        part.Term.Name,
        part.Term.Weight.Of(part.Weighed.Detached) * part.Term.Loss.PerToken(part.Batch) * batch.Mask,           // [B, T]
        part.Term.Factor.At(batch.Step, batch.MeanReward),
        part.Term.Reduction))];

    public virtual IReadOnlyList<AlgorithmMetric> Measure(PolicyBatch batch) => [.. Parts(batch).SelectMany(part => part.Term.Loss.Measure(part.Batch)
        .Concat(part.Term.Weight.Measure(part.Weighed))
        .Concat(part.Term.Factor is ConstantSchedule ? [] : [new($"coefficient/{part.Term.Name}", part.Term.Factor.At(batch.Step, batch.MeanReward), 1)]))];

    /// <summary>The terms that learn from such rows; loss and weight each see their own columns of the survey.</summary>
    private IEnumerable<(TermSpec Term, PolicyBatch Batch, PolicyBatch Weighed)> Parts(PolicyBatch batch)
    {
        var column = 0;
        foreach (var term in composition.Terms)
        {
            var (ofLoss, ofWeight) = (term.Loss.SurveyWidth, term.Weight.SurveyWidth);
            if (term.Source == batch.Source)
            {
                yield return (term, Narrowed(column, ofLoss), Narrowed(column + ofLoss, ofWeight));
            }

            column += ofLoss + ofWeight;
        }

        PolicyBatch Narrowed(int start, int width) => width == 0 ? batch : batch with { Survey = batch.Survey!.narrow(1, start, width) };
    }
}
