using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using RftService.Api.Tests.Hosting;
using RftService.Grading;
using RftService.Testing.Fuzz;

namespace RftService.Api.Tests.Rewards;

/// <summary>An Api whose operator allows loopback, where a judge, an embedder and a remote grader that cannot be trusted listen.</summary>
public sealed class FuzzedApi : IAsyncLifetime
{
    public RftApi Api { get; } = new();

    public HostileEndpoint Endpoint { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Endpoint = await HostileEndpoint.StartAsync();
        Api.With("Rft:Outbound:AllowHttp", "true").With("Rft:Outbound:AllowedNetworks:0", "127.0.0.0/8")
            .With("Rft:Outbound:Judges:default:BaseUrl", Endpoint.Url)
            .With("Logging:LogLevel:Default", "Error").With("Logging:LogLevel:Microsoft.AspNetCore.HttpLogging", "Error");
        await Api.InitializeAsync();
    }

    public async Task DisposeAsync()
    {
        await ((IAsyncLifetime)Api).DisposeAsync();
        await Endpoint.DisposeAsync();
    }
}

/// <summary>
/// Random rewards over HTTP: whatever is sent is answered with a result or with a client's fault and its place, within a second. RFT_FUZZ=36
/// sends 36 times as many, which are over 100,000; a failure shows the body.
/// </summary>
public sealed class RewardFuzzTests(FuzzedApi fuzzed) : IClassFixture<FuzzedApi>
{
    private static readonly int Times =
        int.TryParse(Environment.GetEnvironmentVariable("RFT_FUZZ"), CultureInfo.InvariantCulture, out var times) ? times : 1;

    // Programs take a tenth of a second and more: they have a test of their own.
    private static readonly string[] Quick = [.. RandomGrader.Types.Except(RandomGrader.Programs)];

    // An address that nobody listens at is tried again unless the client says otherwise, and mutations take that away.
    private static readonly string[] Patient = [.. Quick.Except(["remote"])];

    private const string DryRun = "/api/v1/rewards/dry-run";
    private static readonly string[] Paths = ["/api/v1/rewards", "/api/v1/rewards/validate"];

    [Fact]
    public void Generator_KnowsEveryGrader() => Assert.Equal(GraderCatalog.All.Select(entry => entry.Name), RandomGrader.Types);

    [Fact]
    public async Task DryRun_RandomTrees_AreGradedOrRefused()
    {
        var graded = new ConcurrentDictionary<string, int>();
        var answers = await SendAsync(1_000, random =>
        {
            var grader = new RandomGrader(random, Quick) { Service = fuzzed.Endpoint.Url }.Next();
            return (DryRun, BytesOf(DryRunOf(grader, random)));
        }, seen: (status, body) =>
        {
            foreach (var type in status == 200 ? TypesIn(JsonNode.Parse(body)!["grader"]) : [])
            {
                graded.AddOrUpdate(type, 1, (_, count) => count + 1);
            }
        });

        Assert.Equal([], Quick.Where(type => !graded.ContainsKey(type))); // not all of the chance is spent on refusals
        Assert.True(answers[200] > 300 * Times && answers[422] > 100 * Times, Told(answers));
    }

    [Fact]
    public async Task DryRun_RandomPrograms_AreGradedOrRefused()
    {
        string[] types = [.. RandomGrader.Programs, "contains", "clip", "multi"];

        var answers = await SendAsync(40, random =>
            (DryRun, BytesOf(DryRunOf(new RandomGrader(random, types).Next(), random))), slowest: 10);

        Assert.True(answers[200] > 0, Told(answers));
    }

    [Fact]
    public async Task CreateAndValidate_RandomTrees_AreStoredOrRefused()
    {
        var answers = await SendAsync(600, random =>
        {
            var grader = new RandomGrader(random, Quick) { Service = fuzzed.Endpoint.Url }.Next();
            var path = Paths[random.Next(2)];
            var body = path == Paths[0] ? new JsonObject { ["name"] = "fuzz", ["grader"] = grader } : new JsonObject { ["grader"] = grader };
            return (path, BytesOf(body));
        });

        Assert.True(answers[200] > 100 * Times && answers[201] > 100 * Times, Told(answers));
    }

    [Fact]
    public async Task AnyBody_Mutated_IsAnsweredOrRefusedWithItsPlace()
    {
        var answers = await SendAsync(1_200, random =>
        {
            var grader = new RandomGrader(random, Patient).Next();
            var (path, body) = random.Next(4) switch
            {
                0 => (Paths[0], new JsonObject { ["name"] = "fuzz", ["grader"] = grader }),
                1 => (Paths[1], new JsonObject { ["grader"] = grader }),
                _ => (DryRun, DryRunOf(grader, random)),
            };
            return (path, JsonMutation.Of(random, body));
        });

        Assert.True(answers[400] > 300 * Times && answers[422] > 100 * Times && answers[200] > 100 * Times, Told(answers));
    }

