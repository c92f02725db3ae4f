using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Mvc;
using RftService.Api.Http;
using RftService.Data.Runs;

namespace RftService.Api.Events;

/// <summary>One line of a run's log.</summary>
/// <param name="Seq">Grows with every event.</param>
/// <param name="At">When it happened.</param>
/// <param name="Level">`info`, `warn` or `error`.</param>
/// <param name="Code">Stable snake_case name; more may be added.</param>
/// <param name="Message">Plain words with the numbers and the remedy.</param>
/// <param name="Step">The step it belongs to; null for what is no part of training.</param>
public sealed record RunEventResponse(long Seq, DateTimeOffset At, string Level, string Code, string Message, int? Step)
{
    internal static RunEventResponse From(RunEvent one) => new(one.Seq, one.At, one.Level, one.Code, one.Message, one.Step);
}

/// <summary>Where a run stands; the data of a `status` message.</summary>
/// <param name="Status">Where the run is in its life; more may be added.</param>
/// <param name="CancelRequested">True when its end was asked for.</param>
/// <param name="PauseRequested">True while it is to rest after the step under way.</param>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="TotalSteps">Steps of the whole run; null when only a budget ends it.</param>
/// <param name="Progress">Share that is done, 0 to 1.</param>
/// <param name="EtaSeconds">Seconds to the end at the pace of this attempt; null while there is no pace yet.</param>
/// <param name="QueuePosition">1 is next; null when the run does not wait.</param>
/// <param name="Attempt">How often a worker took it up.</param>
/// <param name="FinishedAt">When it ended.</param>
/// <param name="Failure">Why it failed, or why the service paused it.</param>
public sealed record RunStatusMessage(
    RunStatus Status, bool CancelRequested, bool PauseRequested, int Step, int? TotalSteps, double Progress, double? EtaSeconds, int? QueuePosition,
    int Attempt, DateTimeOffset? FinishedAt, RunFailure? Failure);

/// <summary>The metrics of one step; the data of a `metrics` message.</summary>
/// <param name="Step">0 is the evaluation before training.</param>
/// <param name="Attempt">The attempt that made them. A new attempt makes the steps after its checkpoint again: the later one counts.</param>
/// <param name="At">When the step was done.</param>
/// <param name="Values">Finite numbers by name.</param>
public sealed record StepMetricsMessage(int Step, int Attempt, DateTimeOffset At, JsonElement Values);

/// <summary>Which events to list.</summary>
public sealed record RunEventsQuery : IRequestQuery, IValidatableObject
{
    /// <summary>Entries at most.</summary>
    [Range(1, 1000)]
    [DefaultValue(100)]
    [FromQuery(Name = "limit")]
    [Description("Entries at most, 1 to 1000; 100 when absent")]
    public int? Limit { get; init; }

    /// <summary>`next_cursor` of the page before.</summary>
    [FromQuery(Name = "cursor")]
    [Description("next_cursor of the page before; absent: from the first event")]
    public string? Cursor { get; init; }

    internal long After => long.TryParse(Cursor, NumberStyles.None, CultureInfo.InvariantCulture, out var seq) ? seq : 0;

    /// <inheritdoc />
    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (Cursor is not null && !long.TryParse(Cursor, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            yield return new ValidationResult("is no cursor: give next_cursor of the page before, unchanged", [nameof(Cursor)]);
        }
    }
}
