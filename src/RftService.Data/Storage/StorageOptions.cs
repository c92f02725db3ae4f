using System.ComponentModel.DataAnnotations;

namespace RftService.Data.Storage;

/// <summary>Folders shared by the Api and the workers; section `Rft:Storage`.</summary>
public sealed record StorageOptions
{
    /// <summary>Datasets and checkpoints.</summary>
    [Required]
    public string DataFolder { get; init; } = "";

    /// <summary>Models can be registered from below this folder only.</summary>
    [Required]
    public string ModelRoot { get; init; } = "";
}
