namespace RftService.Grading.Tests.Sandbox;

/// <summary>A test that runs untrusted code: left out, loudly, only where no sandbox can be made.</summary>
public sealed class SandboxFactAttribute : FactAttribute
{
    public SandboxFactAttribute() => Skip = SandboxHere.Missing;
}

/// <summary>The same with data.</summary>
public sealed class SandboxTheoryAttribute : TheoryAttribute
{
    public SandboxTheoryAttribute() => Skip = SandboxHere.Missing;
}

internal static class SandboxHere
{
    // One after the other: they measure time.
    public const string Collection = "sandbox";

    public static readonly string? Missing = Given.Host.Sandbox.Refusal is { } refusal ? "THE SANDBOX IS NOT TESTED HERE: " + refusal : null;
}
