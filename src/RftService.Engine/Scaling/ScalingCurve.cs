namespace RftService.Engine.Scaling;

/// <summary>
/// R(C) = R₀ + (A − R₀) / (1 + (C_mid / C)^B): the reward that a recipe reaches with compute C
/// (Khatri et al. 2025, "The Art of Scaling Reinforcement Learning Compute", arXiv:2510.13786, equation 1).
/// </summary>
/// <param name="Start">R₀, the reward before training; measured, never fitted.</param>
/// <param name="Asymptote">A, the reward that no compute exceeds, R₀ to 1.</param>
/// <param name="Exponent">B, how fast the asymptote is approached; above 0.</param>
/// <param name="Midpoint">C_mid, the compute at which half of the gain is reached; in the unit of C.</param>
public sealed record ScalingCurve(double Start, double Asymptote, double Exponent, double Midpoint)
{
    /// <summary>The reward at a compute above 0.</summary>
    public double At(double compute) => Start + ((Asymptote - Start) * Share(compute));

    /// <summary>Share of the gain A − R₀ that is reached, 0 to 1.</summary>
    internal double Share(double compute) => 1 / (1 + Math.Exp(Exponent * (Math.Log(Midpoint) - Math.Log(compute))));
}

/// <summary>One measurement of a run.</summary>
/// <param name="Compute">Spent so far, in any unit that only grows: tokens, steps, seconds; above 0.</param>
/// <param name="Reward">Measured there.</param>
public sealed record ScalingPoint(double Compute, double Reward);
