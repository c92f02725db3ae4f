namespace RftService.Worker.Hosting;

/// <summary>Names this process among all workers, also among its own restarts.</summary>
internal sealed record WorkerIdentity(string Id)
{
    /// <summary>Machine, process id and a random part.</summary>
    public static WorkerIdentity New() => new($"{Environment.MachineName}-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..8]}");
}
