using System.Text.Json.Serialization.Metadata;

namespace RftService.Engine.Algorithms;

/// <summary>Finds every learning rule of this assembly.</summary>
public static class AlgorithmCatalog
{
    /// <summary>All rules, in name order.</summary>
    public static IReadOnlyList<AlgorithmEntry> All => throw new NotImplementedException();

    /// <summary>Makes the rule that the options belong to.</summary>
    public static IAlgorithm Create(AlgorithmOptions options) => throw new NotImplementedException();

    /// <summary>Teaches System.Text.Json the discriminators of <see cref="AlgorithmOptions"/>: add it to the resolver's modifiers.</summary>
    public static void AddPolymorphism(JsonTypeInfo type) => throw new NotImplementedException();
}

/// <summary>One learning rule of the catalog.</summary>
/// <param name="Name">Discriminator.</param>
/// <param name="Summary">One sentence for people.</param>
/// <param name="Paper">Where it is defined.</param>
/// <param name="Accepts">Dataset kinds.</param>
/// <param name="OptionsType">Its options record.</param>
/// <param name="Defaults">The options with every default.</param>
public sealed record AlgorithmEntry(
    string Name,
    string Summary,
    string Paper,
    IReadOnlyList<Data.DataKind> Accepts,
    Type OptionsType,
    AlgorithmOptions Defaults);
