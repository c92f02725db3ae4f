using System.Text.Json;

namespace RftService.Grading;

/// <summary>Scores completions. Made once for a reward, used from many threads.</summary>
public interface IGrader
{
    /// <summary>
    /// Names what makes the row impossible to grade (a field its templates name is missing, a reference is no number), or null.
    /// Called when a run is submitted: a missing answer must never equal a missing reference.
    /// </summary>
    RowFault? Reject(JsonElement item);

    /// <summary>True when a grade depends on the other completions of the prompt, by itself or by one of its parts.</summary>
    bool ComparesCompletions => false;

    /// <summary>Grades one completion. Never throws for what the input holds.</summary>
    ValueTask<Grade> ScoreAsync(GradingInput input, CancellationToken cancellation);
}

/// <summary>What is graded.</summary>
/// <param name="Item">The dataset row: `item` in templates.</param>
/// <param name="OutputText">The completion: `sample.output_text` in templates.</param>
/// <param name="Truncated">True when the completion was cut at the token limit.</param>
/// <param name="Tokens">Length of the completion in the model's tokens; null when it is not known.</param>
public sealed record GradingInput(JsonElement Item, string OutputText, bool Truncated = false, int? Tokens = null)
{
    /// <summary>Steps of the run done before this one, which schedules follow; null outside of a run.</summary>
    public int? Step { get; init; }

    /// <summary>The completions of the same prompt, see <see cref="GradingGroup.Join"/>; null when this one is graded alone.</summary>
    public GradingGroup? Group { get; internal init; }

    /// <summary>Its place in <see cref="Group"/>.</summary>
    internal int Place { get; init; }
}

/// <summary>Why a row cannot be graded.</summary>
/// <param name="Pointer">JSON pointer into the row, as `/answer`.</param>
/// <param name="Message">What was expected and what was found.</param>
public sealed record RowFault(string Pointer, string Message);

/// <summary>The static half of a grader, found by <see cref="GraderCatalog"/> by reflection.</summary>
public interface ICatalogGrader : IGrader
{
    /// <summary>snake_case JSON discriminator, OpenAI's where OpenAI has the grader.</summary>
    static abstract string TypeName { get; }

    /// <summary>One sentence for people.</summary>
    static abstract string Summary { get; }
}

/// <summary>A grader that only computes: it waits for nothing and needs nothing but its options.</summary>
public interface IGrader<TSelf, TSpec> : ICatalogGrader
    where TSelf : IGrader<TSelf, TSpec>
    where TSpec : GraderSpec
{
    /// <summary>Makes the grader.</summary>
    /// <exception cref="GraderSpecException">An option is out of range or a template is malformed.</exception>
    static abstract TSelf Create(TSpec spec);

    /// <summary>Grades one completion. Never throws for what the input holds.</summary>
    Grade Score(GradingInput input);

    ValueTask<Grade> IGrader.ScoreAsync(GradingInput input, CancellationToken cancellation) => ValueTask.FromResult(Score(input));
}

/// <summary>A grader that needs its host: to make its parts, or to run code.</summary>
public interface IHostedGrader<TSelf, TSpec> : ICatalogGrader
    where TSelf : IHostedGrader<TSelf, TSpec>
    where TSpec : GraderSpec
{
    /// <summary>Makes the grader.</summary>
    /// <exception cref="GraderSpecException">An option is out of range, a part is malformed, or the host lacks what it needs.</exception>
    static abstract TSelf Create(TSpec spec, GraderHost host);
}

/// <summary>A grader that cannot be made from its options.</summary>
/// <param name="pointer">JSON pointer inside the grader, as `/graders/1/pattern`.</param>
/// <param name="message">What was expected, what was found, what to do.</param>
public sealed class GraderSpecException(string pointer, string message) : Exception(message)
{
    /// <summary>JSON pointer inside the grader.</summary>
    public string Pointer { get; } = pointer;
}
