using System.ComponentModel.DataAnnotations;

namespace RftService.Engine.Algorithms;

/// <summary>Tokens that are drawn from the policy at each position of a given completion, to be rewarded one by one.</summary>
public sealed record DrawSpec
{
    /// <summary>Draws a position, K.</summary>
    [Range(1, 4096)]
    public int Count { get; init; } = 256;

    /// <summary>Divides the logits that are drawn from.</summary>
    [Range(0.01, 100.0)]
    public double Temperature { get; init; } = 1.3;
}
