using System.Diagnostics;
using System.Text.RegularExpressions;
using RftService.Testing;

namespace RftService.Service.Tests;

/// <summary>A program of the service as it is shipped, in a process of its own, listening on this machine alone.</summary>
internal sealed partial class ServiceProcess : IDisposable
{
    private static readonly TimeSpan StartsWithin = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly List<string> _output = [];
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServiceProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public Uri Address => _address.Task.Result;

    public bool HasExited => _process.HasExited;

    public string Output
    {
        get
        {
            lock (_output)
            {
                return string.Join('\n', _output);
            }
        }
    }

    /// <summary>Where the build has put a program.</summary>
    public static string Program(string name)
    {
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        return Repository.Path("artifacts", "bin", $"RftService.{name}", configuration, $"RftService.{name}.dll");
    }

    /// <summary>Starts it and waits until it listens; port 0 leaves the choice to the system.</summary>
    public static async Task<ServiceProcess> StartAsync(string name, string folder, int port, IReadOnlyDictionary<string, string> settings)
    {
        var start = new ProcessStartInfo("dotnet", [Program(name)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
            Environment = { ["Urls"] = $"http://127.0.0.1:{port}" },
        };
        foreach (var (key, value) in settings)
        {
            start.Environment[key] = value;
        }

        var process = new ServiceProcess(Process.Start(start)!);
        try
        {
            await process._address.Task.WaitAsync(StartsWithin);
            return process;
        }
        catch (TimeoutException)
        {
            process.Dispose();
            throw new InvalidOperationException($"{name} does not listen:\n{process.Output}");
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        lock (_output)
        {
            _output.Add(line ?? "");
        }

        if (Listening().Match(line ?? "") is { Success: true } match)
        {
            _address.TrySetResult(new Uri(match.Groups[1].Value));
        }
    }

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening();
}
