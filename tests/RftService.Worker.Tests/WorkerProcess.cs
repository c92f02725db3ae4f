using System.Diagnostics;
using RftService.Testing;

namespace RftService.Worker.Tests;

/// <summary>The worker as it is shipped, in a process of its own that can be killed.</summary>
internal sealed class WorkerProcess : IDisposable
{
    private readonly Process _process;
    private readonly List<string> _output = [];

    private WorkerProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += Keep;
        process.ErrorDataReceived += Keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

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

    public static WorkerProcess Start(TestRuns runs)
    {
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var program = Repository.Path("artifacts", "bin", "RftService.Worker", configuration, "RftService.Worker.dll");
        var start = new ProcessStartInfo("dotnet", [program])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = runs.Folder,
            Environment =
            {
                ["ConnectionStrings__Rft"] = runs.ConnectionString,
                ["Rft__Storage__DataFolder"] = runs.Storage.DataFolder,
                ["Rft__Storage__ModelRoot"] = runs.Storage.ModelRoot,
                ["Rft__WorkerToken"] = WorkerHost.Token,
                ["Rft__Worker__LeaseSeconds"] = "2",
                ["Urls"] = "http://127.0.0.1:0",
            },
        };
        return new WorkerProcess(Process.Start(start)!);
    }

    /// <summary>kill -9: nothing of it runs any more, no matter what it was about to do.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        lock (_output)
        {
            _output.Add(line.Data ?? "");
        }
    }
}
