using System.Text.Json;
using System.Text.Json.Nodes;
using RftService.Api.Http;
using RftService.Api.OpenApi;
using RftService.Api.Tests.Hosting;
using RftService.Testing;

namespace RftService.Api.Tests.OpenApi;

public sealed class DocumentTests(RftApi api) : IClassFixture<RftApi>
{
    private static readonly string Published = Repository.Path("openapi", "rft.v1.json");

    public static TheoryData<Type> Bodies => new(typeof(Program).Assembly.GetTypes()
        .Where(type => typeof(IRequestBody).IsAssignableFrom(type) && type is { IsInterface: false, IsAbstract: false }).OrderBy(type => type.Name, StringComparer.Ordinal));

    [Fact]
    public async Task Document_EqualsThePublishedOne()
    {
        var document = await TextAsync();

        if (Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Published)!);
            await File.WriteAllTextAsync(Published, document);
        }

        Assert.True(document == await File.ReadAllTextAsync(Published),
            "openapi/rft.v1.json is old: run the tests with UPDATE_SNAPSHOTS=1 and review the change.");
    }

    [Fact]
    public async Task EveryOperation_IsNamedAndDescribed()
    {
        var faults = new List<string>();
        await foreach (var (name, operation) in OperationsAsync())
        {
            void Demand(bool holds, string what)
            {
                if (!holds)
                {
                    faults.Add($"{name}: {what}");
                }
            }

            Demand(operation["operationId"] is not null, "no operation id");
            Demand(operation["summary"] is not null, "no summary");
            Demand(operation["tags"] is JsonArray { Count: 1 }, "not exactly one tag");
            foreach (var parameter in operation["parameters"]?.AsArray() ?? [])
            {
                Demand(parameter!["description"] is not null, $"parameter {parameter["name"]} has no description");
            }

            // A file picker has no text to show; the same file can be typed as text/plain, which has.
            foreach (var (media, content) in (operation["requestBody"]?["content"]?.AsObject() ?? []).Where(media => !IsFile(media.Value!)))
            {
                Demand(content!["examples"] is JsonObject { Count: > 0 } || content["example"] is not null, $"no example of {media}");
                Demand(operation["responses"]!["400"] is not null, "a body, but no 400");
            }

            Demand(operation["responses"]!["401"]?["content"]?[ProblemResult.ContentType] is not null, "no 401 problem");
        }

        Assert.Empty(faults);
    }

    [Fact]
    public async Task Unions_AreBaseSchemasWithADiscriminator()
    {
        var schemas = JsonNode.Parse(await TextAsync())!["components"]!["schemas"]!.AsObject();

        foreach (var union in new[] { "GraderSpec", "AlgorithmOptions", "AdvantageSpec", "LossSpec", "ScheduleSpec", "WeightSpec" }.Where(schemas.ContainsKey))
        {
            var mapping = schemas[union]!["discriminator"]!["mapping"]!.AsObject();
            Assert.Equal("type", schemas[union]!["discriminator"]!["propertyName"]!.GetValue<string>());
            Assert.All(mapping, one => Assert.NotNull(schemas[one.Value!.GetValue<string>().Split('/')[^1]]!["allOf"]));
        }

        Assert.Null(schemas["Problem"]!["discriminator"]);
    }

    [Theory]
    [MemberData(nameof(Bodies))]
    public void EveryExample_CanBeSentAsItIs(Type body)
    {
        var examples = OperationDetails.ExamplesOf(body);

        Assert.NotEmpty(examples);
        Assert.All(examples, example => Assert.Empty(RequestValidator.Validate(JsonSerializer.Deserialize(example.Json, body, JsonSetup.Options)!)));
    }

    [Fact]
    public async Task SwaggerUi_IsOpen()
    {
        using var page = await api.ClientWith(null).GetAsync(new Uri("/swagger/index.html", UriKind.Relative));

        Assert.Equal(200, (int)page.StatusCode);
    }

    private static bool IsFile(JsonNode content) =>
        (string?)(content["schema"]?["properties"]?["file"] ?? content["schema"])?["format"] == "binary";

    private async IAsyncEnumerable<(string Name, JsonNode Operation)> OperationsAsync()
    {
        foreach (var (path, methods) in JsonNode.Parse(await TextAsync())!["paths"]!.AsObject())
        {
            foreach (var (method, operation) in methods!.AsObject())
            {
                yield return ($"{method} {path}", operation!);
            }
        }
    }

    private async Task<string> TextAsync()
    {
        var document = await api.ClientWith(null).GetStringAsync(new Uri("/swagger/v1/swagger.json", UriKind.Relative));
        return document.ReplaceLineEndings("\n").TrimEnd() + "\n";
    }
}
