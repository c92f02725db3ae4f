using System.ComponentModel.DataAnnotations;
using RftService.Api.Http;
using RftService.Grading;

namespace RftService.Api.Rewards;

/// <summary>A new reward: a named grader tree.</summary>
public sealed record CreateRewardRequest : IRequestBody<CreateRewardRequest>
{
    /// <summary>For people; need not be unique.</summary>
    [StringLength(100, MinimumLength = 1)]
    public required string Name { get; init; }

    /// <summary>What scores a completion; `type` selects the grader.</summary>
    public required GraderSpec Grader { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples { get; } =
    [
        new("The number after ####, as in GSM8K", """
            { "name": "maths", "grader": { "type": "numeric_answer", "name": "answer", "reference": "{{item.answer}}" } }
            """),
        new("Exactly the reference", """
            {
              "name": "exact",
              "grader": {
                "type": "string_check", "name": "exact", "operation": "eq",
                "input": "{{sample.output_text}}", "reference": "{{item.answer}}"
              }
            }
            """),
    ];
}

/// <summary>A new version of a reward. Runs keep the version that they were submitted with.</summary>
public sealed record CreateRewardVersionRequest : IRequestBody<CreateRewardVersionRequest>
{
    /// <summary>What scores a completion; `type` selects the grader.</summary>
    public required GraderSpec Grader { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples { get; } =
    [
        new("Case ignored", """
            {
              "grader": {
                "type": "string_check", "name": "exact", "operation": "ilike",
                "input": "{{sample.output_text}}", "reference": "{{item.answer}}"
              }
            }
            """),
    ];
}

/// <summary>A grader tree to check, by itself and on the rows that it shall grade; nothing is graded or stored.</summary>
public sealed record ValidateRewardRequest : IRequestBody<ValidateRewardRequest>
{
    /// <summary>What scores a completion; `type` selects the grader.</summary>
    public required GraderSpec Grader { get; init; }

    /// <summary>A dataset; the grader must be able to grade every row of it, as when a run is submitted. Absent: no rows are looked at.</summary>
    public string? DatasetId { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples { get; } =
    [
        new("A grader", """{ "grader": { "type": "numeric_answer", "name": "answer", "reference": "{{item.answer}}" } }"""),
        new("A grader and the rows that it shall grade", """
            {
              "grader": { "type": "numeric_answer", "name": "answer", "reference": "{{item.answer}}" },
              "dataset_id": "ds_0198c0de000070008000000000000001"
            }
            """),
    ];
}

/// <summary>A grader tree that can be used.</summary>
/// <param name="Grader">The tree, defaults included.</param>
/// <param name="Rows">Rows of the dataset, all of which can be graded; null without a dataset.</param>
/// <param name="Notes">Things to know, as rows that could not be looked at in time.</param>
public sealed record ValidateRewardResponse(GraderSpec Grader, long? Rows, IReadOnlyList<string> Notes);

/// <summary>A reward and its newest version.</summary>
/// <param name="Id">`rw_...`</param>
/// <param name="Name">For people.</param>
/// <param name="LatestVersion">Number of the newest version, from 1.</param>
/// <param name="Grader">Grader of the newest version.</param>
/// <param name="CreatedAt">When the reward was made.</param>
public sealed record RewardResponse(string Id, string Name, int LatestVersion, GraderSpec Grader, DateTimeOffset CreatedAt);

/// <summary>A reward in a list.</summary>
/// <param name="Id">`rw_...`</param>
/// <param name="Name">For people.</param>
/// <param name="LatestVersion">Number of the newest version, from 1.</param>
/// <param name="CreatedAt">When the reward was made.</param>
public sealed record RewardSummary(string Id, string Name, int LatestVersion, DateTimeOffset CreatedAt);

/// <summary>One version of a reward; never changes.</summary>
/// <param name="RewardId">`rw_...`</param>
/// <param name="Version">From 1.</param>
/// <param name="Grader">What scores a completion, defaults included.</param>
/// <param name="CreatedAt">When the version was made.</param>
public sealed record RewardVersionResponse(string RewardId, int Version, GraderSpec Grader, DateTimeOffset CreatedAt);
