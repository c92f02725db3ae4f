using System.Threading.Channels;
using RftService.Data.Workers;

namespace RftService.Worker.Sampling;

/// <summary>One request between the endpoint and the sampling thread.</summary>
internal sealed class SamplingWork(SamplingRequest request, CancellationToken cancellation)
{
    // Unbounded: the thread must never wait for a slow client, and a request holds few tokens.
    private readonly Channel<SamplingChunk> _chunks = Channel.CreateUnbounded<SamplingChunk>(new() { SingleReader = true, SingleWriter = true });

    public SamplingRequest Request => request;

    /// <summary>Fires when the client has gone.</summary>
    public CancellationToken Cancellation => cancellation;

    public void Write(SamplingChunk chunk) => _chunks.Writer.TryWrite(chunk);

    public void Complete() => _chunks.Writer.Complete();

    public IAsyncEnumerable<SamplingChunk> ReadAllAsync() => _chunks.Reader.ReadAllAsync(cancellation);
}
