namespace RftService.Engine.Models;

/// <summary>The shape of a model, from its config.json.</summary>
public sealed record ModelConfig
{
}
