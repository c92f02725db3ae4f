namespace RftService.Worker.Sampling;

/// <summary>A sampling request that cannot be served, in words for the client.</summary>
internal sealed class SamplingFault(string code, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>snake_case.</summary>
    public string Code { get; } = code;
}
