using System.ComponentModel.DataAnnotations;
using RftService.Api.Http;
using RftService.Api.Keys;
using RftService.Data.Projects;

namespace RftService.Api.Projects;

/// <summary>A new project.</summary>
public sealed record CreateProjectRequest : IRequestBody<CreateProjectRequest>
{
    /// <summary>Unique name.</summary>
    [StringLength(100, MinimumLength = 1)]
    public required string Name { get; init; }

    /// <inheritdoc />
    public static IReadOnlyList<RequestExample> Examples { get; } =
    [
        new("A project for a team", """{ "name": "maths tutors" }"""),
    ];
}

/// <summary>A project: owner of models, datasets, rewards and runs.</summary>
/// <param name="Id">`prj_...`</param>
/// <param name="Name">Unique name.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record ProjectResponse(string Id, string Name, DateTimeOffset CreatedAt)
{
    internal static ProjectResponse From(Project project) => new(PublicId.Project.Format(project.Id), project.Name, project.CreatedAt);
}

/// <summary>A project that was just made, and the first key into it.</summary>
/// <param name="Project">The project.</param>
/// <param name="Key">Its first key, with the text that is shown only this once.</param>
public sealed record CreatedProjectResponse(ProjectResponse Project, CreatedKeyResponse Key);
