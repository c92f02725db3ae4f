namespace RftService.Data.Projects;

/// <summary>Owner of everything else; keys belong to one project and see nothing of the others.</summary>
public sealed class Project
{
    public required Guid Id { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }
}
