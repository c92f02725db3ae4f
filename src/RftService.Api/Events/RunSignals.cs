using System.Collections.Concurrent;
using System.Threading.Channels;
using Npgsql;
using RftService.Data.Runs;

namespace RftService.Api.Events;

/// <summary>
/// Wakes the streams of a run when something was written for it. One LISTEN connection serves the whole process. A signal carries
/// no data: streams read the tables, so a signal that is lost with the connection costs a poll interval and nothing else.
/// </summary>
internal sealed partial class RunSignals(IConfiguration configuration, ILogger<RunSignals> logger) : BackgroundService
{
    private static readonly TimeSpan ReconnectAfter = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<Guid, Subscription[]> _byRun = new();

    /// <summary>Streams that are open now.</summary>
    public int Subscriptions => _byRun.Values.Sum(subscriptions => subscriptions.Length);

    /// <summary>Signals of one run until the subscription is disposed.</summary>
    public Subscription Subscribe(Guid runId)
    {
        var subscription = new Subscription(this, runId);
        _byRun.AddOrUpdate(runId, _ => [subscription], (_, others) => [.. others, subscription]);
        return subscription;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception lost) when (lost is NpgsqlException or IOException or TimeoutException or ArgumentException)
            {
                LogLost(logger, lost.Message);
                await Task.Delay(ReconnectAfter, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ListenAsync(CancellationToken cancellation)
    {
        // Not from the pool: it waits for hours. The keep-alive finds out when the server is gone without a word.
        var settings = new NpgsqlConnectionStringBuilder(configuration.GetConnectionString("Rft")) { Pooling = false, KeepAlive = 30 };
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(cancellation);
        connection.Notification += (_, signal) =>
        {
            if (Guid.TryParse(signal.Payload, out var runId) && _byRun.TryGetValue(runId, out var subscriptions))
            {
                Wake(subscriptions);
            }
        };

        await using (var listen = new NpgsqlCommand($"listen {RunChannel.Name}", connection))
        {
            await listen.ExecuteNonQueryAsync(cancellation);
        }

        // What was signalled while nobody listened.
        foreach (var subscriptions in _byRun.Values)
        {
            Wake(subscriptions);
        }

        while (true)
        {
            await connection.WaitAsync(cancellation);
        }
    }

    private static void Wake(Subscription[] subscriptions)
    {
        foreach (var subscription in subscriptions)
        {
            subscription.Wake();
        }
    }

    private void Remove(Subscription subscription)
    {
        while (_byRun.TryGetValue(subscription.RunId, out var before))
        {
            var after = Array.FindAll(before, other => !ReferenceEquals(other, subscription));
            var removed = after.Length == 0
                ? _byRun.TryRemove(KeyValuePair.Create(subscription.RunId, before))
                : _byRun.TryUpdate(subscription.RunId, after, before);
            if (removed)
            {
                return;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The connection that listens for runs is lost, streams poll until it is back: {Reason}")]
    private static partial void LogLost(ILogger logger, string reason);

    /// <summary>One open stream.</summary>
    internal sealed class Subscription(RunSignals signals, Guid runId) : IDisposable
    {
        // One pending signal says all there is to say: read the tables again.
        private readonly Channel<bool> _pending =
            Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

        public Guid RunId => runId;

        public void Wake() => _pending.Writer.TryWrite(true);

        /// <summary>Returns at the next signal, or after <paramref name="atMost"/>.</summary>
        public async Task WaitAsync(TimeSpan atMost, CancellationToken cancellation)
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            timeout.CancelAfter(atMost);
            try
            {
                await _pending.Reader.ReadAsync(timeout.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // The poll that makes up for a lost signal.
            }
        }

        public void Dispose() => signals.Remove(this);
    }
}
