namespace RftService.Api.Http;

/// <summary>
/// Id of what a POST makes. Under an Idempotency-Key it is stored before the work begins, so a request that is repeated after
/// a crash names the same resource and cannot make a second one.
/// </summary>
internal sealed class ResourceId(TimeProvider clock)
{
    public Guid Value { get; set; } = PublicId.New(clock);
}
