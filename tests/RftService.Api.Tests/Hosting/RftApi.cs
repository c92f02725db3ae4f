using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using RftService.Testing;

namespace RftService.Api.Tests.Hosting;

/// <summary>The real Api on a real, empty Postgres database of its own, with a data folder and a model root of its own.</summary>
public sealed class RftApi : WebApplicationFactory<Program>, IAsyncLifetime
{
    private readonly Dictionary<string, string> _settings = [];

    public TestDatabase Database { get; private set; } = null!;

    public string Folder { get; } = Directory.CreateTempSubdirectory("rft-api-").FullName;

    public string DataFolder => Path.Combine(Folder, "data");

    public string ModelRoot => Path.Combine(Folder, "models");

    public Guid ProjectId { get; private set; }

    /// <summary>A client with a plain key of <see cref="ProjectId"/>.</summary>
    public HttpClient Client { get; private set; } = null!;

    /// <summary>A client of another project.</summary>
    public HttpClient Stranger { get; private set; } = null!;

    /// <summary>A client with an administrator's key.</summary>
    public HttpClient Admin { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(DataFolder);
        Directory.CreateDirectory(ModelRoot);
        Database = await TestDatabase.CreateAsync();
        (ProjectId, var key) = await Database.AddProjectAsync();
        Client = ClientWith(key);
        Stranger = ClientWith((await Database.AddProjectAsync("strangers")).Key);
        Admin = ClientWith((await Database.AddProjectAsync("administration", admin: true)).Key);
    }

    /// <summary>Set before the first client is made, as by a derived fixture.</summary>
    public RftApi With(string setting, string value)
    {
        _settings[setting] = value;
        return this;
    }

    public HttpClient ClientWith(string? key)
    {
        ClientOptions.AllowAutoRedirect = false;
        var client = CreateClient();
        client.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        return client;
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await DisposeAsync();
        await Database.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseSetting("ConnectionStrings:Rft", Database.ConnectionString);
        builder.UseSetting("Rft:Storage:DataFolder", DataFolder);
        builder.UseSetting("Rft:Storage:ModelRoot", ModelRoot);
        builder.UseSetting("Rft:Limits:RequestsPerMinute", "1000000");
        foreach (var (setting, value) in _settings)
        {
            builder.UseSetting(setting, value);
        }
    }
}

/// <summary>Raw JSON in, elements out: tests see the wire, not our own contracts.</summary>
internal static class Wire
{
    public static Task<HttpResponseMessage> PostTextAsync(this HttpClient client, string path, string body, string contentType = "application/json") =>
        client.PostAsync(new Uri(path, UriKind.Relative), new StringContent(body, Encoding.UTF8, contentType));

    public static async Task<JsonElement> JsonAsync(this HttpResponseMessage response) =>
        await response.Content.ReadFromJsonAsync<JsonElement>();

    /// <summary>The body of a success, asserted with its status.</summary>
    public static async Task<JsonElement> JsonAsync(this Task<HttpResponseMessage> sending, int status)
    {
        using var response = await sending;
        var text = await response.Content.ReadAsStringAsync();
        Assert.True((int)response.StatusCode == status, $"expected {status}, got {(int)response.StatusCode}: {text}");
        return JsonSerializer.Deserialize<JsonElement>(text);
    }

    /// <summary>A problem, its media type, status and code asserted.</summary>
    public static async Task<JsonElement> ProblemAsync(this Task<HttpResponseMessage> sending, int status, string code)
    {
        using var response = await sending;
        var text = await response.Content.ReadAsStringAsync();
        Assert.True((int)response.StatusCode == status, $"expected {status}, got {(int)response.StatusCode}: {text}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonSerializer.Deserialize<JsonElement>(text);
        Assert.Equal(code, problem.GetProperty("code").GetString());
        Assert.Equal(status, problem.GetProperty("status").GetInt32());
        return problem;
    }

    public static string Text(this JsonElement element, string member) => element.GetProperty(member).GetString()!;

    /// <summary>Pointer and code of each error of a problem.</summary>
    public static IReadOnlyList<string> Places(this JsonElement problem) =>
        [.. problem.GetProperty("errors").EnumerateArray().Select(error => $"{error.Text("pointer")} {error.Text("code")}")];
}
