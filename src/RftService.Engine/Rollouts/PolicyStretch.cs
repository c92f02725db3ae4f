namespace RftService.Engine.Rollouts;

/// <summary>Consecutive tokens of a completion that the same policy drew.</summary>
/// <param name="Steps">Steps that the policy had been trained for.</param>
/// <param name="Tokens">How many tokens.</param>
public sealed record PolicyStretch(int Steps, int Tokens)
{
    /// <summary>The stretches of a completion, in order.</summary>
    /// <param name="versions">See <see cref="Rollout.Versions"/>.</param>
    public static IReadOnlyList<PolicyStretch> Of(IReadOnlyList<int> versions)
    {
        var stretches = new List<PolicyStretch>();
        foreach (var version in versions)
        {
            if (stretches is [.., var last] && last.Steps == version)
            {
                stretches[^1] = last with { Tokens = last.Tokens + 1 };
            }
            else
            {
                stretches.Add(new PolicyStretch(version, 1));
            }
        }

        return stretches;
    }
}
