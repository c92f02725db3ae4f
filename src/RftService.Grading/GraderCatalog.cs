using System.Text.Json.Serialization.Metadata;

namespace RftService.Grading;

/// <summary>Finds every grader of this assembly.</summary>
public static class GraderCatalog
{
    /// <summary>All graders by discriminator, in name order.</summary>
    public static IReadOnlyList<GraderEntry> All => throw new NotImplementedException();

    /// <summary>Makes the grader of a spec tree.</summary>
    /// <exception cref="GraderSpecException">An option is out of range or a template is malformed.</exception>
    public static IGrader Create(GraderSpec spec) => throw new NotImplementedException();

    /// <summary>Teaches System.Text.Json the discriminators of <see cref="GraderSpec"/>: add it to the resolver's modifiers.</summary>
    public static void AddPolymorphism(JsonTypeInfo type) => throw new NotImplementedException();
}

/// <summary>One grader of the catalog.</summary>
/// <param name="Name">Discriminator.</param>
/// <param name="Summary">One sentence for people.</param>
/// <param name="SpecType">Its options.</param>
public sealed record GraderEntry(string Name, string Summary, Type SpecType);
