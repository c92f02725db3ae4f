using RftService.Grading.Outbound;
using RftService.Grading.Sandbox;

namespace RftService.Grading;

/// <summary>What graders need from the program that they run in. One for a program, as long as the program lives.</summary>
public sealed class GraderHost : IDisposable
{
    private readonly OutboundOptions _outbound;

    /// <param name="outbound">What may be reached over the network; absent: public addresses, without secrets and judges.</param>
    /// <param name="sandbox">How code is contained; absent: the defaults.</param>
    public GraderHost(OutboundOptions? outbound = null, SandboxOptions? sandbox = null) =>
        (_outbound, Http, Sandbox) = (outbound ?? new(), new OutboundHttp(outbound ?? new()), new CodeSandbox(sandbox ?? new()));

    /// <summary>Where graders that are code run.</summary>
    public CodeSandbox Sandbox { get; }

    internal OutboundHttp Http { get; }

    /// <inheritdoc />
    public void Dispose()
    {
        Http.Dispose();
        Sandbox.Dispose();
    }

    /// <summary>A secret that the operator set; null when there is none of that name.</summary>
    internal string? Secret(string name) => _outbound.Secrets.GetValueOrDefault(name);

    /// <summary>An endpoint of judging models that the operator set; null when there is none of that name.</summary>
    internal JudgeEndpoint? Judge(string name) => _outbound.Judges.GetValueOrDefault(name);

    /// <summary>Makes a part of a composed grader; its faults point into the whole tree.</summary>
    internal IGrader CreatePart(GraderSpec spec, string pointer) => GraderCatalog.CreateNested(spec, pointer, this);
}
