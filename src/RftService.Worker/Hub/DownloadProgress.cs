namespace RftService.Worker.Hub;

/// <summary>Where a download stands. Written by the download, read and measured by what reports it.</summary>
internal sealed class DownloadProgress
{
    private const double Weight = 0.3; // of the newest measurement: what is told follows within some seconds, and does not jump

    private long _done;
    private long _received;
    private long _total = -1;
    private long _measured;

    /// <summary>Bytes that are there, those of earlier tries among them.</summary>
    public long Done => Interlocked.Read(ref _done);

    /// <summary>Bytes of all files that are needed; null until it is known.</summary>
    public long? Total
    {
        get => Interlocked.Read(ref _total) is var total && total < 0 ? null : total;
        set => Interlocked.Exchange(ref _total, value ?? -1);
    }

    /// <summary>What the revision stands for; null until the hub has said it.</summary>
    public string? Commit { get; set; }

    /// <summary>Of late; null until anything was received.</summary>
    public double? BytesPerSecond { get; private set; }

    /// <summary>So many bytes more are there, from an earlier try; negative when some were dropped.</summary>
    public void Add(long bytes) => Interlocked.Add(ref _done, bytes);

    /// <summary>So many bytes have come.</summary>
    public void Receive(long bytes)
    {
        Interlocked.Add(ref _done, bytes);
        Interlocked.Add(ref _received, bytes);
    }

    /// <summary>Takes the speed since the last call.</summary>
    public void Measure(TimeSpan since)
    {
        var received = Interlocked.Read(ref _received);
        if (received > 0 && since > TimeSpan.Zero)
        {
            var now = (received - _measured) / since.TotalSeconds;
            BytesPerSecond = BytesPerSecond is { } before ? ((1 - Weight) * before) + (Weight * now) : now;
        }

        _measured = received;
    }
}
