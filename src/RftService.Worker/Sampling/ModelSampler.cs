using RftService.Data.Workers;

namespace RftService.Worker.Sampling;
internal sealed class ModelSampler
{
    public void Sample(SamplingRequest request, Action<SamplingChunk> write, CancellationToken cancellation) => throw new NotImplementedException();
}
