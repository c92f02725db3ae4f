using System.Reflection;

namespace RftService.Grading.Sandbox;

/// <summary>
/// The files that sandboxes see beside /usr: the workers' programs, in a folder of this process that any user may read, because the
/// sandbox's user could not enter the service's own folders. Deleted at the end.
/// </summary>
internal sealed class SandboxFiles : IDisposable
{
    private const UnixFileMode ReadableFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private readonly DirectoryInfo _folder;

    public SandboxFiles(byte[] filter)
    {
        _folder = Directory.CreateTempSubdirectory("rft-sandbox-");
        SetMode(_folder.FullName, ReadableFolder);
        Write("filter.bpf", filter);
        foreach (var name in new[] { "grade.py", "tests.py" })
        {
            using var program = Assembly.GetExecutingAssembly().GetManifestResourceStream("RftService.Grading.Sandbox." + name)
                ?? throw new InvalidOperationException($"The program {name} is not embedded.");
            using var copy = new MemoryStream();
            program.CopyTo(copy);
            Write(name, copy.ToArray());
        }

        CopyHost();
    }

    public string Folder => _folder.FullName;

    public string Filter => Path.Combine(Folder, "filter.bpf");

    /// <summary>True when the JavaScript host was built beside this program.</summary>
    public bool HasHost => File.Exists(Path.Combine(Folder, "host", "RftService.GraderHost.dll"));

    /// <summary>The folder of the running .NET.</summary>
    public static string RuntimeFolder { get; } =
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", ".."));

    public void Dispose()
    {
        try
        {
            _folder.Delete(recursive: true);
        }
        catch (IOException)
        {
            // A sandbox that is just being killed may hold a mount; the folder is in /tmp and holds no secret.
        }
    }

    private void CopyHost()
    {
        var source = new DirectoryInfo(Path.Combine(AppContext.BaseDirectory, "grader-host"));
        if (!source.Exists)
        {
            return;
        }

        var target = _folder.CreateSubdirectory("host");
        SetMode(target.FullName, ReadableFolder);
        foreach (var file in source.EnumerateFiles())
        {
            Write(Path.Combine("host", file.Name), File.ReadAllBytes(file.FullName));
        }
    }

    private void Write(string name, byte[] content)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllBytes(path, content);
        SetMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
    }

    private static void SetMode(string path, UnixFileMode mode)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, mode);
        }
    }
}
