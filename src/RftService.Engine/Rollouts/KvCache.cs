namespace RftService.Engine.Rollouts;

/// <summary>Keys and values of past positions, preallocated and written in place.</summary>
public sealed class KvCache
{
}
