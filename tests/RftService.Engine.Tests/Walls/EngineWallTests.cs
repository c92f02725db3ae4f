using RftService.Engine.Algorithms;
using RftService.Testing;

namespace RftService.Engine.Tests.Walls;

public sealed class EngineWallTests
{
    [Fact]
    public void Engine_ReferencedAssemblies_KnowNoWebDatabaseOrScheduler()
    {
        string[] allowed = ["TorchSharp", "Microsoft.Extensions.Logging.Abstractions", "Microsoft.Win32.Primitives", "System", "netstandard"];
        string[] forbidden = ["System.Net", "System.Data", "System.Web"];

        var names = typeof(AlgorithmCatalog).Assembly.GetReferencedAssemblies().Select(name => name.Name!).ToArray();

        Assert.All(names, name => Assert.Contains(allowed, prefix => name == prefix || name.StartsWith(prefix + ".", StringComparison.Ordinal)));
        Assert.All(names, name => Assert.DoesNotContain(forbidden, prefix => name.StartsWith(prefix, StringComparison.Ordinal)));
    }

    [Fact]
    public void Engine_Sources_ReadNoWallClockAndNoEnvironment()
    {
        string[] forbidden = ["DateTime.Now", "DateTime.UtcNow", "DateTimeOffset.Now", "DateTimeOffset.UtcNow", "Environment.GetEnvironmentVariable", "Random.Shared"];
        var folder = Repository.Path("src", "RftService.Engine");

        foreach (var file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
        {
            var text = File.ReadAllText(file);
            Assert.All(forbidden, name => Assert.False(text.Contains(name, StringComparison.Ordinal), $"{file} uses {name}"));
        }
    }
}
