namespace RftService.Engine.Rollouts;

/// <summary>
/// Random numbers by position instead of by sequence: the value depends on the counters alone, so what one completion draws does not
/// depend on which others are sampled beside it, or in which order.
/// </summary>
internal static class CounterRandom
{
    /// <summary>Uniform in [0, 1), a multiple of 2^-23: coarse enough that u · total stays below any float32 total.</summary>
    public static float Uniform(ulong seed, ulong first, ulong second, ulong third)
    {
        var bits = Mix(Mix(Mix(Mix(seed) ^ first) ^ second) ^ third);
        return (bits >> 41) * (1f / (1 << 23));
    }

    // The output function of SplitMix64 (Steele et al. 2014), a bijection with good avalanche.
    private static ulong Mix(ulong x)
    {
        x += 0x9e3779b97f4a7c15;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
    }
}
