using System.ComponentModel.DataAnnotations;

namespace RftService.Grading.Sandbox;

/// <summary>How code graders are contained. Section `Rft:Sandbox`.</summary>
public sealed record SandboxOptions
{
    /// <summary>Processes that work for one grader at the same time; 0: as many as cores, at least 2.</summary>
    [Range(0, 256)]
    public int WorkersPerGrader { get; init; }

    /// <summary>Processes of all graders together; idle ones make room for others.</summary>
    [Range(2, 1024)]
    public int Workers { get; init; } = 32;

    /// <summary>Address space of a Python process, heap of a JavaScript process, in MiB.</summary>
    [Range(64, 65_536)]
    public int MemoryMegabytes { get; init; } = 512;

    /// <summary>The bubblewrap program.</summary>
    [Required]
    public string Bubblewrap { get; init; } = "/usr/bin/bwrap";

    /// <summary>The Python interpreter; must lie below /usr, all that a sandbox sees of the machine.</summary>
    [Required]
    public string Python { get; init; } = "/usr/bin/python3";
}
