namespace RftService.Engine.Algorithms;

/// <summary>Options of a learning rule; the JSON member `type` selects it, see <see cref="AlgorithmCatalog"/>.</summary>
public abstract record AlgorithmOptions;
