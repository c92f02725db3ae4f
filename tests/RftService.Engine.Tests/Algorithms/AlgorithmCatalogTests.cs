using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using RftService.Engine.Algorithms;

namespace RftService.Engine.Tests.Algorithms;

public sealed class AlgorithmCatalogTests
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { AlgorithmCatalog.AddPolymorphism } },
    };

    [Fact]
    public void All_Names_AreUniqueAndKebabCase()
    {
        var names = AlgorithmCatalog.All.Select(entry => entry.Name).ToArray();

        Assert.Equal(["grpo", "sft", "topr"], names);
        Assert.All(names, name => Assert.Matches(new Regex("^[a-z0-9]+(-[a-z0-9]+)*$"), name));
    }

    [Fact]
    public void All_Entries_AreDescribedAndHaveValidDefaults() => Assert.All(AlgorithmCatalog.All, entry =>
    {
        Assert.NotEmpty(entry.Summary);
        Assert.NotEmpty(entry.Paper);
        Assert.NotEmpty(entry.Accepts);
        Assert.Equal(entry.OptionsType, entry.Defaults.GetType());
        Assert.Same(entry, AlgorithmCatalog.EntryOf(entry.Defaults));
        Validator.ValidateObject(entry.Defaults, new ValidationContext(entry.Defaults), validateAllProperties: true);
    });

    [Fact]
    public void Defaults_ThroughJson_AreUnchanged() => Assert.All(AlgorithmCatalog.All, entry =>
    {
        var json = JsonSerializer.Serialize(entry.Defaults, Json);

        Assert.Equal(entry.Name, JsonDocument.Parse(json).RootElement.GetProperty("type").GetString());
        Assert.Equal(entry.Defaults, JsonSerializer.Deserialize<AlgorithmOptions>(json, Json));
        Assert.Equal(entry.Defaults, JsonSerializer.Deserialize<AlgorithmOptions>($$"""{"type":"{{entry.Name}}"}""", Json));
    });

    [Theory]
    [InlineData("""{"type":"topr","negative_taper":{"lower":2,"upper":1}}""", "NegativeTaper")]
    [InlineData("""{"type":"topr","positive_taper":{"lower":-1}}""", "PositiveTaper")]
    [InlineData("""{"type":"grpo","clip_low":2}""", "ClipLow")]
    public void Options_OutOfRange_NameTheMember(string json, string member)
    {
        var options = JsonSerializer.Deserialize<AlgorithmOptions>(json, Json)!;

        var faults = new List<ValidationResult>();
        Assert.False(Validator.TryValidateObject(options, new ValidationContext(options), faults, validateAllProperties: true));
        Assert.Equal([member], Assert.Single(faults).MemberNames);
    }

    [Theory]
    [InlineData("""{"type":"unknown"}""")]
    [InlineData("""{"type":"topr","negative_ratio_max":1}""")]
    [InlineData("""{"type":"topr","ratio_level":2}""")]
    public void Options_UnknownNames_AreRefused(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<AlgorithmOptions>(json, Json));

    [Fact]
    public void All_Entries_HaveAHandComputedOrGoldenLoss()
    {
        var tested = GoldenLosses.Cases.Select(golden => AlgorithmCatalog.EntryOf(golden.Options).Name).Append("sft");

        Assert.All(AlgorithmCatalog.All, entry => Assert.Contains(entry.Name, tested));
    }
}
