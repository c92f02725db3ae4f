using RftService.Engine;
using RftService.Engine.Data;

namespace RftService.Bench.Replication;

/// <summary>A published claim, the runs that can speak to it, and how it is judged.</summary>
/// <param name="Name">As on the command line, and the name of its plots.</param>
/// <param name="Title">Of its section in the report.</param>
/// <param name="Setup">What all arms have in common.</param>
/// <param name="Arms">The recipes compared.</param>
/// <param name="Claims">What is asked of them.</param>
/// <param name="Curves">What is plotted.</param>
internal sealed record Experiment(
    string Name, string Title, string Setup, IReadOnlyList<Arm> Arms, IReadOnlyList<Claim> Claims, IReadOnlyList<Curve> Curves);

/// <summary>One recipe. Arms of the same name are the same in all experiments and run once.</summary>
internal sealed record Arm(string Name, Recipe Recipe, DataKind Kind = DataKind.Prompts, bool WithExperts = false)
{
    /// <summary>True: the experts write in words that the base model has never used.</summary>
    public bool ForeignExperts { get; init; }
}
