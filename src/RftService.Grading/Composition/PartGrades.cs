namespace RftService.Grading.Composition;

/// <summary>The grades of a composed grader's parts: values by name, those of nested parts included, and the first that has no value.</summary>
internal sealed class PartGrades
{
    private readonly Dictionary<string, double> _values = new(StringComparer.Ordinal);
    private (string Name, Grade Grade)? _failed, _abstained;

    public IReadOnlyDictionary<string, double> Values => _values;

    /// <summary>Takes a part in; one that only watches is reported but cannot fail the whole.</summary>
    public void Add(string name, Grade grade, bool onlyWatches = false)
    {
        foreach (var (nested, value) in grade.Parts)
        {
            _values[nested] = value;
        }

        if (grade.Value is { } own)
        {
            _values[name] = own;
        }
        else if (onlyWatches)
        {
            // A metric without a value: absent from the parts, and nothing else depends on it.
        }
        else if (grade.Error is not null)
        {
            _failed ??= (name, grade);
        }
        else
        {
            _abstained ??= (name, grade);
        }
    }

    /// <summary>The grade of the whole when a part has none: an error before an abstention; null when all parts have values.</summary>
    public Grade? Missing() => (_failed, _abstained) switch
    {
        ({ } fault, _) => Grade.Failed(fault.Grade.Error!.Value, $"{fault.Name}: {fault.Grade.Reason}", _values),
        (_, { } none) => Grade.Abstain($"{none.Name}: {none.Grade.Reason}", _values),
        _ => null,
    };

    /// <summary>The value, or the grade of a part that has none; a value that is not finite is an error.</summary>
    public Grade Conclude(double value, string? reason = null) =>
        Missing() ?? (double.IsFinite(value)
            ? Grade.Of(value, reason, _values)
            : Grade.Failed(GradeError.FormulaParseError, FormattableString.Invariant($"The composed reward is {value}."), _values));
}
