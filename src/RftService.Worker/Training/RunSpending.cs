using System.Text.Json;
using NpgsqlTypes;
using RftService.Grading.Judges;
using RftService.Worker.Queue;

namespace RftService.Worker.Training;

/// <summary>
/// What judges cost, kept with the run: a run that goes on after a crash has the rest of its budget and no new one. Not taken back with a
/// checkpoint, since it is spent. Stored every second while a step is being graded: a crash forgets no more than that, and what was under way.
/// </summary>
/// <param name="lease">Of the run.</param>
/// <param name="ledger">Counts on.</param>
/// <param name="stored">What the run's row holds already.</param>
internal sealed class RunSpending(RunLease lease, SpendLedger ledger, IReadOnlyDictionary<string, Spending>? stored)
{
    private readonly Lock _door = new(); // an evaluation may be graded beside a step, and the older sum must not be written last
    private string? _stored = stored is null ? null : Json(stored);

    public SpendLedger Ledger => ledger;

    /// <summary>Goes on from what the run's row holds.</summary>
    public static RunSpending Resume(RunLease lease, string? json)
    {
        var before = json is null ? null : JsonSerializer.Deserialize<Dictionary<string, Spending>>(json, RecipeJson.Options);
        return new RunSpending(lease, new SpendLedger(before), before);
    }

    /// <summary>Stores it when it has changed.</summary>
    /// <exception cref="LeaseLostException">Another claim has the run.</exception>
    public void Store()
    {
        lock (_door)
        {
            var spent = ledger.Spent;
            var json = Json(spent);
            if (spent.Count > 0 && json != _stored)
            {
                lease.Write(Fence.Updating("spending = @spending") + Fence.Close, [new("spending", NpgsqlDbType.Jsonb) { Value = json }]);
                _stored = json;
            }
        }
    }

    private static string Json(IReadOnlyDictionary<string, Spending> spent) =>
        JsonSerializer.Serialize(new SortedDictionary<string, Spending>(spent.ToDictionary(), StringComparer.Ordinal), RecipeJson.Options);
}