    private static JsonObject DryRunOf(JsonObject grader, Random random)
    {
        var samples = Enumerable.Range(0, random.Next(1, 5)).Select(_ => new JsonObject
        {
            ["item"] = new JsonObject
            {
                ["s"] = RandomText.Storable(random.Next(3) == 0 ? RandomText.Latex(random, 12) : RandomText.Of(random, 6)),
                ["list"] = new JsonArray(1, "a"),
            },
            ["output_text"] = RandomText.Storable(random.Next(5) switch
            {
                0 => RandomText.Latex(random, 40),
                1 => "{\"a\":{\"b\":[1,2]},\"c\":" + random.Next(3) + "}",
                2 => "a",
                _ => RandomText.Of(random, 24),
            }),
            ["truncated"] = random.Next(4) == 0,
            ["group"] = random.Next(2) == 0 ? 1 : random.Next(2, 4),
        });
        return new JsonObject { ["grader"] = grader, ["step"] = random.Next(60), ["samples"] = new JsonArray([.. samples]) };
    }

    private static byte[] BytesOf(JsonObject body) => Encoding.UTF8.GetBytes(body.ToJsonString());

    // A grader has a type and a name.
    private static IEnumerable<string> TypesIn(JsonNode? tree) => tree switch
    {
        JsonObject members => members.SelectMany(member => TypesIn(member.Value))
            .Concat(members["type"] is JsonValue type && members.ContainsKey("name") ? [(string)type!] : []),
        JsonArray list => list.SelectMany(TypesIn),
        _ => [],
    };

    private async Task<Dictionary<int, int>> SendAsync(
        int count, Func<Random, (string Path, byte[] Body)> make, Action<int, byte[]>? seen = null, double slowest = 1)
    {
        var statuses = new ConcurrentDictionary<int, int>();
        var slow = new ConcurrentBag<(string Path, byte[] Body)>();
        await Parallel.ForAsync(0, count * Times, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (i, _) =>
        {
            var (path, body) = make(new Random(20_260_201 + i));
            var (status, seconds) = await PostAsync(path, body);
            seen?.Invoke(status, body);
            statuses.AddOrUpdate(status, 1, (_, seenBefore) => seenBefore + 1);
            if (seconds > slowest)
            {
                slow.Add((path, body));
            }
        });

        // A busy machine is slow once; what hangs is slow again.
        foreach (var (path, body) in slow)
        {
            var again = Math.Min((await PostAsync(path, body)).Seconds, (await PostAsync(path, body)).Seconds);
            Assert.True(again <= slowest, $"{again} s: {path} {Encoding.UTF8.GetString(body)}");
        }

        return new[] { 200, 201, 400, 422 }.ToDictionary(status => status, status => statuses.GetValueOrDefault(status));
    }

    private async Task<(int Status, double Seconds)> PostAsync(string path, byte[] body)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var started = Stopwatch.GetTimestamp();
        using var response = await fuzzed.Api.Client.PostAsync(new Uri(path, UriKind.Relative), content);
        var text = await response.Content.ReadAsStringAsync();
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;

        var status = (int)response.StatusCode;
        Assert.True(status is 200 or 201 or 400 or 422, $"{status} {text}\n{path} {Encoding.UTF8.GetString(body)}");
        var answer = JsonElement.Parse(text);
        if (status >= 400)
        {
            Assert.All(answer.GetProperty("errors").EnumerateArray(), error => Assert.True(
                IsPlaceOf(error.Text("pointer"), body), $"no place of the body: {error}\n{path} {Encoding.UTF8.GetString(body)}"));
        }

        return (status, seconds);
    }

    // A pointer names a member that is there, or one that could be.
    private static bool IsPlaceOf(string pointer, byte[] body)
    {
        JsonElement at;
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { AllowDuplicateProperties = false });
            at = document.RootElement.Clone();
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            return true; // what is no JSON or no Unicode has no places, and of two members of a name nobody knows which is meant
        }

        foreach (var segment in pointer.Split('/').Skip(1).SkipLast(1))
        {
            var name = segment.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (at.ValueKind == JsonValueKind.Array && int.TryParse(name, CultureInfo.InvariantCulture, out var place) && place < at.GetArrayLength())
            {
                at = at[place];
            }
            else if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out at))
            {
                return false;
            }
        }

        return at.ValueKind is JsonValueKind.Object or JsonValueKind.Array || pointer.Length == 0;
    }

    private static string Told(Dictionary<int, int> answers) => string.Join(", ", answers.Select(answer => $"{answer.Value} times {answer.Key}"));
}
