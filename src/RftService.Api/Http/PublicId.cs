using System.Diagnostics.CodeAnalysis;

namespace RftService.Api.Http;

/// <summary>Ids as clients see them: a prefix that tells the kind, and 32 hex digits of a UUIDv7.</summary>
internal sealed class PublicId
{
    public static readonly PublicId Run = new("run_", "run");
    public static readonly PublicId Dataset = new("ds_", "dataset");
    public static readonly PublicId Reward = new("rw_", "reward");
    public static readonly PublicId Checkpoint = new("ck_", "checkpoint");
    public static readonly PublicId Model = new("md_", "model");
    public static readonly PublicId Key = new("key_", "key");
    public static readonly PublicId Project = new("prj_", "project");

    private readonly string _prefix;

    private PublicId(string prefix, string what) => (_prefix, What) = (prefix, what);

    /// <summary>The kind in one word.</summary>
    public string What { get; }

    public static Guid New(TimeProvider clock) => Guid.CreateVersion7(clock.GetUtcNow());

    public string Format(Guid id) => _prefix + id.ToString("N");

    [return: NotNullIfNotNull(nameof(id))]
    public string? Format(Guid? id) => id is { } given ? Format(given) : null;

    /// <summary>False for anything but this kind's form; a route answers 404 then, a body 400 or 422.</summary>
    public bool TryParse([NotNullWhen(true)] string? text, out Guid id)
    {
        id = Guid.Empty;
        return text is not null
            && text.StartsWith(_prefix, StringComparison.Ordinal)
            && Guid.TryParseExact(text.AsSpan(_prefix.Length), "N", out id);
    }

    /// <summary>The 404 for an id of this kind.</summary>
    public ProblemResult NotFound(string id) => Problems.NotFound(What, id);
}
