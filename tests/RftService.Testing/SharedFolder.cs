using Xunit;

namespace RftService.Testing;

/// <summary>Real models and data that may lie beside the checkout and are never part of it.</summary>
public static class SharedFolder
{
    private static readonly string? Root = Find();

    public static bool Exists => Root is not null;

    public static string Path(string relative) =>
        System.IO.Path.Combine(Root ?? throw new InvalidOperationException("There is no shared folder beside the checkout."), relative);

    private static string? Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var shared = System.IO.Path.Combine(folder.FullName, "shared");
            if (File.Exists(System.IO.Path.Combine(shared, "golden", "losses.json")))
            {
                return shared;
            }
        }

        return null;
    }
}

/// <summary>A fact that needs <see cref="SharedFolder"/> and is skipped without it.</summary>
public sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute() => Skip = SharedFolder.Exists ? null : "no shared folder beside the checkout";
}
