using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Http;
using RftService.Api.Runs;
using RftService.Data;
using RftService.Data.Metrics;
using RftService.Data.Runs;

namespace RftService.Api.Events;

/// <summary>
/// A run as it goes on. Everything comes from the tables, signals only say when to look, so a stream may break and be taken up at any
/// message, on any Api process.
/// </summary>
internal sealed class RunStream(RftDbContext db, RunSignals signals, TimeProvider clock, IHostApplicationLifetime lifetime)
{
    /// <summary>How long a lost signal can delay a message.</summary>
    internal static readonly TimeSpan PollEvery = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ReconnectAfter = TimeSpan.FromSeconds(2);

    // Bounds what one turn holds in memory; the next turn follows at once.
    private const int Batch = 500;

    /// <summary>True when the run has ended and a reader at this cursor has everything.</summary>
    public async Task<bool> HasEndedAsync(Guid runId, StreamCursor cursor, CancellationToken cancellation)
    {
        var run = await db.Runs.AsNoTracking().SingleAsync(one => one.Id == runId, cancellation);
        return run.IsFinished && cursor.Status == MarkOf(run, null)
            && (await EventsAsync(runId, cursor, cancellation)).Count == 0
            && (await MetricsAsync(runId, cursor, cancellation)).Count == 0;
    }

    public async IAsyncEnumerable<SseItem<string>> ReadAsync(
        HttpContext http, Guid runId, StreamCursor cursor, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var subscription = signals.Subscribe(runId);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, http.RequestAborted, lifetime.ApplicationStopping);
        await HeartbeatAsync(http, stop.Token); // also sends the headers: the client knows that it is connected
        var heard = clock.GetTimestamp();
        while (!stop.IsCancellationRequested)
        {
            // The run first: what belongs to its end is written before or together with it, so an ended run has no later messages.
            var run = await db.Runs.AsNoTracking().SingleOrDefaultAsync(one => one.Id == runId, stop.Token);
            if (run is null)
            {
                yield break;
            }

            var position = await RunView.QueuePositionAsync(db, run, stop.Token);
            var events = await EventsAsync(runId, cursor, stop.Token);
            foreach (var one in events)
            {
                cursor = cursor with { EventSeq = one.Seq };
                yield return Message("event", RunEventResponse.From(one), cursor);
            }

            var metrics = await MetricsAsync(runId, cursor, stop.Token);
            foreach (var row in metrics)
            {
                cursor = cursor with { MetricsAttempt = row.Attempt, MetricsStep = row.Step };
                yield return Message("metrics", new StepMetricsMessage(row.Step, row.Attempt, row.At, Parse(row.ValuesJson)), cursor);
            }

            if (events.Count == Batch || metrics.Count == Batch)
            {
                continue;
            }

            var mark = MarkOf(run, position);
            if (mark != cursor.Status)
            {
                cursor = cursor with { Status = mark };
                yield return Message("status", StatusOf(run, position), cursor);
            }
            else if (events.Count == 0 && metrics.Count == 0 && clock.GetElapsedTime(heard) >= HeartbeatEvery)
            {
                await HeartbeatAsync(http, stop.Token);
                heard = clock.GetTimestamp();
            }

            if (run.IsFinished)
            {
                yield break;
            }

            await subscription.WaitAsync(PollEvery, stop.Token);
        }
    }

    private Task<List<RunEvent>> EventsAsync(Guid runId, StreamCursor cursor, CancellationToken cancellation) => db.RunEvents.AsNoTracking()
        .Where(one => one.RunId == runId && one.Seq > cursor.EventSeq)
        .OrderBy(one => one.Seq).Take(Batch).ToListAsync(cancellation);

    // In (attempt, step) order, which is also the order of writing: a new attempt starts by deleting the steps that it makes again.
    private Task<List<StepMetrics>> MetricsAsync(Guid runId, StreamCursor cursor, CancellationToken cancellation) => db.StepMetrics.AsNoTracking()
        .Where(row => row.RunId == runId
            && (row.Attempt > cursor.MetricsAttempt || (row.Attempt == cursor.MetricsAttempt && row.Step > cursor.MetricsStep)))
        .OrderBy(row => row.Attempt).ThenBy(row => row.Step).Take(Batch).ToListAsync(cancellation);

    private RunStatusMessage StatusOf(Run run, int? position) => new(
        run.Status, run.CancelRequested, run.PauseRequested, run.Step, run.TotalSteps, run.Progress, RunView.EtaSeconds(run, clock.GetUtcNow()), position,
        run.Attempt, run.FinishedAt, run.Failure);

    // What makes a new status message; the remaining time alone does not. Letters, digits and dashes only: it is part of the cursor.
    private static string MarkOf(Run run, int? position) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"{run.Status}-{run.Attempt}-{run.Step}-{(int)(run.Progress * 10_000)}-{(run.CancelRequested ? 1 : 0)}{(run.PauseRequested ? 1 : 0)}-{position ?? 0}");

    private static JsonElement Parse(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    private static SseItem<string> Message<T>(string type, T data, StreamCursor cursor) =>
        new(JsonSerializer.Serialize(data, JsonSetup.Options), type) { EventId = cursor.ToString(), ReconnectionInterval = ReconnectAfter };

    // A comment, which SseItem cannot say. Written between two messages: the result has flushed the one before when it asks for the next.
    private static async Task HeartbeatAsync(HttpContext http, CancellationToken cancellation)
    {
        await http.Response.Body.WriteAsync(": heartbeat\n\n"u8.ToArray(), cancellation);
        await http.Response.Body.FlushAsync(cancellation);
    }
}
