using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using RftService.Engine;
using RftService.Engine.Rollouts;

namespace RftService.Worker.Training;

/// <summary>The rollouts of a step as arrays, one a column: `insert ... select unnest` writes them in one statement.</summary>
internal sealed class RolloutColumns
{
    /// <summary>A CTE that stores them, behind `lease`.</summary>
    public const string Insert = """
        , sampled as (
            insert into rollouts (run_id, step, is_evaluation, group_index, sample_index, row_index, prompt, completion, stop_reason,
                                  tokens, reward, error_code, reason, parts, info, steps, policy_versions, grading_ms, advantage, origin)
            select lease.id, @step, r.* from lease, unnest(@evaluation, @group, @sample, @row, @prompt, @completion, @stop,
                                  @tokens, @reward, @error, @reason, @parts::jsonb[], @info::jsonb[], @steps::jsonb[], @policy_versions::jsonb[], @grading_ms, @advantage, @origin) as r)
        """;

    private readonly List<bool> _evaluation = [];
    private readonly List<int> _group = [];
    private readonly List<int> _sample = [];
    private readonly List<int> _row = [];
    private readonly List<string> _prompt = [];
    private readonly List<string> _completion = [];
    private readonly List<string> _stop = [];
    private readonly List<int> _tokens = [];
    private readonly List<double?> _reward = [];
    private readonly List<string?> _error = [];
    private readonly List<string?> _reason = [];
    private readonly List<string?> _parts = [];
    private readonly List<string?> _info = [];
    private readonly List<string?> _steps = [];
    private readonly List<string?> _policyVersions = [];
    private readonly List<double?> _gradingMs = [];
    private readonly List<float?> _advantage = [];
    private readonly List<string> _origin = [];

    public RolloutColumns(StepReport report)
    {
        Add(report.Groups, evaluation: false);
        Add(report.EvaluationGroups, evaluation: true);
    }

    public IEnumerable<NpgsqlParameter> Parameters =>
    [
        Column("evaluation", NpgsqlDbType.Boolean, _evaluation),
        Column("group", NpgsqlDbType.Integer, _group),
        Column("sample", NpgsqlDbType.Integer, _sample),
        Column("row", NpgsqlDbType.Integer, _row),
        Column("prompt", NpgsqlDbType.Text, _prompt),
        Column("completion", NpgsqlDbType.Text, _completion),
        Column("stop", NpgsqlDbType.Text, _stop),
        Column("tokens", NpgsqlDbType.Integer, _tokens),
        Column("reward", NpgsqlDbType.Double, _reward),
        Column("error", NpgsqlDbType.Text, _error),
        Column("reason", NpgsqlDbType.Text, _reason),
        Column("parts", NpgsqlDbType.Text, _parts),
        Column("info", NpgsqlDbType.Text, _info),
        Column("steps", NpgsqlDbType.Text, _steps),
        Column("policy_versions", NpgsqlDbType.Text, _policyVersions),
        Column("grading_ms", NpgsqlDbType.Double, _gradingMs),
        Column("advantage", NpgsqlDbType.Real, _advantage),
        Column("origin", NpgsqlDbType.Text, _origin),
    ];

    private void Add(IReadOnlyList<RolloutGroup> groups, bool evaluation)
    {
        for (var group = 0; group < groups.Count; group++)
        {
            var prompt = StorableText.Of(groups[group].PromptText);
            for (var sample = 0; sample < groups[group].Rollouts.Count; sample++)
            {
                var rollout = groups[group].Rollouts[sample];
                _evaluation.Add(evaluation);
                _group.Add(group);
                _sample.Add(sample);
                _row.Add(groups[group].Row.Index);
                _prompt.Add(prompt);
                _completion.Add(StorableText.Of(rollout.Text));
                _stop.Add(JsonNamingPolicy.SnakeCaseLower.ConvertName(rollout.Stop.ToString()));
                _tokens.Add(rollout.Tokens.Count);
                _reward.Add(rollout.Grade?.Value);
                _error.Add(rollout.Grade?.ErrorCode);
                _reason.Add(rollout.Grade?.Reason is { } reason ? StorableText.Of(reason) : null);
                _parts.Add(rollout.Grade?.Parts is { Count: > 0 } parts ? JsonSerializer.Serialize(parts) : null);
                _info.Add(rollout.Grade?.Info is { Count: > 0 } info ? JsonSerializer.Serialize(info) : null);
                _steps.Add(rollout.Grade?.Steps is { Count: > 0 } steps ? JsonSerializer.Serialize(steps, RecipeJson.Options) : null);
                _policyVersions.Add(rollout.Versions is { } versions
                    ? JsonSerializer.Serialize(PolicyStretch.Of(versions), RecipeJson.Options)
                    : null);
                _gradingMs.Add(rollout.Grade?.Latency?.TotalMilliseconds);
                _advantage.Add(rollout.Advantage);
                _origin.Add(JsonNamingPolicy.SnakeCaseLower.ConvertName(rollout.Origin.ToString()));
            }
        }
    }

    private static NpgsqlParameter Column<T>(string name, NpgsqlDbType type, List<T> values) =>
        new(name, NpgsqlDbType.Array | type) { Value = values };
}
